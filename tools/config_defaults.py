"""What holds where nobody says a member of configuration: the defaults of the policies that members end in.

Most members are None in their schema, since a weaker layer may say them. What they come to in the end stands in
`policies/`, and the tables of `config.traffic` say which is which.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import msgspec

from sluice.cli.serve import _PORTS
from sluice.config.plan import Limits, Logging
from sluice.config.short_form import DEFAULT_PORT
from sluice.config.traffic import ADMISSION, CLOCKS, RETRY, STREAM
from sluice.config.units import duration_text, in_words
from sluice.policies.admission import Admission
from sluice.policies.deadlines import Deadlines
from sluice.policies.health import Health
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming

_TABLES: tuple[tuple[Mapping[str, str], msgspec.Struct, Mapping[str, tuple[str, ...]]], ...] = (
    (CLOCKS, Deadlines(), {"": ("Timeouts",)}),
    (STREAM, Streaming(), {"": ("StreamSettings",), "drain": ("DrainSettings",), "keepAlive": ("KeepAliveSettings",)}),
    (RETRY, Retry(), {"": ("RetrySettings", "RouteRetry")}),
    (ADMISSION, Admission(), {"": ("AdmissionSettings",)}),
)
"""Key in files -> field of a policy; and the objects that have the keys, by what stands before the key's dot."""
_IN_WORDS = {
    "RetrySettings.attempts": "each target once",
    "RetrySettings.codes": "`408 429 5xx`",
    "RouteRetry.attempts": "each target once",
    "RouteRetry.codes": "`408 429 5xx`",
    "EvictionSettings.consecutiveFailures": "`5`, unless there is a threshold",
    "ShortEvictionSettings.consecutiveFailures": "`5`, unless there is a threshold",
}


@cache
def defaults() -> dict[str, str]:
    """Return `Object.member` -> its default, in Markdown."""
    health, logging = Health(), Logging()
    found = dict(_of_tables())
    found["PoolSpec.connectTimeout"] = found["Timeouts.connect"]
    found["RouteSpec.rules"] = "one that takes every path"
    found["PoolSpec.poolIdleTimeout"] = f"`{duration_text(Limits().pool_idle_timeout_s)}`"
    found["LoggingSpec.format"], found["LoggingSpec.level"] = f"`{logging.format}`", f"`{logging.level}`"
    found["LlmSpec.port"] = f"`{DEFAULT_PORT}`"
    for door, port in _PORTS.items():
        found[f"ConfigSpec.{door}Addr"] = f"`localhost:{port}`"
    for name in ("EvictionSettings", "ShortEvictionSettings"):
        found[f"{name}.duration"] = f"`{duration_text(health.duration_s)}`"
    for name in ("PoliciesSpec", "Traffic"):
        found[f"{name}.errorFormat"] = "`json`"
    return found | _IN_WORDS


def _of_tables() -> Iterator[tuple[str, str]]:
    for keys, policy, homes in _TABLES:
        for key, field in keys.items():
            before, _, name = key.rpartition(".")
            value = getattr(policy, field)
            text = in_words(field, value) if value not in (None, "", frozenset()) else ""
            if key == "onDisconnect":
                text = text.capitalize()
            for home in homes[before] if text else ():
                yield f"{home}.{name}", f"`{text}`"
