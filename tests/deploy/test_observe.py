"""`make observe`, and what it is made of: processes that end, a receiver that draws what it was sent."""

import asyncio
import gzip
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.docs.pages import ROOT
from tests.support.prometheus_server import prometheus_binary
from tools import otlp_receiver
from tools.otlp_receiver import OtlpReceiver, draw
from tools.process import Process, free_port


def trace(number: int) -> ExportTraceServiceRequest:
    """A request of 1,200 ms with two attempts, of which the first failed, and a first token."""
    request = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    ids = (b"server00", b"attempt1", b"attempt2")
    rows = (
        ("POST /chat", ids[0], b"", 0, 1200),
        ("POST first", ids[1], ids[0], 1, 31),
        ("POST second", ids[2], ids[0], 32, 1199),
    )
    for name, span_id, parent, began_ms, ended_ms in reversed(rows):
        span = spans.add(name=name, span_id=span_id, parent_span_id=parent, trace_id=number.to_bytes(16, "big"))
        span.start_time_unix_nano, span.end_time_unix_nano = began_ms * 1_000_000, ended_ms * 1_000_000
    spans[2].attributes.add(key="gen_ai.response.model").value.string_value = "gpt-4o"
    spans[2].attributes.add(key="http.status").value.int_value = 200
    spans[2].events.add(name="gen_ai.first_token", time_unix_nano=362 * 1_000_000)
    spans[1].status.code = Status.STATUS_CODE_ERROR
    return request


def post(url: str, body: bytes, **headers: str) -> int:
    asked = urllib.request.Request(f"{url}/v1/traces", body, {k.replace("_", "-"): v for k, v in headers.items()})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return int(answer.status)


def test_a_trace_is_drawn_with_its_attempts_below_it() -> None:
    with OtlpReceiver() as receiver:
        assert post(receiver.url, trace(1).SerializeToString()) == 200
        (spans,) = receiver.traces
    assert list(draw(spans)) == [
        "    0.0ms +1200.0ms  POST /chat  gen_ai.response.model=gpt-4o  http.status=200",
        "  362.0ms             * gen_ai.first_token",
        "!   1.0ms +  30.0ms    POST first",
        "   32.0ms +1167.0ms    POST second",
    ]


def test_the_receiver_reads_gzip_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_receiver, "KEPT", 2)
    with OtlpReceiver() as receiver:
        for number in (1, 2, 3):
            assert post(receiver.url, gzip.compress(trace(number).SerializeToString()), content_encoding="gzip") == 200
        assert len(receiver.traces) == 2


def test_the_receiver_refuses_what_no_memory_could_hold() -> None:
    with OtlpReceiver() as receiver, pytest.raises(urllib.error.HTTPError) as refused:
        post(receiver.url, b"", content_length=str(1 << 40))
    assert refused.value.code == 413
    refused.value.close()


async def test_a_process_that_ends_before_it_answers_says_why(tmp_path: Path) -> None:
    process = Process(sys.executable, "-c", "raise SystemExit('no luck')", says=tmp_path / "said")
    await process.start()
    with pytest.raises(RuntimeError, match="no luck"):
        await process.answers(f"http://127.0.0.1:{free_port()}/", within_s=5)
    await process.end()


async def test_a_process_that_does_not_listen_to_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.process.END_S", 0.2)
    stubborn = (
        "import signal, http.server, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
    )
    port = free_port()
    process = Process(sys.executable, "-c", stubborn, str(port), says=tmp_path / "said")
    await process.start()
    await process.answers(f"http://127.0.0.1:{port}/", within_s=10)
    await process.end()
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/")


async def test_make_observe_shows_where_to_look_and_leaves_nothing_behind() -> None:
    """Prometheus knows the target after five seconds; what it says is asked while it runs. Then somebody ends it."""
    prometheus_binary()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tools.observe", "--seconds", "50"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(40):
            said = ""
            while "first target" not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
            addresses = re.findall(r"http://[^/\s]+/(?:classic/)?(?:metrics|alerts|graph\?\S+)", said)
            assert len(addresses) == 5
            for address in addresses:
                with await asyncio.to_thread(urllib.request.urlopen, address) as answer:
                    assert answer.status == 200
            (log,) = re.findall(r"tail -f (\S+)", said)
            while not Path(log).read_text().count('"scope":"request"') > 20:
                await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            said += (await process.stdout.read()).decode()
            await process.wait()
    finally:
        if process.returncode is None:  # it ends its processes, which SIGKILL would leave behind
            process.terminate()
            await process.communicate()
    assert re.search(r"^. +0\.0ms .*POST /", said.partition("Of the last ")[2], re.MULTILINE)
    assert not Path(log).exists()
    for address in addresses:
        with pytest.raises(urllib.error.URLError):
            await asyncio.to_thread(urllib.request.urlopen, address)
