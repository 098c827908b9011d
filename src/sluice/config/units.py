"""Durations and sizes as operators write them, and back.

PURE. Obeys: Gateway API GEP-2257 (durations: `1h30m`, `250ms`; no fractions, no sign) and Kubernetes quantities for
bytes (`1Mi`, `256Ki`, `10M`).
"""

import re

MAX_DURATION_S = 366 * 24 * 3600.0
"""Longest duration, a year: beyond it somebody mistook the unit, and timers of event loops overflow."""

_DURATION = re.compile(r"(?:[0-9]{1,5}(?:h|ms|m|s)){1,4}")
_PART = re.compile(r"([0-9]+)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

_SIZE = re.compile(r"([0-9]{1,15})([KMG]i|[kMG])?")
_BYTES = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 10**3, "M": 10**6, "G": 10**9}


class Duration(float):
    """Seconds, written as `250ms`, `30s`, `5m`, `1h30m`; `0s` turns a clock off."""


class Size(int):
    """Bytes, written as a number or with a unit: `16777216`, `256Ki`, `1Mi`."""


def duration(text: object) -> Duration:
    """Return the seconds of a duration.

    Raises:
        ValueError: not a duration, or longer than a year.
    """
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError("expected a duration such as `250ms`, `30s`, `5m` or `1h30m`")
    # Milliseconds add up as integers, so that `1s500ms` and `1500ms` are the same number.
    millis = sum(int(number) * round(_SECONDS[unit] * 1000) for number, unit in _PART.findall(text))
    if millis / 1000 > MAX_DURATION_S:
        raise ValueError("expected a duration of a year at most")
    return Duration(millis / 1000)


def size(value: object) -> Size:
    """Return the bytes of a size.

    Raises:
        ValueError: not a size.
    """
    match = _SIZE.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None:
        raise ValueError("expected a number of bytes such as `16777216`, `256Ki` or `1Mi`")
    return Size(int(match[1]) * _BYTES[match[2] or ""])


def duration_text(seconds: float) -> str:
    """Return a duration as it is written, to the millisecond: `1h30m`, `250ms`, `0s`."""
    millis = round(seconds * 1000)
    parts = []
    for unit, each in _SECONDS.items():
        number, millis = divmod(millis, round(each * 1000))
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts) or "0s"


def size_text(count: int) -> str:
    """Return a number of bytes as it is written, in the largest binary unit that it is a multiple of: `256Ki`."""
    for unit in ("Gi", "Mi", "Ki"):
        if count and count % _BYTES[unit] == 0:
            return f"{count // _BYTES[unit]}{unit}"
    return str(count)


def in_words(field: str, value: object) -> str:
    """Return the value of a field of the Plan as a file has it; the field's name carries its unit."""
    if field.endswith("_s") and isinstance(value, float | int):
        return duration_text(value)
    if field.endswith("_bytes") and isinstance(value, int):
        return size_text(value)
    if isinstance(value, frozenset):
        return " ".join(map(str, sorted(value)))
    return str(value)
