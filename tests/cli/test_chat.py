"""`sluice chat` against the fake provider: what a person sees, and what the shell gets to know."""

import io
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
import trustme
from click.testing import CliRunner, Result

from sluice.chat.events import ChoiceFinished, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.cli.chat import chat_command
from sluice.cli.chat_call import Question
from sluice.cli.chat_screen import Screen
from sluice.testing.fake_provider import Options, Pause, Script
from sluice.testing.fake_script import EndOf
from tests.testing.threads import FakeThread

CHUNK = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":%b,"finish_reason":%b}]}\n\n'
HELLO = CHUNK % (b'{"role":"assistant","content":"Hello"}', b"null")
STOP = CHUNK % (b"{}", b'"stop"')
DONE = b"data: [DONE]\n\n"
SUMMARY = re.compile(r"^TTFT \d+ ms · \d+ tokens · [\d.]+ tokens/s · (\d+ ms|[\d.]+ s) · gpt-4o-mini-2024-07-18\n$")


@pytest.fixture
def served() -> Iterator[FakeThread]:
    with FakeThread() as thread:
        yield thread


def chat(thread: FakeThread | str, *args: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Result:
    url = thread if isinstance(thread, str) else thread.fake.url
    environment = {"OPENAI_API_KEY": None, **(env or {})}
    return CliRunner(env=environment).invoke(chat_command, ["--url", url, *args], input=stdin)


def asked(thread: FakeThread) -> dict[str, object]:
    return msgspec.json.decode(thread.fake.requests[-1].body, type=dict[str, object])


# -- complete answers -------------------------------------------------------------------------------------------------


def test_the_answer_goes_to_stdout_and_the_numbers_to_stderr(served: FakeThread) -> None:
    result = chat(served, "What", "is", "a", "river?")
    assert result.exit_code == 0
    assert "What is a river?" in result.stdout
    assert result.stdout.count("\n") == 1
    assert SUMMARY.match(result.stderr)
    assert asked(served) == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "What is a river?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_whole_answer_is_the_same_text(served: FakeThread) -> None:
    live, whole = chat(served, "hi"), chat(served, "hi", "--no-stream")
    assert live.stdout == whole.stdout
    assert "TTFT" not in whole.stderr
    assert "stream" not in asked(served)


def test_every_option_reaches_the_server(served: FakeThread) -> None:
    result = chat(served, "hi", "--model", "gpt-4o", "--system", "Be brief.", "--max-tokens", "3", "--key", "k1")
    assert asked(served)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hi"},
    ]
    assert (asked(served)["model"], asked(served)["max_tokens"]) == ("gpt-4o", 3)
    assert served.fake.requests[-1].header(b"authorization") == "Bearer k1"
    assert " 3 tokens " in result.stderr
    assert result.stderr.endswith("gpt-4o-2024-08-06 · finish: length\n")


def test_the_key_comes_from_the_environment_unless_given(served: FakeThread) -> None:
    chat(served, "hi", env={"OPENAI_API_KEY": "k2\n"})
    assert served.fake.requests[-1].header(b"authorization") == "Bearer k2"
    chat(served, "hi")
    assert served.fake.requests[-1].header(b"authorization") is None


@pytest.mark.parametrize("args", [("-",), ()])
def test_the_prompt_may_come_from_stdin(served: FakeThread, args: tuple[str, ...]) -> None:
    assert chat(served, *args, stdin="from a pipe\n").exit_code == 0
    assert asked(served)["messages"] == [{"role": "user", "content": "from a pipe\n"}]


def test_reasoning_refusal_and_tool_calls_are_told_apart(served: FakeThread) -> None:
    call = b'{"tool_calls":[{"index":%d,"id":"c%d","function":{"name":"%b","arguments":%b}}]}'
    served.fake.script(
        Script(
            chunks=[
                CHUNK % (b'{"reasoning_content":"Hm"}', b"null"),
                CHUNK % (b'{"reasoning_content":", well."}', b"null"),
                HELLO,
                CHUNK % (b'{"refusal":"I cannot."}', b"null"),
                CHUNK % (call % (0, 0, b"get_weather", b'""'), b"null"),
                CHUNK % (b'{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\":"}}]}', b"null"),
                CHUNK % (b'{"tool_calls":[{"index":0,"function":{"arguments":"\\"Paris\\"}"}}]}', b"null"),
                CHUNK % (call % (1, 1, b"get_time", b'"{}"'), b"null"),
                CHUNK % (b"{}", b'"tool_calls"'),
                DONE,
            ]
        )
    )
    result = chat(served, "hi")
    assert result.exit_code == 0
    assert result.stdout == (
        'Hm, well.\n\nHello\n\nrefusal: I cannot.\n\n→ get_weather({"city":"Paris"})\n\n→ get_time({})\n'
    )
    assert "~" in result.stderr  # the provider counted nothing
    assert result.stderr.endswith("· m · finish: tool_calls\n")


def test_a_whole_answer_to_a_stream_request_is_shown_too(served: FakeThread) -> None:
    body = b'{"model":"m","choices":[{"index":0,"message":{"content":"All at once"},"finish_reason":"stop"}]}'
    served.fake.answer_with(body=body)
    result = chat(served, "hi")
    assert (result.exit_code, result.stdout) == (0, "All at once\n")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
    ],
)
def test_the_url_is_a_base_as_the_official_clients_take_it_or_a_gateways_own(
    served: FakeThread, url: str, path: str
) -> None:
    assert chat(f"http://127.0.0.1:{served.fake.port}{url}", "hi").exit_code == 0
    assert served.fake.requests[-1].path == path


def test_https_verifies_the_servers_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with FakeThread(tls=context) as thread:
        url = f"https://localhost:{thread.fake.port}/v1"
        stranger = chat(url, "hi")
        assert stranger.exit_code == 2
        assert "certificate is not trusted" in stranger.stderr
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert chat(url, "hi").exit_code == 0


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_an_error_of_the_server_is_one_line() -> None:
    with FakeThread(Options(key="sk-right")) as thread:
        result = chat(thread, "hi", "--key", "sk-wrong")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert re.fullmatch(
        r"error 401 invalid_api_key: Incorrect API key provided: .*\(request req_[0-9a-f]{32}\)\n", result.stderr
    )


def test_an_error_that_is_a_page_is_one_line_all_the_same(served: FakeThread) -> None:
    served.fake.answer_with(status=502, body=b"<html>\n<h1>Bad\r\nGateway</h1>", content_type="text/html")
    result = chat(served, "hi")
    assert (result.exit_code, result.stderr) == (1, "error 502 api_error: <html> <h1>Bad Gateway</h1>\n")


@pytest.mark.parametrize("args", [(), ("--no-stream",)])
def test_nobody_at_the_address_gives_a_hint(args: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    result = chat(f"http://127.0.0.1:{port}/v1", "hi", *args)
    assert result.exit_code == 2
    assert "Connection refused (is it running? try: sluice serve)" in result.stderr


@pytest.mark.parametrize("end", ["fin", "rst"])
def test_a_stream_cut_at_any_byte_is_never_taken_for_whole(served: FakeThread, end: EndOf) -> None:
    body = HELLO + STOP + DONE
    complete = len(body) - 1  # with the last line's end but not the blank line, the event is not dispatched
    for at in [*range(0, complete, 11), complete - 1, complete]:
        served.fake.script(Script(chunks=[body[:at]] if at else [b""], end=end))
        result = chat(served, "hi")
        assert result.exit_code == 1, (at, result.output)
        assert "the answer is not complete" in result.stderr
        assert result.stdout in ("", "Hello\n")


@pytest.mark.parametrize("body", [HELLO + STOP, HELLO, b"", b": ping\n\n"])
def test_a_clean_end_without_the_terminator_is_not_complete(served: FakeThread, body: bytes) -> None:
    served.fake.script(Script(chunks=[body] if body else [b""]))
    result = chat(served, "hi")
    assert result.exit_code == 1
    assert "the answer is not complete" in result.stderr


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            HELLO + b'data: {"error":{"message":"over\\nloaded","code":"busy"}}\n\n',
            "error busy inside the answer, which",
        ),
        (HELLO + b"data: nonsense\n\n", "the answer cannot be used"),
        (HELLO + DONE, "the answer cannot be used: the terminator came before a finish reason"),
    ],
)
def test_what_is_wrong_inside_a_stream_is_said(served: FakeThread, body: bytes, message: str) -> None:
    served.fake.script(Script(chunks=[body], end="stall"))
    result = chat(served, "hi")
    assert (result.exit_code, result.stdout) == (1, "Hello\n")
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_a_server_that_says_nothing_at_all(served: FakeThread) -> None:
    served.fake.script(Script(status=None, end="fin"))
    assert "before it answered" in chat(served, "hi").stderr


def test_bytes_after_the_terminator_are_ignored(served: FakeThread) -> None:
    served.fake.script(Script(chunks=[HELLO + STOP + DONE + HELLO], end="stall"))
    result = chat(served, "hi")
    assert (result.exit_code, result.stdout) == (0, "Hello\n")


@pytest.mark.parametrize(
    "args",
    [
        ("hi", "--url", "localhost:8080"),
        ("hi", "--url", "ftp://localhost"),
        ("hi", "--url", "http://localhost:99999"),
        ("hi", "--url", "http://localhost/a b"),
        ("hi", "--key", "a\nb"),
        ("hi", "--key", "kľúč"),
        ("hi", "--max-tokens", "0"),
        ("  ",),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(served: FakeThread, args: tuple[str, ...]) -> None:
    result = chat(served, *args)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert served.fake.seen == 0


# -- the screen -------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_reasoning_dimmed_and_no_commands_from_the_text() -> None:
    out = Terminal()
    screen = Screen(out)
    screen.show(TextDelta(0, "reasoning", "Hm"))
    screen.show(TextDelta(0, "text", "a\x1b[2Jb\x9bc\rd\te\n"))
    screen.close()
    assert out.getvalue() == click.style("Hm", dim=True) + "\n\na[2Jbcd\te\n"


def test_a_pipe_gets_the_text_as_it_is() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.show(TextDelta(0, "text", "a\x1b[2J\r"))
    screen.close()
    assert out.getvalue() == "a\x1b[2J\r\n"


def test_other_choices_are_numbered_and_arguments_without_a_call_are_shown() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.show(TextDelta(0, "text", "zero"))
    screen.show(TextDelta(1, "text", "one"))
    screen.show(ToolCallDelta(1, 0, "{}"))
    screen.show(ChoiceFinished(1, "stop", "stop"))
    screen.show(ToolCallStarted(0, 0, "", "f"))
    screen.close()
    assert out.getvalue() == "zero\n\n[1] one\n\n[1] → … ({})\n\n→ f()\n"


def test_each_token_is_flushed() -> None:
    class Counting(io.StringIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed += 1

    out = Counting()
    screen = Screen(out)
    for count in (1, 2, 3):
        screen.show(TextDelta(0, "text", "x"))
        assert out.flushed >= count


def test_an_ipv6_address_stands_in_brackets() -> None:
    question = Question(url="http://[::1]:81/v1?api-version=1", key="", model="m", prompt="hi")
    assert question.request().startswith(b"POST /v1/chat/completions?api-version=1 HTTP/1.1\r\nhost: [::1]:81\r\n")


# -- a process --------------------------------------------------------------------------------------------------------


def start(*args: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from sluice.cli import main; main()", "chat", *args]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("chunks", [[HELLO], []])
def test_ctrl_c_cancels_and_closes_the_connection(served: FakeThread, chunks: list[bytes]) -> None:
    served.fake.script(Script(chunks=chunks, end="stall"))
    with start("hi", "--url", served.fake.url) as process:
        served.until(lambda: served.fake.open_streams == 1)
        assert process.stdout is not None
        if chunks:
            assert os.read(process.stdout.fileno(), 100) == b"Hello"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, b"\n" if chunks else b"", b"cancelled\n")
    served.until(lambda: served.fake.aborted == 1)


def test_tokens_are_printed_as_they_come(served: FakeThread) -> None:
    more = CHUNK % (b'{"content":" world"}', b"null")
    served.fake.script(Script(chunks=[HELLO, Pause(0.3), more, STOP, DONE]))
    with start("hi", "--url", served.fake.url) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 100) == b"Hello"
        assert served.fake.finished == 0
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, b" world\n")


def test_a_reader_that_goes_ends_the_program_and_its_connection(served: FakeThread) -> None:
    served.fake.script(Script(chunks=[HELLO, Pause(0.1), HELLO, Pause(0.1), HELLO], end="stall"))
    with start("hi", "--url", served.fake.url) as process:
        assert process.stdout is not None
        os.read(process.stdout.fileno(), 100)
        process.stdout.close()
        assert process.wait(10) == 1
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    served.until(lambda: served.fake.aborted == 1)
