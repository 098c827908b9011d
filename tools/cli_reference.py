"""docs/reference/cli.md: every command with its examples, options and exit statuses, from the commands themselves."""

import inspect
import re
from collections.abc import Iterator

import click

from sluice.cli import SECTIONS, main
from sluice.cli.help import SETTINGS, Told, ToldGroup, option_record
from tools.markdown import table

Known = Told | ToldGroup
_SIGNS = re.compile(r"(\{[^}\n]*\}|\[\[[^\n]*\]\]|\b\w*_\w*\b|<\S+>|\bhttps?://[\w.:/-]*\w)")


def command_table() -> str:
    """Return the commands by section."""
    rows = [
        (section, f"[`sluice {name}`](#sluice-{name})", sentence)
        for section, entries in SECTIONS.items()
        for name, (sentence, _) in entries.items()
    ]
    return table(("", "command", "what it does"), rows)


def commands() -> str:
    """Return every command, those below others included."""
    context = click.Context(main, info_name="sluice", **SETTINGS)  # type: ignore[arg-type]
    return "\n\n".join(text for name in main.list_commands(context) for text in _told(name, main, context))


def _told(name: str, above: click.Group, parent: click.Context) -> Iterator[str]:
    command = above.get_command(parent, name)
    assert isinstance(command, Told | ToldGroup), name
    context = click.Context(command, info_name=name, parent=parent)
    yield _page(command, context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _told(inner, command, context)


def _page(command: Known, context: click.Context) -> str:
    depth = "##" if context.parent is not None and context.parent.parent is None else "###"
    sentence, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    examples = "\n".join(f"# {aim}\n{line}" for line, aim in command.examples)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [
        f"{depth} {context.command_path}",
        _text(sentence),
        f"```text\n{examples}\n```" if examples else "",
        f"Usage: `{usage}`",
        _text(rest),
    ]
    records = [record for one in command.get_params(context) if (record := option_record(one, context)) is not None]
    parts.append(table(("option", "meaning", ""), [_row(names, text) for names, text in records]))
    return "\n\n".join(part for part in parts if part)


def _row(names: str, text: str) -> tuple[str, str, str]:
    sentence, _, notes = text.partition("  [")
    return f"`{names}`", _text(sentence), _text(notes.removesuffix("]"))


def _text(text: str) -> str:
    """Return a text for a page: signs that Markdown would take are code, but for those that are already."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _SIGNS.sub(r"`\1`", part) for part in parts)


GENERATORS = {"cli-commands": command_table, "cli": commands}
