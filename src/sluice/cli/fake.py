"""`sluice fake`: a provider that needs no key, until Ctrl-C."""

import asyncio
import signal
import sys
from pathlib import Path

import click
import uvloop

from sluice.testing.fake_provider import FakeProvider, Options


@click.command("fake")
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0 = any free port.")
@click.option("--ttft-ms", type=click.FloatRange(0), default=0.0, help="Time to the first token. [0]")
@click.option("--itl-ms", type=click.FloatRange(0), default=0.0, help="Time between two tokens. [0]")
@click.option("--key", default="", help="Serve only requests with this API key, in their vendor's header.")
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Answer with this recorded stream, byte for byte. May be given once for each dialect.",
)
@click.option("--model", default="", metavar="NAME", help="Answer under this name, whatever model is asked for.")
def fake_command(port: int, ttft_ms: float, itl_ms: float, key: str, replay: tuple[Path, ...], model: str) -> None:
    """Serve every dialect without a model: deterministic text, timed as told.

    OpenAI chat completions and Responses, Anthropic Messages, Gemini, Bedrock Converse; the forms that they have at
    Azure and Vertex; lists of models, token counts, embeddings, reranking.

    A request may say what it wants to hear, in its body: {"fake": {"content": "...", "reasoning": "...", "refusal":
    "...", "calls": [{"name": "...", "arguments": "{}"}], "error": {"status": 529}}}; or, through a gateway, in the
    user's last message: [[fake {"content": "..."}]].
    """
    options = Options(
        first_token_s=ttft_ms / 1000,
        gap_s=itl_ms / 1000,
        key=key,
        replay=tuple(file.read_bytes() for file in replay),
        model=model,
    )
    try:
        fake = FakeProvider(options)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--replay") from None
    try:
        uvloop.run(_serve(fake, port))
    except OSError as error:
        click.echo(f"port {port} cannot be listened on: {error.strerror or error}", err=True)
        sys.exit(1)


async def _serve(fake: FakeProvider, port: int) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    await fake.start(port=port)
    try:
        click.echo(f"fake provider at {fake.url} (Ctrl-C ends it)", err=True)
        await stopping.wait()
    finally:
        await fake.close()
    click.echo(f"{fake.seen} requests, {fake.finished} answers finished, {fake.aborted} left by the client", err=True)
