"""A line of the log as a person reads it: on a terminal in colour, one row for each exchange, an error below it.

Pure. What a client or a provider wrote commands no terminal: control characters are shown as what they are.
"""

from collections.abc import Iterator, Mapping
from typing import TypeGuard

from rich.text import Text

from sluice.cli.log_picking import Line, duration_s
from sluice.telemetry.line import UNPRINTABLE, compact

TIME = slice(11, 23)
"""Of RFC 3339: the time of day with milliseconds."""
MAX_CHARS = 400
"""Of one value in a row."""
MAX_FIGURE = 10**12
_GOOD, _FAIR = 300, 400
_LEVELS = {"debug": "dim", "info": "cyan", "warn": "yellow", "error": "bold red"}
_OUTCOMES = {"completed": "green", "client_gone": "yellow", "slow_reader": "yellow", "drained": "yellow"}
_HIDDEN = frozenset(["level", "time", "scope", "message", "traceback"])


def row(line: Line) -> Text:
    """Return what is shown of a line."""
    return _exchange(line) if line.get("scope") == "request" else _message(line)


def chosen(line: Line, fields: list[str]) -> str:
    """Return the values of these fields between tabs, `-` where there is none."""
    return "\t".join(_plain(line[name]) if name in line else "-" for name in fields)


def _exchange(line: Line) -> Text:
    status = line.get("http.status")
    outcome = str(line.get("stream.outcome", ""))
    parts = [
        Text(_time(line), "dim"),
        Text(str(status or "-"), _status_style(status)),
        Text(f"{outcome:<9}", _OUTCOMES.get(outcome, "red")),
        Text(f"{_plain(line.get('http.method', '-'))} {_plain(line.get('http.path', '-'))}", "bold"),
    ]
    if model := _model(line):
        parts.append(Text(model, "cyan"))
    parts += [Text(text, "dim") for text in _figures(line)]
    parts.append(Text(_took(line)))
    text = Text(" ").join(parts)
    if "error" in line:
        reason = f"{_plain(line['reason'])}: " if "reason" in line else ""
        text.append(f"\n{'':>13}{reason}{_plain(line['error'])}", "red")
    return text


def _message(line: Line) -> Text:
    level = str(line.get("level", ""))
    text = Text(f"{_time(line)} ", "dim")
    text.append(f"{level:<5} ", _LEVELS.get(level, ""))
    text.append(_plain(line.get("message", "")))
    for name, value in line.items():
        if name not in _HIDDEN:
            text.append(f" {_plain(name)}=", "dim").append(_plain(value))
    if "traceback" in line:
        for each in str(line["traceback"]).split("\n"):
            text.append(f"\n    {_plain(each)}", "dim red")
    return text


def _time(line: Line) -> str:
    return _plain(str(line.get("time", ""))[TIME])


def _model(line: Line) -> str:
    asked, answered = (_plain(line.get(f"gen_ai.{side}.model", "")) for side in ("request", "response"))
    if asked and answered and not answered.startswith(asked):
        return f"{asked} as {answered}"
    return answered or asked


def _figures(line: Line) -> Iterator[str]:
    first = line.get("agw.ai.time_to_first_token")
    if _is_figure(first):
        yield f"first {_seconds(first)}"
    tokens = [line.get(f"gen_ai.usage.{kind}_tokens") for kind in ("input", "output")]
    if any(count is not None for count in tokens):
        yield f"{'+'.join('?' if count is None else _plain(count) for count in tokens)} tokens"
    cost = line.get("agw.ai.usage.cost.total")
    if _is_figure(cost) and cost:
        yield f"${cost:.6f}".rstrip("0")
    if "retry.attempt" in line:
        yield f"{_plain(line['retry.attempt'])} retried"


def _is_figure(value: object) -> TypeGuard[int | float]:
    """Whether it is a number that somebody can read: others have written lines of this log."""
    return isinstance(value, int | float) and abs(value) < MAX_FIGURE


def _took(line: Line) -> str:
    took = duration_s(line)
    return "" if took is None else _seconds(took)


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f}ms" if value < 1 else f"{value:.2f}s"


def _status_style(status: object) -> str:
    if not isinstance(status, int):
        return "dim"
    return "green" if status < _GOOD else "cyan" if status < _FAIR else "yellow" if status < 500 else "bold red"


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else compact(value) if _nested(value) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    text = harmless(text)
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}…"


def harmless(text: str) -> str:
    """Return a text that commands no terminal."""
    return UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _nested(value: object) -> bool:
    return isinstance(value, Mapping | list)
