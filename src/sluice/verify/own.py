"""A Sluice for the verification: its configuration, and the real command in a process of its own.

The configuration is what anybody's gateway needs to be verified: a model for each of the provider's dialects, a short
time-out for a silent provider, keep-alives, and no rests after failures, since the provider fails all the time.
"""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sluice.verify.asking import Gateway
from sluice.verify.facts import PROVIDERS, Provider

IDLE_S = 3.0
KEEP_ALIVE_S = 0.5
START_S = 20.0
"""For the process to say that it is ready."""
_READY = re.compile(r"is ready\s.*?http://localhost:(\d+)", re.DOTALL)
_FORMATS: dict[Provider, str] = {
    "chat": "completions",
    "responses": "responses",
    "messages": "messages",
    "gemini": "generateContent",
}


class NotStarted(Exception):
    """The gateway did not start; the words are its own."""


def configuration(provider_port: int) -> str:
    """Return the short form that leads each model to the fake provider at that port of 127.0.0.1."""
    models = "".join(_model(provider, f"http://127.0.0.1:{provider_port}") for provider in PROVIDERS)
    return f"""\
llm:
  port: 4000
  models:
{models}  policies:
    timeouts:
      responseHeaders: {IDLE_S:g}s
      responseIdle: {IDLE_S:g}s
    stream:
      keepAlive: {{interval: {KEEP_ALIVE_S * 1000:g}ms, commitAfter: {KEEP_ALIVE_S * 1000:g}ms}}
"""


def _model(provider: Provider, origin: str) -> str:
    if provider == "converse":
        who = "      provider: bedrock\n"
        where = f"{{baseUrl: {origin}, awsRegion: eu-central-1, apiKey: verify}}"
    else:
        who = f"      provider:\n        custom:\n          formats: [{{type: {_FORMATS[provider]}}}]\n"
        where = f"{{baseUrl: {origin}}}" if provider == "gemini" else f"{{baseUrl: {origin}/v1}}"
    rests = "      health: {eviction: {consecutiveFailures: 0}}\n"
    return f"    - name: verify-{provider}\n{who}      params: {where}\n{rests}"


@asynccontextmanager
async def serving(provider_port: int) -> AsyncIterator[Gateway]:
    """Run `sluice serve` with that configuration on a free port, until the block ends.

    Raises:
        NotStarted: it ended, or said nothing in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "verify.yaml"
        file.write_text(configuration(provider_port), encoding="utf-8")
        command = ("-m", "sluice", "serve", "-f", str(file), "--port", "0", "--drain-timeout", "1s")
        side_doors = dict.fromkeys(("ADMIN_ADDR", "STATS_ADDR", "READINESS_ADDR"), "off")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env=os.environ | side_doors,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.TaskGroup() as group:
                port = await _port(process.stderr)
                group.create_task(_read_on(process.stderr))
                yield Gateway(host="127.0.0.1", port=port, idle_s=IDLE_S, keep_alive_s=KEEP_ALIVE_S)
                process.terminate()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _port(stderr: asyncio.StreamReader) -> int:
    """Read the banner up to the first listener's address."""
    said = ""
    try:
        async with asyncio.timeout(START_S):
            while line := await stderr.readline():
                said += line.decode("utf-8", "replace")
                if found := _READY.search(said):
                    return int(found[1])
    except TimeoutError:
        pass
    raise NotStarted(said.strip() or "it said nothing")


async def _read_on(stderr: asyncio.StreamReader) -> None:
    """Nobody is kept waiting by a full pipe."""
    while await stderr.read(1 << 16):
        pass
