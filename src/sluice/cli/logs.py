"""`sluice logs`: read the log of a gateway, choose lines of it, and show them to a person or to the next program."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console

from sluice.cli import log_picking as picking
from sluice.cli.help import Told
from sluice.cli.log_picking import Line, Pick, words
from sluice.cli.log_reading import STDIN, lines_of, read_line
from sluice.cli.log_screen import chosen, harmless, row
from sluice.telemetry.line import compact


@click.command(
    "logs",
    cls=Told,
    examples=(
        ("sluice serve | sluice logs", "watch what comes"),
        ("kubectl logs -f deploy/sluice | sluice logs --errors", "what went wrong, as it happens"),
        ("sluice logs -f sluice.log --slow 2s", "the slow ones, of a file that grows"),
        ("sluice logs sluice.log --status 5xx --since 10m", "what failed in ten minutes"),
        ("sluice logs sluice.log --where 'line[\"retry.attempt\"] > 1' --json", "for jq"),
    ),
)
@click.argument("file", default="-", type=click.Path(path_type=Path))
@click.option("-f", "--follow", is_flag=True, help="Go on when FILE ends, as it grows or is replaced.")
@click.option("--outcome", "outcomes", multiple=True, metavar="NAME", help="As completed, client_gone, timeout.")
@click.option("--status", "statuses", multiple=True, metavar="CODE", help="As 404, 5xx or 400-499.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Asked for or answered; * is any text.")
@click.option("--route", "routes", multiple=True, metavar="NAME", help="As default/openai; * is any text.")
@click.option("--slow", metavar="DURATION", help="Took so long or longer, as 2s.")
@click.option("--errors", is_flag=True, help="Did not complete, or status 400 and above; and the server's warnings.")
@click.option("--where", metavar="CEL", help='A condition over the fields, as line["http.status"] >= 500.')
@click.option("--since", metavar="TIME", help="As 10m, or 2026-11-21T10:00:00Z.")
@click.option("--json", "raw", is_flag=True, help="Print the lines as they are, and nothing that is no JSON.")
@click.option("--fields", metavar="A,B", help="Print these fields and no others.")
def logs_command(
    file: Path,
    follow: bool,
    outcomes: tuple[str, ...],
    statuses: tuple[str, ...],
    models: tuple[str, ...],
    routes: tuple[str, ...],
    slow: str | None,
    errors: bool,
    where: str | None,
    since: str | None,
    raw: bool,
    fields: str | None,
) -> None:
    """Show the log of a gateway, and choose from it.

    Reads the lines that `sluice serve` writes with LOG_FORMAT=json: of FILE, or of standard input. Several options have
    to hold together; several values of one are alternatives. Lines that are no JSON are passed on as they are, unless
    --json or an option that chooses is given: then they are left out.

    Exit status: 0; 2 wrong options, or FILE cannot be read; 130 interrupted.
    """
    picks = list(_picks(outcomes, statuses, models, routes, slow, errors, where, since))
    wanted = words([fields]) if fields else []
    show = _raw(wanted) if raw else _shown(wanted)
    if follow and file == STDIN:
        raise click.UsageError("--follow needs a FILE: standard input is followed until it ends.")
    try:
        with contextlib.closing(lines_of(file, follow=follow)) as lines:
            for line in lines:
                _one(line, picks, show, passes=not raw and not picks)
    except BrokenPipeError:  # the next program has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        hint = "Without FILE, standard input is read."
        raise click.UsageError(f"{file} cannot be read: {error.strerror}. {hint}") from None
    except KeyboardInterrupt:
        sys.exit(130)


def _picks(
    outcomes: tuple[str, ...],
    statuses: tuple[str, ...],
    models: tuple[str, ...],
    routes: tuple[str, ...],
    slow: str | None,
    errors: bool,
    where: str | None,
    since: str | None,
) -> Iterator[Pick]:
    """Yield the conditions that the options make.

    Raises:
        click.BadParameter: one cannot be read.
    """
    named: tuple[tuple[str, bool, Callable[[], Pick]], ...] = (
        ("--outcome", bool(outcomes), lambda: picking.by_outcome(outcomes)),
        ("--status", bool(statuses), lambda: picking.by_status(statuses)),
        (
            "--model",
            bool(models),
            lambda: picking.by_name(models, ("gen_ai.request.model", "gen_ai.response.model")),
        ),
        ("--route", bool(routes), lambda: picking.by_name(routes, ("route", "route_rule"))),
        ("--slow", slow is not None, lambda: picking.by_slowness(slow or "")),
        ("--errors", errors, lambda: picking.by_failure),
        ("--where", where is not None, lambda: picking.by_expression(where or "")),
        ("--since", since is not None, lambda: picking.by_time(since or "", time.time())),
    )
    for option, given, make in named:
        if given:
            try:
                yield make()
            except ValueError as error:
                raise click.BadParameter(f"{error}.", param_hint=option) from None


def _one(data: bytes, picks: list[Pick], show: Callable[[bytes, Line], None], *, passes: bool) -> None:
    """Show one line if it is wanted; one that is no object is passed on where all are wanted."""
    line = read_line(data)
    if line is not None:
        if all(pick(line) for pick in picks):
            show(data, line)
    elif passes:
        click.echo(harmless(data.decode("utf-8", "replace")) if sys.stdout.isatty() else data)


# -- showing ----------------------------------------------------------------------------------------------------------


def _raw(fields: list[str]) -> Callable[[bytes, Line], None]:
    def show(data: bytes, line: Line) -> None:
        kept = {name: line[name] for name in fields if name in line}
        click.echo(compact(kept) if fields else data)

    return show


class _Screen(Console):
    """One whose reader may have enough: that is no failure."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _shown(fields: list[str]) -> Callable[[bytes, Line], None]:
    console = _Screen(highlight=False, soft_wrap=True)

    def show(data: bytes, line: Line) -> None:
        if fields:
            click.echo(chosen(line, fields))
        else:
            console.print(row(line))

    return show
