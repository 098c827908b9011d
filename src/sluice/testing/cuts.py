"""All the ways in which a network may cut bytes.

Whoever reads a stream has to give one result for each of them. Pure: chance comes from the seed that is handed in.
"""

import random
from collections.abc import Iterator
from itertools import combinations, pairwise

Pieces = list[bytes]
"""The pieces of one cutting, in order; joined they are the original bytes."""


def every_single_cut(data: bytes) -> Iterator[Pieces]:
    """Yield each cutting into two pieces, one per offset from 0 to len(data): one of the two may be empty."""
    for at in range(len(data) + 1):
        yield [data[:at], data[at:]]


def one_byte_at_a_time(data: bytes) -> Pieces:
    """Return the finest cutting: one piece per byte."""
    return [data[at : at + 1] for at in range(len(data))]


def every_size(data: bytes, *, largest: int = 16) -> Iterator[Pieces]:
    """Yield the cuttings into pieces of 1, 2, ... `largest` bytes: reads of a small, fixed buffer."""
    for size in range(1, largest + 1):
        yield [data[at : at + size] for at in range(0, len(data), size)]


def random_cuts(data: bytes, seed: int, n: int) -> Iterator[Pieces]:
    """Yield `n` cuttings at random offsets, the same ones for the same seed; empty pieces are among them."""
    dice = random.Random(seed)  # noqa: S311 - has to be repeatable, not secret
    for _ in range(n):
        count = dice.randrange(min(len(data), 32) + 2)
        yield _cut(data, sorted(dice.randrange(len(data) + 1) for _ in range(count)))


def every_way(data: bytes) -> Iterator[Pieces]:
    """Yield all 2 ** (len(data) - 1) cuttings into non-empty pieces.

    Raises:
        ValueError: `data` is longer than 16 bytes; see `every_way_around` for a window of longer ones.
    """
    if len(data) > 16:
        raise ValueError(f"{len(data)} bytes have too many cuttings; take at most 16")
    inner = range(1, len(data))
    for count in range(max(len(data), 1)):
        for cuts in combinations(inner, count):
            yield _cut(data, cuts)


def every_way_around(data: bytes, at: int, *, width: int = 8) -> Iterator[Pieces]:
    """Yield all cuttings of the `width` bytes around offset `at`; what lies before and after stays in one piece."""
    first = max(0, min(at - width // 2, len(data) - width))
    for pieces in every_way(data[first : first + width]):
        yield [data[:first], *pieces, data[first + width :]]


def _cut(data: bytes, offsets: list[int] | tuple[int, ...]) -> Pieces:
    return [data[start:end] for start, end in pairwise([0, *offsets, len(data)])]
