"""`make observe`: the demonstration under load, with everything to look at that this machine has.

Starts a fake, a gateway, a receiver of traces and, if it is installed, Prometheus; asks without pause; says where to
look; ends all of it on Ctrl-C or after `--seconds`. All addresses are this machine's own, and nothing is kept.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import urllib.parse
from pathlib import Path

from tools import demand, prometheus
from tools.otlp_receiver import OtlpReceiver, draw
from tools.prometheus import Prometheus
from tools.stage import Stage

RULES = Path(__file__).resolve().parents[1] / "deploy/prometheus/rules/sluice.yml"
SAY_EVERY_S = 10.0
SHOWN_TRACES = 3
QUERIES = {
    "requests by status": "sum by (status) (rate(agentgateway_requests_total[1m]))",
    "first token, p95": (
        "histogram_quantile(0.95, sum by (le, gen_ai_request_model) "
        "(rate(agentgateway_gen_ai_server_time_to_first_token_bucket[1m])))"
    ),
    "how streams end": "sum by (outcome) (rate(agentgateway_stream_outcomes_total[1m]))",
}


async def observe(seconds: float | None) -> None:
    """Run it all until the time is over, or somebody cancels."""
    binary = prometheus.binary()
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-observe-")))
        receiver = stack.enter_context(OtlpReceiver())
        stage = await stack.enter_async_context(Stage(folder, otlp=receiver.url))
        seer = None
        if binary:
            target = f"127.0.0.1:{stage.stats}"
            seer = await stack.enter_async_context(Prometheus(folder, target, binary=binary, rules=RULES))
        print("\n".join(where_to_look(stage, seer)), flush=True)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await _run(stage, receiver)
        finally:
            print("\n".join(last_words(receiver)), flush=True)


async def _run(stage: Stage, receiver: OtlpReceiver) -> None:
    loop = asyncio.get_running_loop()
    asked, said_at = 0, loop.time()
    while True:
        asked += len(await demand.put(stage.port, demand.one_round()))
        if loop.time() - said_at > SAY_EVERY_S:
            said_at = loop.time()
            print(f"{asked} requests so far, {len(receiver.traces)} traces kept", flush=True)


def where_to_look(stage: Stage, seer: Prometheus | None) -> list[str]:
    """Return the lines that say what runs where."""
    body = json.dumps({"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "Hello"}]})
    lines = [
        "A gateway in front of a fake provider, under load. Ctrl-C ends all of it.",
        "",
        f"  live page   http://localhost:{stage.admin}/",
        f"  metrics     http://localhost:{stage.stats}/metrics",
        f"  log         tail -f {stage.log} | jq -c 'select(.scope == \"request\")'",
        f"  ask it      curl -N localhost:{stage.port}/chat -d '{body}'",
    ]
    if seer is None:
        return [*lines, "  Prometheus  is not installed (Debian: apt-get install prometheus)", ""]
    lines += [f"  Prometheus  {seer.pages}/alerts", ""]
    for name, query in QUERIES.items():
        asked = urllib.parse.urlencode({"g0.expr": query, "g0.tab": "0", "g0.range_input": "5m"})
        lines.append(f"  {name}:\n    {seer.pages}/graph?{asked}")
    return [*lines, "", "Prometheus finds its first target five seconds after its start.", ""]


def last_words(receiver: OtlpReceiver) -> list[str]:
    """Return the traces that say most, drawn: of each span when it began, how long it took, and its events."""
    lines = ["", f"Of the last {len(receiver.traces)} traces, those with most in them; ! marks what failed:"]
    for spans in sorted(receiver.traces, key=len)[-SHOWN_TRACES:]:
        lines += ["", *draw(spans)]
    return lines


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make observe", description="The demonstration under load, to look at.")
    parser.add_argument("--seconds", type=float, default=None, help="end by itself after so long")
    seconds = parser.parse_args().seconds
    try:
        asyncio.run(_until_told(seconds))
    except KeyboardInterrupt:
        return 130
    except RuntimeError as error:
        print(f"make observe: {error}", file=sys.stderr)
        return 1
    return 0


async def _until_told(seconds: float | None) -> None:
    """SIGTERM ends it as Ctrl-C does."""
    work = asyncio.create_task(observe(seconds), name="observe")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


if __name__ == "__main__":
    sys.exit(main())
