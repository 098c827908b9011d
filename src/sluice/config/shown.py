"""What a Plan says about traffic, health and a target's own clocks, in the words of the files, for `sluice check`.

PURE. Only what differs from the defaults is shown: a page of defaults hides the one line that matters. The time-outs
of routes are not shown.
"""

from collections.abc import Iterator, Mapping

import msgspec

from sluice.config.clock_policy import OWN_CLOCKS
from sluice.config.health_policy import SHARES
from sluice.config.plan import Rule
from sluice.config.shown_policies import policy_lines
from sluice.config.traffic import ADMISSION, RETRY, STREAM
from sluice.config.units import in_words
from sluice.policies.admission import Admission
from sluice.policies.deadlines import OwnClocks
from sluice.policies.health import Health

HEALTH = {
    "unhealthyCondition": "unhealthy",
    "eviction.duration": "duration_s",
    "eviction.consecutiveFailures": "consecutive_failures",
    "eviction.healthThreshold": "health_threshold",
    "eviction.restoreHealth": "restore_health",
}
"""Key in files -> field of the Plan."""

_PLAIN = Rule(name="", backends=())

MAX_CHARS = 72
"""Of an expression, which may be long."""


def rule_lines(rule: Rule) -> tuple[str, ...]:
    """Return what a rule does that others do not, one line per key: `retry: attempts 3`; and its policies."""
    parts = (
        ("errorFormat", rule.error_format if rule.error_format != _PLAIN.error_format else ""),
        ("stream", _changed(rule.streaming, _PLAIN.streaming, STREAM)),
        ("retry", _changed(rule.retry, _PLAIN.retry, RETRY)),
    )
    return (*(f"{key}: {text}" for key, text in parts if text), *policy_lines(rule))


def admission_line(admission: Admission) -> str:
    """Return what the process takes on at once, empty if that is the default."""
    text = _changed(admission, Admission(), ADMISSION)
    return f"admission: {text}" if text else ""


def health_line(health: Health) -> str:
    """Return when a target is given a rest, empty if that is the default."""
    text = _changed(health, Health(), HEALTH)
    return f"health: {text}" if text else ""


def clocks_line(clocks: OwnClocks | None) -> str:
    """Return the clocks that a target has in place of its route's, empty if it has none."""
    text = "" if clocks is None else _changed(clocks, OwnClocks(), OWN_CLOCKS)
    return f"timeouts: {text}" if text else ""


def _changed(value: msgspec.Struct, default: msgspec.Struct, fields: Mapping[str, str]) -> str:
    return ", ".join(_texts(value, default, fields))


def _texts(value: msgspec.Struct, default: msgspec.Struct, fields: Mapping[str, str]) -> Iterator[str]:
    for key, field in fields.items():
        mine = getattr(value, field)
        if mine == getattr(default, field):
            continue
        text = f"{mine * 100:.4g}" if field in SHARES else in_words(field, mine)
        if key == "onDisconnect":
            text = text.capitalize()
        yield f"{key} {text if len(text) <= MAX_CHARS else f'{text[:MAX_CHARS]}…'}"
