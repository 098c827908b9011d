"""How long a provider asks to be let alone: the headers of an answer that says "too much" or "not now".

Guarantee: what is no plain number, duration or date is not there, nor is anything beyond 30 days; nothing is raised.
Obeys: compat-agentgateway 1.9 (read 2026-11-21); RFC 9110, 10.2.3 and 5.6.7; RFC 3339 for the moments in
`<who>-ratelimit-<what>-reset`, the form of https://docs.anthropic.com/en/api/rate-limits.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

STATUSES: Final = frozenset([408, 429, 503, 529])
"""Only these ask for patience; a 500 with a Retry-After is a failure like any other."""
MAX_S: Final = 30 * 86400.0
"""Nobody means more. A bare `x-ratelimit-reset` beyond it is a point in time."""

_MAX_BYTES: Final = 64
_PARTS: Final = (
    b"x-ratelimit-reset-requests",
    b"x-ratelimit-reset-tokens",
    b"x-ratelimit-reset-requests-day",
    b"x-ratelimit-reset-tokens-minute",
)
_NUMBER: Final = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_DURATION: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:d|h|ms|m|s|us|ns))+", re.ASCII)
_PIECE: Final = re.compile(r"([\d.]+)([a-z]+)", re.ASCII)
_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_HTTP_DATES: Final = (
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>\d\d) {_MONTH} (?P<year>\d{{4}}) {_TIME} GMT", re.ASCII),
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>\d\d)-{_MONTH}-(?P<year>\d\d) {_TIME} GMT", re.ASCII),
    re.compile(rf"[A-Z][a-z]{{2}} {_MONTH} (?P<day>[ \d]\d) {_TIME} (?P<year>\d{{4}})", re.ASCII),
)
"""IMF-fixdate, and the two obsolete forms that a recipient must accept (RFC 9110, 5.6.7)."""
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


def rest_s(status: int, headers: Iterable[tuple[bytes, bytes]], wall: float) -> float | None:
    """Return the seconds that the provider names, 0.0 to 30 days; None = it names none, or the status asks for none.

    The first of these that can be read: `retry-after`, `retry-after-ms`, `x-ratelimit-reset`, the soonest of
    `x-ratelimit-reset-requests | -tokens | -requests-day | -tokens-minute`, the soonest `<who>-ratelimit-<what>-reset`
    of which nothing remains. A point in time that has passed is 0.0. `headers`: names in lower case; of a name that
    stands there twice the first counts. `wall`: seconds since 1970.
    """
    if status not in STATUSES:
        return None
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name not in found and len(value) <= _MAX_BYTES:
            found[name] = value.decode("latin-1").strip(" \t")
    if (wait := _retry_after(found.get(b"retry-after", ""), wall)) is not None:
        return wait
    if (milliseconds := _number(found.get(b"retry-after-ms", ""))) is not None and milliseconds <= MAX_S * 1000:
        return milliseconds / 1000
    if (reset := _reset(found.get(b"x-ratelimit-reset", ""), wall)) is not None:
        return reset
    parts = [wait for name in _PARTS if (wait := _duration(found.get(name, ""))) is not None]
    return min(parts or _used_up(found, wall), default=None)


def _retry_after(text: str, wall: float) -> float | None:
    seconds = _number(text)
    if seconds is None:
        return _until(_http_date(text, wall), wall)
    return seconds if seconds <= MAX_S else None


def _reset(text: str, wall: float) -> float | None:
    number = _number(text)
    return number if number is None or number < MAX_S else _until(number, wall)


def _used_up(found: Mapping[bytes, str], wall: float) -> list[float]:
    """The waits for the limits that one provider's own headers say are used up; each has a `-remaining` beside it."""
    waits: list[float] = []
    for name, text in found.items():
        if not name.endswith(b"-reset") or b"-ratelimit-" not in name or name.startswith(b"x-"):
            continue
        remaining = _number(found.get(name.removesuffix(b"-reset") + b"-remaining", ""))
        wait = _until(_rfc_3339(text), wall)
        if remaining == 0 and wait is not None:
            waits.append(wait)
    return waits


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _duration(text: str) -> float | None:
    """`1m`, `2m30s`, `7.66s`, `6ms`, or bare seconds."""
    seconds = _number(text)
    if seconds is None:
        if not _DURATION.fullmatch(text):
            return None
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(text))
    return seconds if seconds <= MAX_S else None


def _until(moment: float | None, wall: float) -> float | None:
    if moment is None or moment - wall > MAX_S:
        return None
    return max(0.0, moment - wall)


def _http_date(text: str, wall: float) -> float | None:
    match = next((found for form in _HTTP_DATES if (found := form.fullmatch(text))), None)
    if match is None:
        return None
    year = int(match["year"])
    if len(match["year"]) == 2:
        year += _century(year, datetime.fromtimestamp(wall, UTC).year)
    clock = int(match["hour"]), int(match["minute"]), min(int(match["second"]), 59)  # 60: a leap second
    try:
        moment = datetime(year, _MONTHS.index(match["month"]) + 1, int(match["day"]), *clock, tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp()


def _century(year: int, this_year: int) -> int:
    """Of a year with two digits: one that seems more than 50 years ahead is in the past (RFC 9110, 5.6.7)."""
    century = this_year - this_year % 100
    return century - 100 if century + year > this_year + 50 else century


def _rfc_3339(text: str) -> float | None:
    if not _RFC_3339.fullmatch(text.upper()):
        return None
    try:
        return datetime.fromisoformat(text.upper()).timestamp()
    except ValueError:
        return None
