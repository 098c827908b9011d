"""`sluice verify`: how truthful a gateway is, in numbers."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import msgspec
import uvloop

from sluice.cli.help import Told
from sluice.verify import own
from sluice.verify.asking import Gateway
from sluice.verify.facts import AREAS, CLIENTS, PROVIDERS, Area, Client, Finding, Provider
from sluice.verify.report import Report, as_json, as_markdown
from sluice.verify.session import Settings, Unreached, verify

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

DEFAULT_PORT = 9400
SHOWN = 12
"""Failed cells on the screen; the report has all."""


@click.command(
    "verify",
    cls=Told,
    examples=(
        ("sluice verify --quick", "a Sluice that is started for it"),
        ("sluice verify --print-config > verify.yaml", "what the gateway is to serve"),
        ("sluice verify http://localhost:4000 --report found", "a gateway that serves it, and a report"),
    ),
)
@click.argument("url", required=False)
@click.option(
    "--provider-port",
    type=click.IntRange(0, 65535),
    help="Of the fake provider; 0 is any.",
    show_default="9400; without URL any",
)
@click.option("--model", "models", multiple=True, metavar="DIALECT=NAME", help="The model that leads there.")
@click.option("--without", multiple=True, metavar="[client:|provider:]DIALECT", help="Is not served.")
@click.option("--prefix", default="", metavar="/PATH", help="Stands before the published APIs' addresses.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="On every request.")
@click.option("--idle", type=click.FloatRange(min=0.1), metavar="SECONDS", help="The gateway's time-out for silence.")
@click.option("--keep-alive", type=click.FloatRange(min=0.1), default=15.0, metavar="SECONDS", help="Its interval.")
@click.option("--seed", type=click.IntRange(0), default=1, help="Of everything that is chosen.")
@click.option("--only", multiple=True, type=click.Choice(AREAS), help="Score this area and no other.")
@click.option("--quick", is_flag=True, help="A sample of the cells.")
@click.option("--report", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write it.")
@click.option("--require", type=click.FloatRange(0, 100), metavar="SCORE", help="Exit with 1 below this score.")
@click.option("--print-config", is_flag=True, help="Print the configuration of a Sluice that can be verified.")
def verify_command(
    url: str | None,
    provider_port: int | None,
    models: tuple[str, ...],
    without: tuple[str, ...],
    prefix: str,
    headers: tuple[str, ...],
    idle: float | None,
    keep_alive: float,
    seed: int,
    only: tuple[Area, ...],
    quick: bool,
    folder: Path | None,
    require: float | None,
    print_config: bool,
) -> None:
    """Score how truthful a gateway is.

    It is the one at URL; without URL, a Sluice that is started for it. A fake provider listens at --provider-port of
    127.0.0.1, and the gateway's operator has pointed one model at each of its dialects: verify-chat, verify-responses,
    verify-messages, verify-gemini, verify-converse. It fails in every way there is, and what the gateway makes of it is
    judged.

    Exit status: 0; 1 the score is below --require; 2 nothing could be verified.
    """
    port = (0 if url is None else DEFAULT_PORT) if provider_port is None else provider_port
    if print_config:
        click.echo(own.configuration(port or DEFAULT_PORT), nl=False)
        return
    gateway = None
    if url is None and (models or prefix or headers or idle):
        raise click.UsageError("--model, --prefix, --header and --idle are of a gateway, and no URL says which.")
    if url is not None:
        gateway = msgspec.structs.replace(
            _address(url),
            prefix=_prefix(url, prefix),
            headers=tuple(map(_header, headers)),
            models=dict(map(_model, models)),
            idle_s=idle,
            keep_alive_s=keep_alive,
        )
    clients, providers = _served(without)
    settings = Settings(
        gateway=gateway,
        url=url or "sluice",
        provider_port=port,
        clients=clients,
        providers=providers,
        seed=seed,
        only=only,
        quick=quick,
    )
    found = _verified(settings)
    if folder is not None:
        _write(folder, found)
    _show(found)
    if require is not None and found.score.total < require:
        sys.exit(1)


def _verified(settings: Settings) -> Report:
    screen = Screen()
    try:
        return uvloop.run(verify(settings, screen))
    except Unreached as error:
        hint = "is the gateway running, and is this its address?"
        click.echo(f"nobody listens at {settings.url}: {error} ({hint})", err=True)
    except OSError as error:
        click.echo(f"port {settings.provider_port} cannot be listened on: {error.strerror or error}", err=True)
    except own.NotStarted as error:
        click.echo(f"sluice did not start: {error}", err=True)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        screen.close()
    sys.exit(2)


# -- options ----------------------------------------------------------------------------------------------------------


def _address(url: str) -> Gateway:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise click.BadParameter(f"{url!r} is no address such as http://localhost:4000", param_hint="URL")
    tls = parts.scheme == "https"
    return Gateway(host=parts.hostname, port=port or (443 if tls else 80), tls=tls)


def _prefix(url: str, prefix: str) -> str:
    """The path of the URL counts too."""
    path = "/".join(part.strip("/") for part in (urlsplit(url).path, prefix) if part.strip("/"))
    return f"/{path}" if path else ""


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip() or not line.isprintable():
        raise click.BadParameter(f"{line!r} is no 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()


def _model(text: str) -> tuple[Provider, str]:
    dialect, _, name = text.partition("=")
    found = next((provider for provider in PROVIDERS if provider == dialect), None)
    if found is None or not name:
        raise click.BadParameter(f"{text!r} is no DIALECT=NAME; dialects: {', '.join(PROVIDERS)}", param_hint="--model")
    return found, name


def _served(without: tuple[str, ...]) -> tuple[tuple[Client, ...], tuple[Provider, ...]]:
    """The dialects that are left, of clients and of providers."""
    known = {*PROVIDERS, *(f"client:{name}" for name in CLIENTS), *(f"provider:{name}" for name in PROVIDERS)}
    for text in without:
        if text not in known:
            raise click.BadParameter(f"{text!r} is no dialect; they are {', '.join(PROVIDERS)}", param_hint="--without")
    clients = tuple(name for name in CLIENTS if not {name, f"client:{name}"} & {*without})
    providers = tuple(name for name in PROVIDERS if not {name, f"provider:{name}"} & {*without})
    if not clients or not providers:
        raise click.BadParameter("nothing is left to verify", param_hint="--without")
    return clients, providers


# -- what a person sees -----------------------------------------------------------------------------------------------


class Screen:
    """The progress bar, on stderr and only if that is a terminal."""

    def __init__(self) -> None:
        self._bar: ProgressBar[str] | None = None

    def begin(self, cells: int) -> None:
        if not sys.stderr.isatty():
            return
        self._bar = click.progressbar(length=cells, file=sys.stderr, show_pos=True, item_show_func=lambda area: area)
        self._bar.__enter__()

    def done(self, finding: Finding) -> None:
        if self._bar is not None:
            self._bar.update(1, finding.area)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def _write(folder: Path, found: Report) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_bytes(as_json(found))
        (folder / "report.md").write_text(as_markdown(found), encoding="utf-8")
    except OSError as error:
        click.echo(f"the report cannot be written to {folder}: {error.strerror or error}", err=True)
        sys.exit(2)


def _show(found: Report) -> None:
    for area in found.score.areas:
        colour = "green" if area.score == 100 else "red"
        info = f", {area.info} not judged" if area.info else ""
        click.echo(
            f"{area.area:<14} {click.style(f'{area.score:5.1f}', fg=colour)}   "
            f"{area.passed} of {area.passed + area.failed}{info}"
        )
    click.echo(f"{'score':<14} {click.style(f'{found.score.total:5.1f}', bold=True)}   in {found.seconds:.0f} s")
    failed = [cell for cell in found.cells if cell.result == "fail"]
    for cell in failed[:SHOWN]:
        click.echo(
            f"\n{cell.area}: {cell.name}\n  the provider: {cell.sent}\n  expected: {cell.expected}\n  came: {cell.came}"
        )
    if len(failed) > SHOWN:
        click.echo(f"\nand {len(failed) - SHOWN} more; --report DIR has all of them")
