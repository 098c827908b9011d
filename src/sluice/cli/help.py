"""How the command line speaks: help that begins with examples, errors of two lines, commands that load when they run.

One look for every command: a sentence, examples, usage, what there is to know, options with their defaults. Colour only
on a terminal, and never where NO_COLOR is set (no-color.org, read 2026-11-21). Exit statuses: 0 fine, 1 what was asked
about is not, 2 usage or configuration, 130 interrupted.
"""

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

WIDTH = 100
"""Columns of help at most; a narrower terminal has less."""
INTERRUPTED = 130
BESIDE = 40
"""Characters of an example that leave room for its aim beside it."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": WIDTH, "show_default": True}

Example = tuple[str, str]
"""A command line, and what it is for."""


class Told(click.Command):
    """A command whose help begins with `examples`. The first sentence of its docstring stands before them."""

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write(self, self.examples, ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)


class ToldGroup(click.Group):
    """The same, of a command that has commands below it."""

    command_class = Told

    def __init__(self, *args: Any, examples: Sequence[Example] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write(self, self.examples, ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        _write_options(self, ctx, formatter)


class Shelf(ToldGroup):
    """The commands by section, each with its sentence and where it is: `module:attribute`, imported when it is used.

    Guarantee: help and completion of the group itself import no command.
    """

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, tuple[str, str]]], **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.sections = sections
        self.places = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.places:
            return None
        module, _, attribute = self.places[cmd_name][1].partition(":")
        found = getattr(import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.places and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.NoSuchCommand(name, possibilities=self.places, ctx=ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=sentence)
            for name, (sentence, _) in self.places.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.places))
        for title, entries in self.sections.items():
            with _section(formatter, title):
                formatter.write_dl([(_name(name, width), sentence) for name, (sentence, _) in entries.items()])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if os.environ.get("NO_COLOR"):
            extra.setdefault("color", False)
        return super().make_context(info_name, args, parent, **extra)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command, and exit as the head of this file says."""
        try:
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            if not standalone_mode:
                raise
            refuse(error)
        except click.Abort:
            if not standalone_mode:
                raise
            sys.exit(INTERRUPTED)
        if not standalone_mode:
            return status
        sys.exit(status if isinstance(status, int) else 0)


def refuse(error: click.ClickException) -> NoReturn:
    """Say in two lines what is wrong and where help is, and exit with the error's status."""
    context = getattr(error, "ctx", None)
    color = context.color if isinstance(context, click.Context) else False if os.environ.get("NO_COLOR") else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.message, err=True, color=color)  # the help, as it is: the command alone is how one asks for it
        sys.exit(error.exit_code)
    click.echo(f"{click.style('error:', fg='red', bold=True)} {_sentence(error)}", err=True, color=color)
    if isinstance(context, click.Context):
        click.echo(f"See: {context.command_path} --help", err=True, color=color)
    sys.exit(error.exit_code)


def _sentence(error: click.ClickException) -> str:
    """Return what is wrong; of a name that is nearly right, which was meant."""
    near: Iterable[str] = ()
    if isinstance(error, click.NoSuchOption | click.NoSuchCommand):
        near = error.possibilities or ()
        text = error.message
    else:
        text = error.format_message()
    text = " ".join(text.split())
    meant = " or ".join(f"`{name}`" for name in list(near)[:2])
    return f"{text} Did you mean {meant}?" if meant else text


# -- help -------------------------------------------------------------------------------------------------------------


def _write(
    command: click.Command, examples: Sequence[Example], ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    sentence, _, rest = inspect.cleandoc(command.help or "").partition("\n\n")
    formatter.write_text(" ".join(sentence.split()))
    if examples:
        with _section(formatter, "Examples"):
            _write_examples(examples, formatter)
    formatter.write_paragraph()
    pieces = " ".join(command.collect_usage_pieces(ctx))
    formatter.write_usage(ctx.command_path, pieces, prefix=_title("Usage: "))
    if rest.strip():
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(rest.strip())
    command.format_options(ctx, formatter)
    command.format_epilog(ctx, formatter)


def _write_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """In two columns; a line that leaves no room for its aim stands below it."""
    if max(len(line) for line, _ in examples) <= BESIDE:
        formatter.write_dl([(_name(line), aim) for line, aim in examples], col_max=BESIDE + 2)
        return
    margin = " " * formatter.current_indent
    for line, aim in examples:
        formatter.write(f"{margin}{click.style(f'# {aim}', dim=True)}\n{margin}{_name(line)}\n")


def _write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Every option with what it takes, its default, its bounds and its variable, in one form."""
    records = [record for one in command.get_params(ctx) if (record := option_record(one, ctx)) is not None]
    if records:
        with _section(formatter, "Options"):
            formatter.write_dl([(_name(names), text) for names, text in records], col_max=34)


def option_record(parameter: click.Parameter, ctx: click.Context) -> tuple[str, str] | None:
    """Return an option's names with what it takes, and its sentence with `[…]` behind it; None if it is not shown."""
    if not isinstance(parameter, click.Option) or parameter.hidden:
        return None
    plain = parameter.get_help_record(ctx)
    if plain is None:
        return None
    extra = parameter.get_help_extra(ctx)
    default = str(extra.get("default", ""))
    if default.startswith("(") and default.endswith(")"):
        default = default[1:-1]  # a default in words
    variables = parameter.envvar if parameter.envvar is not None else ()
    named = (variables,) if isinstance(variables, str) else tuple(variables)
    notes = [
        f"default: {default}" if default not in ("", '""') else "",
        "required" if parameter.required else "",
        "may be repeated" if parameter.multiple else "",
        f"env: {', '.join(named)}" if named else "",
    ]
    said = "; ".join(note for note in notes if note)
    names = plain[0].replace("INTEGER RANGE", "N").replace("FLOAT RANGE", "N")
    return names, f"{parameter.help or ''}{f'  [{said}]' if said else ''}".strip()


@contextmanager
def _section(formatter: click.HelpFormatter, title: str) -> Iterator[None]:
    """Write a heading; what is written inside stands below it, indented."""
    formatter.write_paragraph()
    formatter.write(f"{_title(f'{title}:')}\n")
    with formatter.indentation():
        yield


def _title(text: str) -> str:
    return click.style(text, bold=True)


def _name(text: str, width: int = 0) -> str:
    return click.style(text, fg="cyan") + " " * (width - len(text))
