"""`sluice fake`: a provider that needs no key, until Ctrl-C."""

import asyncio
import signal
import sys
from pathlib import Path

import click
import uvloop

from sluice.cli.help import Told
from sluice.testing import fake_inspect, fake_rules
from sluice.testing.fake_inspect import Inspection
from sluice.testing.fake_provider import FakeProvider, Options, Rule

_ENDS = "Ctrl-C ends it"
_NOBODY = "nobody is let in"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, int] | None:
    try:
        return None if value is None else fake_inspect.address(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command(
    "fake",
    cls=Told,
    examples=(
        ("sluice fake", "a provider at port 9000 that needs no key"),
        ("sluice fake --port 9001 --ttft-ms 300 --itl-ms 20", "the first token after 300 ms, then one each 20 ms"),
        ("sluice fake --faults faults.yaml", "it fails as the file says"),
    ),
)
@click.option("--port", type=click.IntRange(0, 65535), default=9000, help="Listen here; 0 is any.")
@click.option("--ttft-ms", type=click.FloatRange(0), default=0.0, help="Milliseconds to the first token.")
@click.option("--itl-ms", type=click.FloatRange(0), default=0.0, help="Milliseconds between two tokens.")
@click.option("--key", default="", help="Serve only requests with this API key, in their vendor's header.")
@click.option(
    "--replay",
    type=_FILE,
    multiple=True,
    metavar="FILE",
    help="Answer with this recorded stream, byte for byte; one for each dialect.",
)
@click.option("--model", default="", metavar="NAME", help="Answer under this name, whatever model is asked for.")
@click.option(
    "--faults",
    type=_FILE,
    metavar="FILE",
    help="What goes wrong with which answers: a list of {match, fault, times} in YAML or JSON.",
)
@click.option(
    "--inspect",
    callback=_address,
    metavar="HOST:PORT",
    help="Tell here what was seen: GET /seen, GET /connections, POST /reset. Without a host: on the loopback.",
)
@click.option("--never-accept", is_flag=True, help="Listen, and let nobody in: the backlog is full.")
def fake_command(
    port: int,
    ttft_ms: float,
    itl_ms: float,
    key: str,
    replay: tuple[Path, ...],
    model: str,
    faults: Path | None,
    inspect: tuple[str, int] | None,
    never_accept: bool,
) -> None:
    """Serve every dialect without a model: deterministic text, timed as told.

    OpenAI chat completions and Responses, Anthropic Messages, Gemini, Bedrock Converse; the forms that they have at
    Azure and Vertex; lists of models, token counts, embeddings, reranking.

    A request may say what it wants to hear, in its body: {"fake": {"content": "...", "reasoning": "...", "refusal":
    "...", "calls": [{"name": "...", "arguments": "{}"}], "error": {"status": 529}}}; or, through a gateway, in the
    user's last message: [[fake {"content": "..."}]].

    What is to go wrong is said there too, as the member "fault", or in the header x-fake-fault, or in --faults: {"at":
    {"event": 3}, "end": "rst"}, {"status": 503}, {"malformed": 2} and many more: docs/fake.md.

    Exit status: 0 it was told to end and did, 2 it cannot start.
    """
    try:
        options = Options(
            first_token_s=ttft_ms / 1000,
            gap_s=itl_ms / 1000,
            key=key,
            replay=tuple(file.read_bytes() for file in replay),
            model=model,
            faults=_rules(faults),
            never_accept=never_accept,
        )
        fake = FakeProvider(options)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--replay") from None
    uvloop.run(_serve(fake, port, inspect))


def _rules(file: Path | None) -> tuple[Rule, ...]:
    if file is None:
        return ()
    try:
        return fake_rules.read(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.BadParameter(f"{file}: {error}", param_hint="--faults") from None


async def _serve(fake: FakeProvider, port: int, inspect: tuple[str, int] | None) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    inspection = Inspection(fake)
    try:
        await _listen(fake, port, inspection, inspect)
        await stopping.wait()
    finally:
        await inspection.close()
        await fake.close()
    click.echo(f"{fake.seen} requests, {fake.finished} answers finished, {fake.aborted} left by the client", err=True)


async def _listen(fake: FakeProvider, port: int, inspection: Inspection, inspect: tuple[str, int] | None) -> None:
    """Listen at both addresses, and then say so."""
    told = []
    try:
        await fake.start(port=port)
        told.append(f"fake provider at {fake.url} ({_NOBODY if fake.options.never_accept else _ENDS})")
        if inspect is not None:
            host, port = inspect
            port = await inspection.start(host, port)
            told.append(f"inspection at http://{f'[{host}]' if ':' in host else host}:{port}")
    except OSError as error:
        click.echo(f"port {port} cannot be listened on: {error.strerror or error}", err=True)
        sys.exit(1)
    click.echo("\n".join(told), err=True)
