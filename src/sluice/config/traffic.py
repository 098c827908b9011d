"""What is said about traffic, layer upon layer, to what a rule of the Plan does.

PURE. Guarantee: each member is decided on its own, by the strongest layer that says something about it; what nobody
says has its default. The tables below are the one place where a key of a file meets a field of the Plan.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sluice.config.plan import Rule
from sluice.config.struct_fields import fields_of
from sluice.config.traffic_api import AdmissionSettings, RouteRetry, StreamSettings, Timeouts, TrafficSettings
from sluice.config.units import in_words
from sluice.policies.admission import Admission
from sluice.policies.deadlines import Deadlines
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming

CLOCKS = {
    "connect": "connect_s",
    "responseHeaders": "headers_s",
    "firstToken": "first_token_s",
    "responseIdle": "idle_s",
    "request": "total_s",
}
STREAM = {
    "onDisconnect": "on_disconnect",
    "drain.maxDuration": "drain_s",
    "drain.maxTokens": "drain_tokens",
    "drain.maxConcurrent": "drain_concurrent",
    "keepAlive.interval": "keep_alive_s",
    "keepAlive.commitAfter": "commit_after_s",
    "slowReaderTimeout": "slow_reader_s",
    "maxBufferBytes": "max_buffer_bytes",
    "maxEventBytes": "max_event_bytes",
}
RETRY = {
    "attempts": "attempts",
    "backoff": "backoff_s",
    "codes": "codes",
    "condition": "condition",
    "precondition": "precondition",
}
ADMISSION = {
    "maxConcurrent": "max_concurrent",
    "maxQueue": "max_queue",
    "queueTimeout": "queue_timeout_s",
    "maxMemory": "max_memory_bytes",
}
"""Key in files, a dotted one for a mapping inside -> field of the struct in `policies/`."""

_NO_BOUND = 0
"""Of every member of `admission` but the queue, where 0 is the tightest of all."""


def treated(rule: Rule, layers: Iterable[TrafficSettings]) -> Rule:
    """Return the rule with what the layers, the weakest first, say about its traffic."""
    said = list(layers)
    formats = [item.error_format for item in said if item.error_format is not None]
    return msgspec.structs.replace(
        rule,
        deadlines=deadlines(item.timeouts for item in said if item.timeouts is not None),
        streaming=streaming(item.stream for item in said if item.stream is not None),
        retry=retry(item.retry for item in said if item.retry is not None),
        error_format=formats[-1] if formats else rule.error_format,
    )


def deadlines(timeouts: Iterable[Timeouts]) -> Deadlines:
    """Return the clocks after all time-outs, the weakest first."""
    return msgspec.convert(_decided(timeouts, CLOCKS), Deadlines)


def streaming(settings: Iterable[StreamSettings]) -> Streaming:
    """Return how streams are treated after all settings, the weakest first."""
    return msgspec.convert(_decided(settings, STREAM), Streaming)


def retry(settings: Iterable[RouteRetry]) -> Retry:
    """Return how often a request is tried after all settings, the weakest first."""
    return msgspec.convert(_decided(settings, RETRY), Retry)


def admission(settings: Mapping[str, Sequence[AdmissionSettings]]) -> tuple[Admission, tuple[str, ...]]:
    """Return what the process takes on at once, and the sentences that an operator should read.

    `settings` are those of each Gateway, by its `namespace/name`, the weakest first. They share one process: of what
    two say differently the tighter one holds.
    """
    decided = {gateway: _decided(items, ADMISSION) for gateway, items in settings.items()}
    values: dict[str, object] = {}
    disputed: list[str] = []
    for key, field in ADMISSION.items():
        found = [said[field] for said in decided.values() if field in said]
        if found:
            values[field] = _tightest(field, found)
        if len(set(found)) > 1:
            disputed.append(f"{key} {in_words(field, values[field])}")
    if not disputed:
        return msgspec.convert(values, Admission), ()
    who = ", ".join(sorted(gateway for gateway, said in decided.items() if said))
    note = f"The Gateways {who} share one process and differ in `admission`; the tightest holds: {', '.join(disputed)}."
    return msgspec.convert(values, Admission), (note,)


def said(settings: msgspec.Struct) -> dict[str, object]:
    """Return what settings say, by the keys of files; those of a mapping inside with a dot."""
    found: dict[str, object] = {}
    for field in fields_of(settings):
        value = getattr(settings, field.name)
        if isinstance(value, msgspec.Struct):
            found |= {f"{field.encode_name}.{key}": inner for key, inner in said(value).items()}
        elif value is not None:
            found[field.encode_name] = _plain(value)
    return found


def _decided(layers: Iterable[msgspec.Struct], fields: Mapping[str, str]) -> dict[str, object]:
    return {fields[key]: value for layer in layers for key, value in said(layer).items()}


def _plain(value: object) -> object:
    """Return a value of a file as the Plan has it: plain numbers, words in small letters."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    return _WORDS.get(value, value) if isinstance(value, str) else value


_WORDS = {"Cancel": "cancel", "Drain": "drain", "Continue": "continue"}


def _tightest(field: str, values: list[object]) -> float:
    numbers = [value for value in values if isinstance(value, int | float)]
    if field == "max_queue":
        return min(numbers)
    return min((value for value in numbers if value != _NO_BOUND), default=_NO_BOUND)
