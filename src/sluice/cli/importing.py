"""`sluice import`: the configuration of another gateway, as the short form."""

import sys
from pathlib import Path

import click

from sluice.cli.help import Told
from sluice.config.litellm import Imported, import_litellm
from sluice.config.source import Source
from sluice.errors import ConfigError

FORMATS = ("litellm",)


@click.command(
    "import",
    cls=Told,
    examples=(
        ("sluice import litellm config.yaml", "show it"),
        ("sluice import litellm config.yaml -o gateway.yaml", "write it, for `sluice serve -f gateway.yaml`"),
        ("sluice import --from litellm config.yaml", "the same, in agentgateway's words"),
    ),
)
@click.argument("words", nargs=-1, required=True, metavar="[litellm] FILE")
@click.option(
    "--from", "form", type=click.Choice(FORMATS), help="Whose configuration it is, if it is not the first word."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write it there.",
    show_default="standard output",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def import_command(words: tuple[str, ...], form: str | None, output: Path | None, force: bool) -> None:
    """Turn the configuration of another gateway into ours.

    LiteLLM's proxy: models, deployments of one name, fallbacks, retries, clocks, rests, prices and the master key. What
    is not carried over is said, one line for each place, and stands in the head of the file. Secrets are neither shown
    nor written: a variable takes the place of each, and is named.

    Exit status: 0 it is made, 2 it cannot be read or written, or nothing of it can be served.
    """
    file = _file(words, form)
    try:
        made = import_litellm(Source(name=file.name, text=file.read_text(encoding="utf-8")))
        if output is None:
            click.echo(made.text, nl=False)
        else:
            with output.open("w" if force else "x", encoding="utf-8") as target:
                target.write(made.text)
    except ConfigError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except FileExistsError:
        raise click.UsageError(f"{output} is there already: --force writes over it") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8") from None
    except OSError as error:
        where = error.filename or output  # writing to a file that is full names none
        raise click.UsageError(f"{where}: {error.strerror}") from None
    _tell(made, output)


def _file(words: tuple[str, ...], form: str | None) -> Path:
    """Return the file that is meant by `litellm FILE`, or by `FILE` with --from."""
    if form is None and words[0] not in FORMATS:
        raise click.UsageError("whose configuration is it? sluice import litellm FILE")
    files = words if form is not None else words[1:]
    if len(files) != 1:
        raise click.UsageError("expected one file: sluice import litellm FILE")
    return Path(files[0])


def _tell(made: Imported, output: Path | None) -> None:
    for note in made.notes:
        click.echo(str(note), err=True)
    virtual = f" and {_count(made.virtual_models, 'virtual one')}" if made.virtual_models else ""
    notes = f"; {_count(len(made.notes), 'note')}, see above" if made.notes else ""
    click.echo(f"{_count(made.models, 'model')}{virtual}{notes}", err=True)
    if made.variables:
        click.echo(f"set before it is served: {' '.join(made.variables)}", err=True)
    if output is not None:
        click.echo(f"see what it serves: sluice check -f {output}", err=True)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
