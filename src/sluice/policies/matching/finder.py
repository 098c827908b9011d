"""Finding: patterns are compiled once, and each text that is searched is a position in the machine and a few marks.

A match of a pattern is what `re.finditer` finds in the whole text: the leftmost, and of those that begin there the one
that `re` prefers; matches of one pattern do not overlap, and a match of nothing is none. With a validator: the first
that begins leftmost and is accepted; where one is refused, the next may begin at the following character.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final

import msgspec

from sluice.policies.matching.machine import LONGEST_STRIDE, OVER, Machine, Mark, Marks, Move, Shift, State
from sluice.policies.matching.program import Program
from sluice.policies.matching.rests import learn_runs
from sluice.policies.matching.spelling import Unsupported

MAX_VALIDATED: Final = 1024
"""Characters of the longest match of a pattern with a validator: so much text is kept, and so many matches are tried at
once."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for."""

    text: str
    """The regular expression, at most 1024 characters."""
    accepts: Callable[[str], bool] | None = None
    """A validator, pure: a match that it refuses is none, and what lies inside may match."""


class Span(msgspec.Struct, frozen=True):
    """A match: characters from the text's beginning, and the index of the pattern."""

    start: int
    end: int
    pattern: int


class Finder:
    """A set of patterns, ready to be looked for in any number of texts at once.

    Cost: O(1) look-ups a character in what it has seen before; at worst O(instructions of the patterns) a character,
    whatever pattern and text. Memory: bounded, see `machine.MAX_BYTES`.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Compile.

        Raises:
            Unsupported: with the index of the pattern, and a sentence.
        """
        program = Program()
        self._accepts = tuple(pattern.accepts for pattern in patterns)
        starts: list[int] = []
        for index, pattern in enumerate(patterns):
            try:
                start, longest = program.add(pattern.text)
                if pattern.accepts is not None and longest > MAX_VALIDATED:
                    raise Unsupported(f"a match may be validated up to {MAX_VALIDATED} characters: bound its repeats")
            except Unsupported as refused:
                refused.index = index
                raise
            starts.append(start)
        validated = frozenset(index for index, accepts in enumerate(self._accepts) if accepts is not None)
        self._machine = Machine(program, starts, validated)
        learn_runs(self._machine)

    @property
    def work(self) -> int:
        """What was spent so far on what no text had led to before, see `Machine.work`."""
        return self._machine.work

    def search(self) -> "Search":
        """Begin a text."""
        return Search(self._machine, self._accepts)

    def is_clean(self, text: str) -> bool:
        """Return whether nothing is in a whole text, for sure; False = it has to be looked for."""
        state = self._machine.initial()
        for char in text:
            state, move = state[char]
            if move is not None and move.events:
                return False
        end = self._machine.strands.end
        return all(end(strand) is None for bundle in state.bundles for strand in bundle.strands)

    def find(self, text: str) -> list[Span]:
        """Return all spans of a whole text, in order of start, then of pattern."""
        search = self.search()
        return search.feed(text) + search.finish()


class Search:
    """One text, fed in pieces cut anywhere. The spans that come out, all together, do not depend on the cuts.

    `cleared` is the number of characters from the beginning about which all is known. No span reaches over it: each one
    that was returned ends at it or before it, and each one still to come begins at it or behind it. Everything before
    it may go, with the returned spans treated as they should be; everything behind it has to wait.

    Memory: what is undecided; of the text itself only what a validator may ask for, at most MAX_VALIDATED characters.
    """

    __slots__ = (
        *("_accepts", "_kept", "_machine", "_marks", "_past", "_position", "_ready", "_state"),
        *("_validates", "_waiting"),
        "cleared",
    )

    def __init__(self, machine: Machine, accepts: tuple[Callable[[str], bool] | None, ...]) -> None:
        self._machine = machine
        self._accepts = accepts
        self._validates = bool(machine.validated)
        self._state = machine.initial()
        self._marks: Marks = ()
        """Of each bundle of the state."""
        self._position = 0
        self._kept = ""
        """The end of the text so far, from the first character that a validator may ask for."""
        self._waiting: dict[int, list[tuple[int, int]]] = {}
        """By pattern: start and end of matches that count unless one that began before them ends behind their start."""
        self._past = [0] * len(accepts)
        """By pattern: where its last span ended."""
        self._ready: list[tuple[int, int, int]] = []
        """Heap of start, pattern, end: spans that wait for what began before them in other patterns."""
        self.cleared = 0

    def feed(self, text: str) -> list[Span]:
        """Take the next piece; return the spans that are certain now, in order of start, then of pattern."""
        state, marks, position = self._state, self._marks, self._position
        if self._validates:
            self._kept += text
        if len(text) > LONGEST_STRIDE:
            words = text.split(" ")
            text = words.pop()
            for word in words:
                stride = state.spaced.get(word)
                if stride is None:
                    run = state.run
                    if run is None or len(word) <= LONGEST_STRIDE or run(word + " ", 0).end() <= len(word):
                        state, marks = self._unmet(word, " ", state, marks, position)
                    position += len(word) + 1
                    continue
                state, shift, length = stride
                if shift is not None:
                    marks = _shifted(marks, shift, position) if state.bundles else ()
                position += length
        stride = state.strides.get(text)
        if stride is None:
            state, marks = self._unmet(text, "", state, marks, position)
            position += len(text)
        else:
            state, shift, length = stride
            if shift is not None:
                marks = _shifted(marks, shift, position) if state.bundles else ()
            position += length
        self._state, self._marks, self._position = state, marks, position
        if self._waiting or self._ready:
            spans = self._settled()
        else:
            spans = []
            self.cleared = self._undecided() if self._validates else marks[0][0] if marks else position
        if self._kept:
            self._kept = self._kept[marks[state.checked][0] - position :] if state.checked >= 0 else ""
        return spans

    def finish(self) -> list[Span]:
        """The text is complete: return the remaining spans. Nothing may be fed after it."""
        end = self._machine.strands.end
        for bundle, mark in zip(self._state.bundles, self._marks, strict=True):
            for strand in bundle.strands:
                ago = end(strand)
                if ago is not None:
                    mark[1] = self._position - ago
                    break
            if mark[1] > mark[0]:
                self._wait(bundle.pattern, mark)
        self._marks = ()
        self._state = self._machine.initial()
        return self._settled()

    def _unmet(self, word: str, behind: str, state: State, marks: Marks, position: int) -> tuple[State, Marks]:
        """Read a word that stands at `position`, of which it is not known where it leads: character by character, but
        for what changes nothing. `behind`: what follows it, a space or nothing."""
        if len(word) <= LONGEST_STRIDE and word not in (state.spaced if behind else state.strides):
            stride = state.machine.stride(state, word, spaced=bool(behind))
            if stride is not None:
                state, shift, _ = stride
                return state, marks if shift is None else _shifted(marks, shift, position)
        word += behind
        at, end = 0, len(word)
        while at < end:
            if state.run is not None and (passed := state.run(word, at).end()) > at:
                at = passed
                continue
            state, move = state[word[at]]
            if move is not None:
                if move.events:
                    marks = self._moved(move, marks, position + at)
                elif not state.bundles:
                    marks = ()
                else:
                    for _ in range(move.born):
                        marks = (*marks, [position + at, position + at])
                    if move.keep is not None:
                        marks = move.keep(marks)
            at += 1
        return state, marks

    def _moved(self, move: Move, marks: Marks, position: int) -> Marks:
        """One character was read that stands at `position`."""
        for _ in range(move.born):
            marks = (*marks, [position, position])
        for index, pattern, what in move.events:
            mark = marks[index]
            if what == OVER:
                self._wait(pattern, mark)
            else:
                mark[1] = position + what
        return marks if move.keep is None else move.keep(marks)

    def _wait(self, pattern: int, mark: Mark) -> None:
        insort(self._waiting.setdefault(pattern, []), (mark[0], mark[1]))

    def _settled(self) -> list[Span]:
        """Return the spans that nothing can change any more, nor join to a later one."""
        for pattern in list(self._waiting):
            self._decide(pattern)
        cleared = self._undecided()  # what still waits began behind it
        begun: list[tuple[int, int, int]] = []
        while self._ready and self._ready[0][0] < cleared:
            begun.append(heappop(self._ready))
        for start, _, end in reversed(begun):
            if start < cleared < end:
                cleared = start
        for span in begun:
            if span[0] >= cleared:
                heappush(self._ready, span)
        self.cleared = cleared
        return [Span(start, end, pattern) for start, pattern, end in begun if start < cleared]

    def _decide(self, pattern: int) -> None:
        """Take what waits in order of start, up to the first that a living bundle may yet swallow."""
        matches, accepts, past = self._waiting[pattern], self._accepts[pattern], self._past[pattern]
        living = self._living(pattern)
        oldest = next(living, None)
        taken = 0
        for start, end in matches:
            while oldest is not None and oldest < past:
                oldest = next(living, None)
            if oldest is not None and oldest < start:
                break
            taken += 1
            if start >= past and (accepts is None or accepts(self._text(start, end))):
                past = end
                heappush(self._ready, (start, pattern, end))
        self._past[pattern] = past
        del matches[:taken]
        if not matches:
            del self._waiting[pattern]

    def _living(self, pattern: int) -> Iterator[int]:
        bundles = zip(self._state.bundles, self._marks, strict=True)
        return (mark[0] for bundle, mark in bundles if bundle.pattern == pattern)

    def _undecided(self) -> int:
        """Return where the first bundle began whose match would count."""
        if not self._validates:
            return self._marks[0][0] if self._marks else self._position
        bundles = zip(self._state.bundles, self._marks, strict=True)
        starts = (mark[0] for bundle, mark in bundles if mark[0] >= self._past[bundle.pattern])
        return next(starts, self._position)

    def _text(self, start: int, end: int) -> str:
        behind = self._position - len(self._kept)
        return self._kept[start - behind : end - behind]


def _shifted(marks: Marks, shift: Shift, position: int) -> Marks:
    """Return what a word that stands at `position` makes of the marks."""
    keep, births = shift
    if keep is not None:
        marks = keep(marks)
    for behind in births:
        marks = (*marks, [position + behind, position + behind])
    return marks
