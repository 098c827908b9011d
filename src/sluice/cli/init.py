"""`sluice init`: a small project to begin with. Its own tests pass, and `sluice agent` serves it.

The files stand in `cli/template/`, each with `.in` behind its name; `@NAME@` in them is the project's name.
"""

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from sluice.cli.help import Told

_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?\Z")
"""What is an agent's name, a package's and a folder's: no name that one of the three refuses."""
FILES: Final = {
    "agent.py.in": "agent.py",
    "test_agent.py.in": "tests/test_agent.py",
    "pyproject.toml.in": "pyproject.toml",
    "README.md.in": "README.md",
    "gitignore.in": ".gitignore",
    "env.in": ".env.example",
}
"""Each template, and the file that it becomes."""


@click.command(
    "init",
    cls=Told,
    examples=(
        ("sluice init shop", "the folder shop/, ready for `sluice agent agent:agent`"),
        ("sluice init helper-2", "the same, with a longer name"),
    ),
)
@click.argument("name")
def init_command(name: str) -> None:
    """Make a folder with a streaming agent, its tests, and what it takes to serve it.

    NAME is the agent's, the package's and the folder's: letters, digits, - and _, at most 64. Nothing that is there is
    written over.

    Exit status: 0 the folder is ready, 2 the name cannot be one, or is taken.
    """
    if not _NAME.match(name):
        raise click.BadParameter(
            f"{name!r}: 1 to 64 letters, digits, - or _, a letter first and no sign last", param_hint="NAME"
        )
    folder = Path(name)
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise click.BadParameter(f"{name!r} is there already, and not empty", param_hint="NAME")
    try:
        write(folder, name)
    except OSError as error:
        click.echo(f"the project cannot be written: {error.strerror}: {error.filename}", err=True)
        sys.exit(1)
    click.echo(f"{name}/ is ready:\n")
    for line in (
        f"cd {name}",
        "python -m pytest",
        "sluice agent agent:agent",
        'sluice chat "How many words are in this?"',
    ):
        click.echo(f"  {line}")


def write(folder: Path, name: str) -> None:
    """Write the project.

    Raises:
        OSError: it cannot be written, or one of its files is there.
    """
    template = files("sluice.cli").joinpath("template")
    for source, target in FILES.items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        text = template.joinpath(source).read_text(encoding="utf-8").replace("@NAME@", name)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
