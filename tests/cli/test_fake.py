"""`sluice fake` as a process: it says where it listens, serves as told, and ends on a signal."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import openai
import pytest
from anthropic import Anthropic
from click.testing import CliRunner
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from sluice.cli.fake import fake_command

RECORDED = Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse"
HI: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


@contextmanager
def fake(*args: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    command = [sys.executable, "-c", "from sluice.cli import main; main()", "fake", "--port", "0", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            match = re.search(r"fake provider at (http://127\.0\.0\.1:\d+/v1) ", line)
            assert match, line
            yield match[1], process
        finally:
            process.kill()


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_told_to_stop_and_says_what_it_saw(name: signal.Signals) -> None:
    with fake("--model", "mine", "--key", "k") as (url, process):
        with OpenAI(base_url=url, api_key="k", max_retries=0) as client:
            answer = client.chat.completions.create(model="any", messages=HI)
        with OpenAI(base_url=url, api_key="other", max_retries=0) as wrong, pytest.raises(openai.AuthenticationError):
            wrong.models.list()
        assert answer.model == "mine"
        process.send_signal(name)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "2 requests, 2 answers finished, 0 left by the client\n")


def test_a_stream_under_way_does_not_hold_the_end_up() -> None:
    with fake("--itl-ms", "10000") as (url, process), OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        stream = client.chat.completions.create(model="any", messages=HI, stream=True)
        assert next(stream).choices[0].delta.role == "assistant"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        stream.close()


def test_times_are_in_milliseconds() -> None:
    with fake("--ttft-ms", "50", "--itl-ms", "5") as (url, _), OpenAI(base_url=url, api_key="k") as client:
        started = time.monotonic()
        stream = client.chat.completions.create(model="any", messages=HI, stream=True, max_tokens=10)
        next(stream)
        assert 0.05 <= time.monotonic() - started < 5
        assert len(list(stream)) == 11
        assert time.monotonic() - started >= 0.05 + 10 * 0.005


def test_a_recording_is_replayed_byte_for_byte() -> None:
    with fake("--replay", str(RECORDED)) as (url, _), OpenAI(base_url=url, api_key="k") as client:
        raw = client.chat.completions.with_streaming_response.create(model="any", messages=HI, stream=True)
        with raw as response:
            assert response.read() == RECORDED.read_bytes()


def test_one_recording_of_each_dialect_is_replayed(tmp_path: Path) -> None:
    start = {"type": "message_start", "message": {"id": "msg_1", "content": [], "usage": {}}}
    recording = b"event: message_start\ndata: %b\n\n" % msgspec.json.encode(start)
    (tmp_path / "messages.sse").write_bytes(recording)
    with fake("--replay", str(RECORDED), "--replay", str(tmp_path / "messages.sse")) as (url, _):
        with OpenAI(base_url=url, api_key="k") as client:
            answer = client.chat.completions.create(model="any", messages=HI)
        with Anthropic(base_url=url.removesuffix("/v1"), api_key="k") as other:
            raw = other.messages.with_streaming_response.create(
                model="any", max_tokens=1, messages=[{"role": "user", "content": "hi"}], stream=True
            )
            with raw as response:
                assert response.read() == recording
    assert answer.model == "gpt-3.5-turbo-0125"


def test_what_is_no_recording_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "x.sse").write_bytes(b"hello")
    result = CliRunner().invoke(fake_command, ["--replay", str(tmp_path / "x.sse")])
    assert result.exit_code == 2
    assert "Invalid value for --replay: the recording" in result.stderr


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(fake_command, ["--port", str(port)])
    assert result.exit_code == 1
    assert result.stderr.startswith(f"port {port} cannot be listened on: ")
    assert result.stderr.count("\n") == 1
