"""One way through a program at a time: where it may stand before the next character, in the order of preference.

A strand (Pike calls it a thread) waits for a character of a class; or for knowing what comes next, which `\\b` and `$`
have to ask for; or only for the text to end. Strands are interned, so they compare by identity, and each remembers
what became of it for every set of classes that it has met. Obeys: R. Cox, "Regular Expression Matching: the Virtual
Machine Approach" (read 2026-11-21); the preferences of CPython's `re`.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from sluice.policies.matching.alphabet import NEWLINE, START, WORD, WORD_A
from sluice.policies.matching.program import Char, Fork, Instruction, Leave, Look, Loop, Match, Program
from sluice.policies.matching.syntax import Place

_UNKNOWN: Final = -1
_END: Final = -2
_LAST_NEWLINE: Final = -3
"""What comes next, beside the bits of a character: nobody knows yet; nothing; a newline and then nothing."""

_MATTERS: Final[dict[Place, int]] = {
    "text_start": START,
    "line_start": START | NEWLINE,
    "text_end": 0,
    "last_line_end": 0,
    "line_end": 0,
    "word": WORD,
    "inside": WORD,
    "word_a": WORD_A,
    "inside_a": WORD_A,
}
"""What a demand has to know of the character before it."""


class Strand:
    """`at`: the instruction. `begun`: the marks of the loops that have begun a turn here. `before`: bits of the
    character that was read last, as far as they matter."""

    __slots__ = ("at", "before", "begun", "steps")

    def __init__(self, at: int, begun: int = 0, before: int = 0) -> None:
        self.at = at
        self.begun = begun
        self.before = before
        self.steps: dict[int, Step] = {}


class Step(msgspec.Struct, frozen=True):
    """What one character made of a strand, or of a bundle of them."""

    strands: tuple[Strand, ...]
    """By preference; those that a match has made pointless are gone."""
    matched: int | None
    """The pattern has matched: 0 = before the character, 1 = after it. Whoever was less preferred is out."""


_FOUND: Final = Strand(0)


class Strands:
    """All strands of one program."""

    def __init__(self, program: Program) -> None:
        self._code: list[Instruction] = program.code
        self._alphabet = program.alphabet
        self._known: dict[tuple[int, int, int], Strand] = {}
        self.bytes = 0
        """What the strands remember, estimated."""
        self._matters = 0
        for place in program.looks:
            self._matters |= _MATTERS[place]
        self.may_doubt: Final = "last_line_end" in program.looks
        self.at_last_newline = Strand(-1)
        """It has matched before the newline that was read last, if nothing follows."""
        self.at_end = Strand(-2)
        """It has matched after the newline that was read last, if nothing follows."""

    def kind(self, bits: int) -> int:
        """Return what of a character matters to those who stand behind it."""
        return bits & self._matters

    def start(self, first: int, before: int, bits: int) -> Step:
        """Begin a pattern before a character. A match of nothing is none."""
        return self._read(self._ways(first, 0, before, bits, empty=True), bits, empty=True)

    def step(self, strand: Strand, bits: int) -> Step:
        """Read a character."""
        known = strand.steps.get(bits)
        if known is None:
            known = strand.steps[bits] = self._read(self._decided(strand, bits), bits)
            self.bytes += 300 + 8 * len(known.strands)
        return known

    def end(self, strand: Strand) -> int | None:
        """The text ends: return how many characters ago the strand has matched, if it has."""
        if strand.at < 0:
            return 1 if strand is self.at_last_newline else 0
        return 0 if _FOUND in self._decided(strand, _END) else None

    def forget(self) -> None:
        """Forget what became of them."""
        for strand in self._known.values():
            strand.steps.clear()
        self.bytes = 0

    def _strand(self, at: int, begun: int = 0, before: int = 0) -> Strand:
        key = (at, begun, before)
        strand = self._known.get(key)
        if strand is None:
            strand = self._known[key] = Strand(at, begun, before)
        return strand

    def _decided(self, strand: Strand, after: int) -> Iterable[Strand]:
        """Who stands here, now that it is known what comes next."""
        if strand.at < 0:
            return ()
        if isinstance(self._code[strand.at], Char):
            return (strand,)
        return self._ways(strand.at, strand.begun, strand.before, after)

    def _read(self, ways: Iterable[Strand], bits: int, *, empty: bool = False) -> Step:
        strands: dict[Strand, None] = {}
        for strand in ways:
            if strand is _FOUND:
                if empty:
                    continue
                return Step(tuple(strands), 0)
            if strand.at < 0:
                strands[strand] = None
                continue
            for following in self._behind(strand, bits, _UNKNOWN):
                if following is _FOUND:
                    return Step(tuple(strands), 1)
                strands[following] = None
        return Step(tuple(strands), None)

    def _behind(self, strand: Strand, bits: int, after: int) -> Iterator[Strand]:
        """Who stands behind a character that a strand waited for."""
        waiting = self._code[strand.at]
        if isinstance(waiting, Char) and bits >> waiting.bit & 1:
            yield from self._ways(waiting.next, 0, self.kind(bits), after)

    def _ways(self, at: int, begun: int, before: int, after: int, *, empty: bool = False) -> Iterator[Strand]:
        """Yield, the most preferred first, who waits for a character here, who has matched, and who has to wait for
        knowing what comes next. `empty`: a match here would be one of nothing."""
        stack = [(at, begun)]
        seen: set[tuple[int, int]] = set()
        while stack:
            way = stack.pop()
            if way in seen:
                continue
            seen.add(way)
            at, begun = way
            instruction = self._code[at]
            if isinstance(instruction, Match):
                yield _FOUND
            elif isinstance(instruction, Char):
                yield self._strand(at)
            elif isinstance(instruction, Look):
                if instruction.place == "last_line_end" and after > 0 and after & NEWLINE:
                    yield from self._if_last(instruction.next, begun, before, empty=empty)
                    continue
                holds = _holds(instruction.place, before, after)
                if holds is None:
                    yield self._strand(at, begun, before)
                elif holds:
                    stack.append((instruction.next, begun))
            else:
                stack.extend(_turns(instruction, begun))

    def _if_last(self, at: int, begun: int, before: int, *, empty: bool) -> Iterator[Strand]:
        """A newline comes, and a strand goes on only if it is the last character: what will become of it is known."""
        newline = self._alphabet["\n"]
        for strand in self._ways(at, begun, before, _LAST_NEWLINE):
            if strand is _FOUND:
                if not empty:
                    yield self.at_last_newline
                    return
            elif _FOUND in self._behind(strand, newline, _END):
                yield self.at_end
                return


def _turns(instruction: Fork | Loop | Leave, begun: int) -> Iterable[tuple[int, int]]:
    """Where to go without a character, the most preferred last, as a stack wants it."""
    if isinstance(instruction, Fork):
        return [(way, begun) for way in reversed(instruction.ways)]
    if isinstance(instruction, Leave) or begun & instruction.mark:
        return [(instruction.next, begun & ~instruction.mark)]
    turns = [(instruction.next, begun), (instruction.body, begun | instruction.mark)]
    return turns if instruction.greedy else reversed(turns)


def _holds(place: Place, before: int, after: int) -> bool | None:
    """Return whether a demand is met; None: it depends on what comes next."""
    if place == "text_start":
        return bool(before & START)
    if place == "line_start":
        return bool(before & (START | NEWLINE))
    if after == _UNKNOWN:
        return None
    if place == "text_end":
        return after == _END
    if place == "last_line_end":
        return after in (_END, _LAST_NEWLINE)
    if place == "line_end":
        return after < 0 or bool(after & NEWLINE)
    side = WORD if place in ("word", "inside") else WORD_A
    differs = bool(before & side) != (after > 0 and bool(after & side))
    return differs == place.startswith("word")
