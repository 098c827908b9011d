"""How much may be asked on one route: rates of requests and tokens, and how many at once. Config types.

Limits accumulate: those of the Gateway hold beside those of a route, and nobody below drops one.
Obeys: stream-life 7 and 10.7, compat-agentgateway 1.8 and 2.5, labs A014 to A016 and B4.
"""

from typing import Literal

import msgspec

from sluice.policies.server import Server

Measure = Literal["requests", "tokens"]


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A token bucket for each value of its key.

    It holds `capacity` at most and begins full; `fill` more come each `interval_us` microseconds, all at once. Tokens
    that turn out to be more than were reserved are owed: a bucket may go below zero.
    """

    id: str
    """The same for all processes with this configuration, another one once it says something else."""
    name: str
    """Where it stands, for logs: `default/ceiling traffic.rateLimit.local[0]`."""
    measure: Measure = "requests"
    capacity: int
    fill: int
    interval_us: int
    key: str = ""
    """CEL: who shares a bucket. Empty = all. Those for whom it fails share one."""
    cut_stream: bool = False
    """A stream that has used up its bucket is ended in its midst."""


class AtOnce(msgspec.Struct, frozen=True, kw_only=True):
    """How many exchanges may be under way at once, for each value of the key; each from its admission to its last
    byte."""

    id: str
    name: str
    most: int
    key: str = ""


class Part(msgspec.Struct, frozen=True):
    """One entry of a descriptor: what it is called, and the CEL that says what it is of a request."""

    key: str
    expression: str


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Which limit an entry of a descriptor leads to. `value` None = any that no neighbour names."""

    key: str
    value: str | None = None
    rate: Rate | None = None
    nodes: tuple["Node", ...] = ()


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A descriptor that is made of a request, and the tree in which it finds its limit: a bucket for each combination
    of values. A request of which a part cannot be told has no such descriptor, and no limit of it."""

    parts: tuple[Part, ...]
    nodes: tuple[Node, ...]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that are counted in the same place."""

    rates: tuple[Rate, ...] = ()
    at_once: tuple[AtOnce, ...] = ()
    described: tuple[Described, ...] = ()


class RemoteDescriptor(msgspec.Struct, frozen=True, kw_only=True):
    """What a rate-limit service is asked about one request."""

    parts: tuple[Part, ...]
    measure: Measure = "requests"
    cost: str = ""
    """CEL. Of requests: looked at before the request is sent; empty = 1. Of tokens: after the answer; empty = what it
    used."""
    limit_override: str = ""
    """CEL: an object with `requests_per_unit` and `unit`, instead of the limit that the service has."""


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """A rate-limit service that counts (Envoy's protocol, v3)."""

    name: str
    server: Server | None
    """None = it cannot be found, and so not be asked."""
    domain: str
    descriptors: tuple[RemoteDescriptor, ...]
    fails_open: bool = False
    """If the service cannot be asked the request is admitted. Otherwise it is refused with a 500."""


class LimitSet(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy says."""

    machine: Bounds = Bounds()
    """Counted by the workers of one machine together."""
    everywhere: Bounds = Bounds()
    """Counted by all replicas together, in the shared store; without one, as `machine`."""
    fails_open: bool = False
    """If the shared store cannot be asked the request is admitted. Otherwise it is refused with a 500."""
    remotes: tuple[Remote, ...] = ()


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Limits for requests of which a CEL condition holds; an empty one holds."""

    condition: str = ""
    limits: LimitSet


class Limiting(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be asked: rates, tokens and concurrency on one route."""

    groups: tuple[tuple[Choice, ...], ...] = ()
    """Of each group the first choice whose condition holds; all groups hold together. Those of the Gateway come
    first."""


NO_LIMITS = Limiting()
