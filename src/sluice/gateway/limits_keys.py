"""Which buckets a request draws from: the conditions, keys and descriptors of its limits, looked up in its scene."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from sluice.gateway.limits_ports import Draw, Place
from sluice.policies.condition import Condition
from sluice.policies.limiting import Bounds, Choice, Limiting, LimitSet, Node, Part, Rate
from sluice.policies.rate_limit import Estimate, cost, described
from sluice.policies.scene import ANSWERED, ASKED, Scene
from sluice.policies.value import Value

KEY_BYTES = 16
COMPILED = 4096
"""Expressions that are kept compiled, of all plans."""
_NO_TOKENS = Estimate(0)


def chosen(limiting: Limiting, scene: Scene) -> list[LimitSet]:
    """Return the limits that hold for a request, those of the Gateway first."""
    found = (_first(group, scene) for group in limiting.groups)
    return [limits for limits in found if limits is not None]


def counts_tokens(limits: LimitSet) -> bool:
    """Return whether some limit of it counts tokens."""
    return any(_counts_tokens(bounds) for bounds in (limits.machine, limits.everywhere)) or any(
        spec.measure == "tokens" for remote in limits.remotes for spec in remote.descriptors
    )


class Wanted:
    """What a request draws from counters that are asked together. A bucket that two limits name is drawn from once."""

    def __init__(self) -> None:
        self._draws: dict[bytes, Draw] = {}
        self._places: dict[bytes, Place] = {}

    def add(self, bounds: Bounds, scene: Scene, estimate: Estimate | None) -> None:
        """`estimate` None = it asks no model, and no limit of tokens is its business."""
        found: list[tuple[Rate, tuple[str, ...]]] = [(rate, (_shared_by(rate.key, scene),)) for rate in bounds.rates]
        for each in bounds.described:
            entries = entries_of(each.parts, scene)
            rate = None if entries is None else described(each.nodes, entries)
            if rate is not None and entries is not None:
                found.append((rate, tuple(value for _, value in entries)))
        for rate, values in found:
            if rate.measure == "requests" or estimate is not None:
                key = bucket_key(rate.id, values)
                self._draws[key] = Draw(rate, key, cost(rate, estimate or _NO_TOKENS))
        for most in bounds.at_once:
            key = bucket_key(most.id, (_shared_by(most.key, scene),))
            self._places[key] = Place(most, key)

    @property
    def draws(self) -> tuple[Draw, ...]:
        return tuple(self._draws.values())

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(self._places.values())

    @property
    def names(self) -> list[str]:
        """Of the limits; empty = nothing is wanted."""
        return [draw.rate.name for draw in self._draws.values()] + [
            place.at_once.name for place in self._places.values()
        ]


def entries_of(parts: Sequence[Part], scene: Scene) -> tuple[tuple[str, str], ...] | None:
    """Return the entries of a descriptor; None if one of them cannot be told of this request."""
    found = []
    for part in parts:
        text = text_of(part.expression, scene)
        if text is None:
            return None
        found.append((part.key, text))
    return tuple(found)


def text_of(expression: str, scene: Scene) -> str | None:
    """Return what an expression comes to, as text; None if it fails, or comes to nothing."""
    try:
        value = compiled(expression).value(scene)
    except LookupError:
        return None
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case bytes():
            return value.hex()
    try:
        return msgspec.json.encode(value, order="deterministic").decode()
    except (TypeError, ValueError):
        return str(value)


def bucket_key(limit: str, values: Sequence[str]) -> bytes:
    """Return the 16 bytes that name a bucket: no value, which may be a person's name, leaves the process."""
    digest = blake2b(limit.encode(), digest_size=KEY_BYTES)
    for value in values:
        text = value.encode("utf-8", "surrogatepass")
        digest.update(b"\0%d:" % len(text) + text)
    return digest.digest()


@lru_cache(COMPILED)
def compiled(expression: str) -> Value:
    """Return an expression of the plan, which was checked when that was loaded."""
    return Value(expression, sees=ANSWERED)


@lru_cache(COMPILED)
def _condition(expression: str) -> Condition:
    return Condition(expression, sees=ASKED)


def _first(group: Sequence[Choice], scene: Scene) -> LimitSet | None:
    for choice in group:
        if not choice.condition or _condition(choice.condition).holds(scene):
            return choice.limits
    return None


def _shared_by(key: str, scene: Scene) -> str:
    """Who shares a bucket: those for whom the key fails share one, for otherwise leaving a header out would be a way
    around the limit."""
    return (text_of(key, scene) or "") if key else ""


def _counts_tokens(bounds: Bounds) -> bool:
    return any(rate.measure == "tokens" for rate in bounds.rates) or any(
        _leads_to_tokens(each.nodes) for each in bounds.described
    )


def _leads_to_tokens(nodes: Sequence[Node]) -> bool:
    return any(
        (node.rate is not None and node.rate.measure == "tokens") or _leads_to_tokens(node.nodes) for node in nodes
    )
