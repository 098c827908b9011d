"""What must be found, by the standard library on the whole text, and what is found in pieces."""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from random import Random

from sluice.policies.matching import Finder, Pattern, Span

Found = list[tuple[int, int]]


def expected(text: str, pattern: str, accepts: Callable[[str], bool] | None = None) -> Found:
    """Return where `re` finds the pattern; with a validator, where it would if a refused match were none."""
    compiled = re.compile(pattern.replace(r"\z", r"\Z"))
    if accepts is None:
        return [match.span() for match in compiled.finditer(text) if match.group()]
    found: Found = []
    at = 0
    while at < len(text):
        end = next((end for start, end in _from(compiled, text, at) if start == at), at)
        if end > at and accepts(text[at:end]):
            found.append((at, end))
            at = end
        else:
            at += 1
    return found


def _from(compiled: re.Pattern[str], text: str, at: int) -> Iterator[tuple[int, int]]:
    return (match.span() for match in compiled.finditer(text, at) if match.group())


def cuttings(text: str, rng: Random) -> Iterator[list[str]]:
    """Yield the text whole, in single characters, and cut at random with empty pieces in between."""
    yield [text]
    yield list(text)
    cuts = sorted(rng.choices(range(len(text) + 1), k=rng.randint(1, 6)))
    yield [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


def in_pieces(finder: Finder, pieces: Sequence[str]) -> list[Span]:
    """Return what is found, having looked that every promise is kept on the way."""
    search = finder.search()
    spans: list[Span] = []
    fed = before = 0
    for piece in [*pieces, None]:
        fresh = search.finish() if piece is None else search.feed(piece)
        fed += len(piece or "")
        assert before <= search.cleared <= fed
        assert all(before <= span.start < span.end <= search.cleared for span in fresh)
        spans += fresh
        before = search.cleared
    assert before == fed
    assert spans == sorted(spans, key=lambda span: (span.start, span.pattern))
    return spans


def check(text: str, patterns: Sequence[Pattern], rng: Random, finder: Finder | None = None) -> None:
    """Assert that however the text is cut, each pattern is found where it must be."""
    wanted = [expected(text, pattern.text, pattern.accepts) for pattern in patterns]
    finder = finder or Finder(patterns)
    for pieces in cuttings(text, rng):
        spans = in_pieces(finder, pieces)
        for index, pattern in enumerate(patterns):
            found = [(span.start, span.end) for span in spans if span.pattern == index]
            assert found == wanted[index], (pattern.text, text, pieces)
