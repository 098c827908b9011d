"""docs/operate/: what its pages say of the end of a process, its marks and its table is so."""

import re
import signal
from pathlib import Path

import httpx

from sluice.telemetry import names
from tests.docs.pages import ROOT, sessions
from tests.docs.terminal import terminal
from tests.support.waiting import until

ROLLOUT = "docs/operate/rollout.md"
SLOW = {"content": "one two three four five six", "fault": {"gap_ms": 150}}


async def test_a_gateway_that_is_told_to_end_sees_an_open_stream_out(tmp_path: Path) -> None:
    session = sessions(ROLLOUT)[0]
    async with terminal(session, tmp_path) as (sluice, _), httpx.AsyncClient(timeout=10) as client:
        body = {"model": "first", "stream": True, "messages": [{"role": "user", "content": "Hi"}], "fake": SLOW}
        url = f"http://127.0.0.1:{sluice.port}/v1/chat/completions"
        async with client.stream("POST", url, json=body) as answer:
            lines = answer.aiter_lines()
            first = await anext(lines)
            sluice.signal(signal.SIGTERM)
            await until(lambda: "draining" in sluice.messages())
            assert (await sluice.ask("readiness", "/healthz/ready")).status == 503
            rest = [line async for line in lines]
        assert await sluice.exit_status() == 0
        line = await sluice.request_line()
    assert first.startswith("data: ")
    assert rest[-2:] == ["data: [DONE]", ""]
    assert line["stream.outcome"] == "completed"


def test_the_page_gives_whatever_starts_sluice_more_time_than_its_drain() -> None:
    text = (ROOT / ROLLOUT).read_text(encoding="utf-8")
    drains = {int(number) for number in re.findall(r"--drain-timeout\"?,? \"?(\d+)s", text)}
    waits = {int(n) for n in re.findall(r"(?:terminationGracePeriodSeconds: |TimeoutStopSec=)(\d+)", text)}
    assert (drains, len(waits)) == ({300}, 1)
    assert min(waits) > max(drains)


def test_the_metrics_that_are_to_be_watched_are_there() -> None:
    known = {metric.name for metric in names.METRICS}
    pages = ("docs/operate/sizing.md", "docs/troubleshoot.md", "docs/tutorials/streaming-lab.md", "docs/quick-start.md")
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bagentgateway_(\w+)", text)}
        assert named, page
        assert named <= known, page
