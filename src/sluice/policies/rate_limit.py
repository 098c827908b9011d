"""What a request takes out of its buckets, and what its client is told.

Reserve at admission, settle at the end: a token limit takes the bound that the request names, and gets back what was
not used; one that names none is admitted while any token is left and owes what it uses beyond. What it has used is what
it is charged for: `charge`.
Obeys: stream-life 7 and 10.7; labs 2.3 (a guard's rejection uses a request, a provider's 4xx no tokens).
"""

from collections.abc import Sequence

import msgspec

from sluice.policies.limiting import Node, Rate

SLICE = 256
"""Tokens that a stream which may be cut takes at a time, beyond its prompt, if it names no bound."""


class Estimate(msgspec.Struct, frozen=True):
    """What a request may use, in tokens, as far as it can be told before. `bound`: of the whole answer; None = it names
    none."""

    prompt: int
    bound: int | None = None


class Cost(msgspec.Struct, frozen=True):
    """What is taken out of a bucket, and what must be there. `partial`: no more than is there."""

    amount: int
    needs: int = 1
    partial: bool = False


REQUEST = Cost(1)


def cost(rate: Rate, estimate: Estimate) -> Cost:
    """Return what a request takes, never more than the bucket holds: one that is larger is admitted if that is full,
    for otherwise it never would be, and a bound that a client makes up locks nobody out for long. Nor less than
    nothing: nobody fills a bucket by asking."""
    if rate.measure == "requests":
        return REQUEST
    prompt = max(0, estimate.prompt)
    if estimate.bound is None:
        return Cost(min(rate.capacity, prompt + SLICE * rate.cut_stream), 1, rate.cut_stream)
    amount = min(rate.capacity, prompt + max(0, estimate.bound))
    return Cost(amount, max(1, amount), rate.cut_stream)


def described(nodes: Sequence[Node], entries: Sequence[tuple[str, str]]) -> Rate | None:
    """Return the limit that a descriptor finds in a tree: at each level the node of its value, or else the one of any
    value. None = it has none."""
    rate: Rate | None = None
    for key, value in entries:
        here = [node for node in nodes if node.key == key and node.value in (None, value)]
        node = next((node for node in here if node.value is not None), here[0] if here else None)
        if node is None:
            return None
        rate, nodes = node.rate, node.nodes
    return rate


class Standing(msgspec.Struct, frozen=True):
    """How one limit stands, for the client. `wait_us`: until the next fill, or until what was refused will be there."""

    limit: int
    remaining: int
    wait_us: int


def seconds(wait_us: int) -> int:
    """Return whole seconds, rounded up: who comes back then is not early."""
    return -(-wait_us // 1_000_000)


def tightest(standings: Sequence[Standing]) -> Standing | None:
    """Return the limit that is nearest to its end; of several the one that takes longest."""
    return min(standings, key=lambda each: (max(0, each.remaining) / max(1, each.limit), -each.wait_us), default=None)


def headers(standing: Standing) -> tuple[tuple[bytes, bytes], ...]:
    """Return a limit as response headers have it."""
    return (
        (b"x-ratelimit-limit", b"%d" % standing.limit),
        (b"x-ratelimit-remaining", b"%d" % max(0, standing.remaining)),
        (b"x-ratelimit-reset", b"%d" % seconds(standing.wait_us)),
    )
