"""`sluice top`: the live page in a terminal. Asks the admin address once a second, and changes nothing there."""

import sys
import time

import click
import msgspec
import urllib3
from rich.console import Console
from rich.live import Live

from sluice.admin.live import View
from sluice.cli.help import Told
from sluice.cli.top_screen import frame

EVERY_S = 1.0
PATIENCE_S = 5.0
"""How long the admin address may take to answer: a group asks its workers first."""


@click.command(
    "top",
    cls=Told,
    examples=(
        ("sluice top", "of the gateway on this machine"),
        ("sluice top --once", "one frame, for a pipe or a ticket"),
        ("sluice top --json | jq .phases", "how many are in which phase"),
    ),
)
@click.option("--url", default="http://localhost:15000", metavar="URL", help="The admin address.")
@click.option("--once", is_flag=True, help="Print one frame, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one snapshot as JSON, and end.")
def top_command(url: str, once: bool, as_json: bool) -> None:
    """Watch what a gateway does.

    Streams in flight, what has just ended, targets and their health, anew each second. The same is at the admin address
    for a browser, http://localhost:15000/. Ends with Ctrl+C.

    Exit status: 0; 1 nobody answers at the address, or no gateway of this version; 2 wrong options.
    """
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no address like http://localhost:15000", param_hint="--url")
    with urllib3.PoolManager(retries=False, timeout=PATIENCE_S, maxsize=1) as pool:
        try:
            body = snapshot(pool, url)
            if as_json:
                click.echo(body)
                return
            console = Console()
            if once or not console.is_terminal:
                console.print(frame(decoded(body, url), console.width, rows=0))
                return
            _watch(pool, url, console, decoded(body, url))
        except KeyboardInterrupt:
            sys.exit(0)


def snapshot(pool: urllib3.PoolManager, url: str) -> bytes:
    """Return what the admin address says now.

    Raises:
        click.ClickException: nobody answers there, or somebody who is no gateway of ours; with a hint.
    """
    where = f"{url.rstrip('/')}/api/live"
    try:
        answer = pool.request("GET", where, headers={"accept": "application/json"})
    except urllib3.exceptions.LocationValueError:
        raise click.ClickException(f"{url!r} is no address like http://localhost:15000") from None
    except urllib3.exceptions.HTTPError:
        raise click.ClickException(
            f"nobody answers at {url}: is `sluice serve` running there? Its banner says where `admin` is, "
            "and --url takes that address."
        ) from None
    if answer.status != 200:
        hint = "the admin address answers to localhost, 127.0.0.1 and [::1] only." if answer.status == 400 else ""
        hint = hint or "is it the admin address, of a gateway of this version?"
        raise click.ClickException(f"{where} answers {answer.status}: {hint}")
    return answer.data


def decoded(body: bytes, url: str) -> View:
    """Return a snapshot as its facts.

    Raises:
        click.ClickException: it is none.
    """
    try:
        return msgspec.json.decode(body, type=View)
    except msgspec.DecodeError as error:
        raise click.ClickException(f"{url} is no admin address of Sluice: {error}") from None


def _watch(pool: urllib3.PoolManager, url: str, console: Console, seen: View) -> None:
    lost = ""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(frame(seen, console.width, rows=console.height, lost=lost), refresh=True)
            time.sleep(EVERY_S)
            try:
                seen, lost = decoded(snapshot(pool, url), url), ""
            except click.ClickException as error:
                lost = error.message.partition(": ")[0]
