"""Which lines of a log are wanted: every option is one condition, and a line has to fulfil all of them.

Pure. A condition about exchanges is fulfilled by no other line. Obeys: docs/observability.md, "The log line".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import get_args

from sluice.config.units import duration
from sluice.policies.expression import Expression
from sluice.policies.scene import Scene
from sluice.relay.outcome import OutcomeKind

Line = Mapping[str, object]
Pick = Callable[[Line], bool]

OUTCOMES: tuple[str, ...] = get_args(OutcomeKind)
_STATUS = re.compile(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
_MILLIS = re.compile(r"([0-9]{1,12})ms")
_FAILED = 400
_LOUD = frozenset(["warn", "error"])


def words(texts: Iterable[str]) -> list[str]:
    """Return what stands between commas, of all of these."""
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]


def duration_s(line: Line) -> float | None:
    """Return how long an exchange took; None if the line does not say."""
    match = _MILLIS.fullmatch(str(line.get("duration", "")))
    return int(match[1]) / 1000 if match else None


def by_outcome(texts: Iterable[str]) -> Pick:
    """
    Raises:
        ValueError: there is no such outcome.
    """
    wanted = words(texts)
    for word in wanted:
        if word not in OUTCOMES:
            raise ValueError(f"there is no outcome `{word}`; there are {', '.join(OUTCOMES)}")
    return lambda line: line.get("stream.outcome") in wanted


def by_status(texts: Iterable[str]) -> Pick:
    """`404`, `5xx`, `400-499`.

    Raises:
        ValueError: it is none of these.
    """
    spans = []
    for word in words(texts):
        match = _STATUS.fullmatch(word)
        if match is None:
            raise ValueError(f"`{word}` is no status; one is written as 404, 5xx or 400-499")
        low = int(match[1]) * 100 if match[1] else int(match[2])
        spans.append((low, low + 99 if match[1] else int(match[3] or low)))
    return lambda line: any(low <= status <= high for status in _statuses(line) for low, high in spans)


def by_name(patterns: Iterable[str], fields: tuple[str, ...]) -> Pick:
    """One of the fields is one of the names; `*` stands for any text."""
    wanted = words(patterns)
    return lambda line: any(fnmatchcase(str(line[name]), text) for name in fields if name in line for text in wanted)


def by_slowness(text: str) -> Pick:
    """It took so long, or longer.

    Raises:
        ValueError: it is no duration.
    """
    least_s = duration(text)
    return lambda line: (took := duration_s(line)) is not None and took >= least_s


def by_failure(line: Line) -> bool:
    """The exchange did not complete, or its status says so; of other lines those that warn."""
    if line.get("scope") != "request":
        return line.get("level") in _LOUD
    return line.get("stream.outcome") != "completed" or any(status >= _FAILED for status in _statuses(line))


def by_expression(text: str) -> Pick:
    """CEL over `line`, the fields by their names.

    Raises:
        ValueError: it is no such expression; the message says what.
    """
    expression = Expression(text, empty={"line": {}})
    return lambda line: expression.holds(Scene({"line": line}).context(expression))


def by_time(text: str, now: float) -> Pick:
    """It was written since then: a duration before `now`, seconds since 1970, or a time of RFC 3339.

    Raises:
        ValueError: it is neither.
    """
    try:
        since = now - duration(text)
    except ValueError:
        try:
            since = _instant(text)
        except ValueError:
            raise ValueError(f"`{text}` is no time; one is written as 10m, 2h or 2026-11-21T10:00:00Z") from None

    def pick(line: Line) -> bool:
        try:
            return _instant(str(line.get("time", ""))) >= since
        except ValueError:
            return False

    return pick


def _instant(text: str) -> float:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _statuses(line: Line) -> list[int]:
    status = line.get("http.status")
    return [status] if isinstance(status, int) else []
