"""The server's own messages."""

import json
import logging
import sys
from collections.abc import Callable
from http import HTTPStatus

import msgspec
import pytest

from sluice.errors import ConfigError, Internal
from sluice.providers.credential import Secret
from sluice.telemetry.line import Format
from sluice.telemetry.process_log import LoggingBridge, ProcessLog, Threshold


def log(form: Format = "json", level: str = "info") -> tuple[ProcessLog, list[bytes]]:
    written: list[bytes] = []
    return ProcessLog(written.append, form, Threshold(level), now=lambda: 1765576562.809082), written


def bridged(name: str, messages: ProcessLog) -> logging.Logger:
    logger = logging.Logger(name)  # noqa: LOG001 - not registered: nothing leaks into other tests
    logger.addHandler(LoggingBridge(messages))
    return logger


class Holder(msgspec.Struct):
    name: str
    key: Secret


def test_a_message_is_one_exact_line() -> None:
    messages, written = log()
    messages.info("listening", address="0.0.0.0:8080", listeners=2, tls=False, ratio=0.5, nothing=None)
    line = (
        b'{"level":"info","time":"2025-12-12T21:56:02.809082Z","scope":"sluice","message":"listening",'
        b'"address":"0.0.0.0:8080","listeners":2,"tls":false,"ratio":0.5}\n'
    )
    assert written == [line]


def test_the_text_form_is_one_exact_line() -> None:
    messages, written = log("text")
    messages.warn("configuration refused, the old one stays", error=ConfigError("no such kind", file="a.yaml", line=3))
    line = (
        b"2025-12-12T21:56:02.809082Z warn sluice configuration refused, the old one stays "
        b'error="a.yaml:3: no such kind"\n'
    )
    assert written == [line]


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_stays_on_its_line(form: Format) -> None:
    messages, written = log(form)
    try:
        raise Internal("broken") from KeyError("inner")
    except Internal as error:
        messages.error("exchange failed", cause=error, **{"request.id": "req-1"})
    (line,) = written
    assert line.count(b"\n") == 1
    assert b"test_process_log.py" in line
    assert b"KeyError: 'inner'" in line
    if form == "json":
        back = json.loads(line)
        assert back["error"] == "sluice.errors.ours.Internal: broken"
        assert back["traceback"].splitlines()[-1] == "sluice.errors.ours.Internal: broken"
        assert back["request.id"] == "req-1"


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_secret_is_never_shown_however_deep_it_is(form: Format) -> None:
    messages, written = log(form)
    secret = Secret("sk-very-secret")
    fields = {"bare": secret, "inside": [secret, {"key": secret}], "struct": Holder("openai", secret)}
    messages.error("failed", cause=ValueError(secret, Holder("x", secret)), **fields)
    assert b"sk-very-secret" not in written[0]
    assert written[0].count(b"***") >= 5


def test_values_that_json_does_not_know_are_shown_as_text() -> None:
    messages, written = log()
    messages.info("odd", nan=float("nan"), status=HTTPStatus.OK, path=b"raw", many=(1, 2))
    back = json.loads(written[0])
    assert {key: back[key] for key in ("nan", "status", "path", "many")} == {
        "nan": "nan",
        "status": 200,
        "path": "b'raw'",
        "many": "(1, 2)",
    }


def test_fields_cannot_overwrite_level_time_scope_and_message() -> None:
    messages, written = log()
    messages.log("info", "real", {"level": "error", "scope": "request", "message": "forged", "time": "never"})
    back = json.loads(written[0])
    assert (back["level"], back["scope"], back["message"]) == ("info", "sluice", "real")
    assert back["time"].startswith("2025")


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warn", "error"]),
        ("info", ["info", "warn", "error"]),
        ("warn", ["warn", "error"]),
        ("WARNING", ["warn", "error"]),
        (" Error ", ["error"]),
    ],
)
def test_the_threshold_is_changed_at_run_time(level: str, seen: list[str]) -> None:
    messages, written = log()
    messages.threshold.set(level)
    verbs: list[Callable[[str], None]] = [messages.debug, messages.info, messages.warn, messages.error]
    for verb in verbs:
        verb("message")
    assert [json.loads(line)["level"] for line in written] == seen
    assert messages.threshold.level == seen[0]


def test_an_unknown_level_is_refused_and_the_old_one_stays() -> None:
    threshold = Threshold("warn")
    with pytest.raises(ValueError, match="one of debug, info, warn, error"):
        threshold.set("loud")
    assert threshold.level == "warn"


@pytest.mark.parametrize(
    ("number", "level"),
    [(logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warn"), (logging.CRITICAL, "error")],
)
def test_what_libraries_log_becomes_our_lines(number: int, level: str) -> None:
    messages, written = log(level="debug")
    logger = bridged("uvicorn.error", messages)
    logger.log(number, "started %s", "here")
    back = json.loads(written[0])
    assert (back["level"], back["scope"], back["message"]) == (level, "uvicorn.error", "started here")


def test_what_libraries_log_keeps_its_traceback() -> None:
    messages, written = log()
    logger = bridged("asyncio", messages)
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        logger.error("Task exception was never retrieved", exc_info=sys.exc_info())
    assert json.loads(written[0])["error"] == "RuntimeError: boom"


def test_a_bad_message_of_a_library_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    messages, written = log()
    logger = bridged("x", messages)
    logger.info("%d", "not a number")
    assert written == []
    assert "not a number" in capsys.readouterr().err
