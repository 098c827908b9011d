"""Every command with its help and its examples, and how a test runs one."""

import shlex
from collections.abc import Iterator

import click
from click.testing import CliRunner, Result

from sluice.cli import main
from sluice.cli.help import Told, ToldGroup

Known = Told | ToldGroup


def commands(above: click.Group = main, way: str = "sluice") -> Iterator[tuple[str, Known]]:
    """The commands below one, each with the words that lead to it."""
    context = click.Context(above)
    for name in above.list_commands(context):
        command = above.get_command(context, name)
        assert isinstance(command, Told | ToldGroup), f"{way} {name} has no help of the common look"
        yield f"{way} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{way} {name}")


COMMANDS = [("sluice", main), *commands()]
EXAMPLES = sorted({line for _, command in COMMANDS for line, _ in command.examples})


def run(*words: str, stdin: str | None = None, **env: str | None) -> Result:
    """Run `sluice` with these words."""
    given = {"OPENAI_API_KEY": None, "COLUMNS": "100", **env}
    return CliRunner().invoke(main, words, input=stdin, env=given, prog_name="sluice")


def argv(line: str) -> list[str]:
    """The words of the last `sluice` of an example, without what a shell makes of `<` and `>`."""
    found: list[str] = []
    for part in " ".join(shlex.quote(word) for word in shlex.split(line)).replace(" '|' ", "\n").split("\n"):
        words = shlex.split(part)
        while signs := [place for place, word in enumerate(words) if word in ("<", ">")]:
            del words[signs[0] : signs[0] + 2]
        found = words if words[0] == "sluice" else found
    return found[1:]
