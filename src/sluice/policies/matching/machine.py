"""All ways through all patterns at once: a machine whose states are made when a text first leads to them.

A state is the bundles that live, in the order in which they began. It knows no positions: who runs the machine keeps
the position where each bundle began, and each transition says what becomes of that list. So one state serves all
streams, at one look-up a character.

Two bundles of a pattern may hold the same strand. Whatever it leads to, the earlier bundle matches there too, and what
begins inside a match is none: the later one drops it. Likewise, as soon as a bundle has matched, all later ones of its
pattern that began before the match's end are done, since its final match can only be longer. Both need to be certain
that the match counts, so neither is done for patterns with a validator; their number of bundles is bounded by the
length of their longest match instead.

Obeys: R. Cox, "Regular Expression Matching in the Wild" (read 2026-11-21): states are a cache, bounded, thrown away
when full.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Final

import msgspec

from sluice.policies.matching.alphabet import START
from sluice.policies.matching.bundles import After, Bundle, Bundles
from sluice.policies.matching.program import Program
from sluice.policies.matching.strands import Strand, Strands

MAX_BYTES: Final = 16 << 20
"""What the cache of a machine may hold, estimated. Usually it is a few hundred KiB."""
MAX_STRIDES: Final = 8192
"""Words that a machine remembers, by the states that they were met in: 3 MiB or so. And as many to know them again."""
LONGEST_STRIDE: Final = 10
"""Characters of a word that may be remembered, without a space behind it. Text repeats those that are short."""
OVER: Final = 2

Mark = list[int]
"""Where a bundle began and where its match ends, so far: positions in the text. The same twice: it has not matched."""
Marks = tuple[Mark, ...]


class Move(msgspec.Struct, frozen=True):
    """What one character does to the marks: `born` new ones are added, then come the events, then `keep`."""

    born: int
    events: tuple[tuple[int, int, int], ...]
    """Index, pattern, and: 0 = matches before the character, 1 = matches after it, OVER = its match is final."""
    keep: Callable[[Marks], Marks] | None
    """None: all stay."""


Transition = tuple["State", Move | None]
Shift = tuple[Callable[[Marks], Marks] | None, tuple[int, ...]]
"""What a word does to the marks: which stay (None: all), and how far behind its beginning the added ones begin."""
Stride = tuple["State", Shift | None, int]
"""What a word does in which no match ends or gets better: where it leads, what becomes of the marks (None: nothing),
and how many characters were read."""
Run = Callable[[str, int], re.Match[str]]
"""Match, from a place in a text on, what leads back to where it began and leaves no trace, perhaps nothing."""


class State(dict[str, Transition]):
    """Where each character leads; what is not there yet is found out when it is asked for."""

    __slots__ = ("before", "bundles", "by_bits", "checked", "machine", "run", "spaced", "strides")

    def __init__(self, machine: "Machine", before: int, bundles: tuple[Bundle, ...]) -> None:
        super().__init__()
        self.machine = machine
        self.before = before
        self.bundles = bundles
        self.by_bits: dict[int, Transition] = {}
        self.strides: dict[str, Stride | None] = {}
        """Where a word leads that was met here; None: a match ends or gets better in it."""
        self.spaced: dict[str, Stride | None] = {}
        """The same with a space behind the word, which the key has not."""
        self.run: Run | None = machine.runs.get(before) if not bundles else None
        """How to pass over what changes nothing, where nothing is under way."""
        self.checked = next((at for at, bundle in enumerate(bundles) if bundle.pattern in machine.validated), -1)
        """The first bundle whose match a validator will want to read."""

    def __missing__(self, char: str) -> Transition:
        return self.machine.grow(self, char)


class Machine:
    """`firsts`: the first instruction of each pattern. `validated`: the patterns whose matches may be refused."""

    def __init__(self, program: Program, firsts: Sequence[int], validated: frozenset[int]) -> None:
        self.validated = validated
        self.runs: dict[int, Run] = {}
        """By what stands before a state in which nothing is under way, see `rests.py`."""
        self.strands = Strands(program)
        self.alphabet = program.alphabet
        self._bundles = Bundles(self.strands, firsts)
        self._states: dict[tuple[int, tuple[Bundle, ...]], State] = {}
        self._grown: list[State] = []
        self._strode: list[State] = []
        self._strides = 0
        self._met: set[str] = set()
        """Words that were met, so that none is remembered that comes once."""
        self._bytes = 0
        self._work = 0

    @property
    def bytes(self) -> int:
        """What the cache holds, estimated."""
        return self._bytes + self._bundles.bytes + 400 * self._strides + 100 * len(self._met)

    @property
    def work(self) -> int:
        """What was spent on states that are new, in units: about a tenth of a microsecond on one slow core."""
        return self._work + self._bundles.work

    def initial(self) -> State:
        """Return the state before the first character."""
        return self._state(self.strands.kind(START), ())

    def resting(self, char: str) -> State:
        """Return the state behind a character if nothing is under way there."""
        return self._state(self.strands.kind(self.alphabet[char]), ())

    def grow(self, state: State, char: str) -> Transition:
        """Find out where a character leads from a state, and remember it there."""
        if self.bytes > MAX_BYTES:
            self._forget()
        if not state:
            self._grown.append(state)
        bits = self.alphabet[char]
        transition = state.by_bits.get(bits)
        if transition is None:
            transition = state.by_bits[bits] = self._transition(state, bits)
        state[char] = transition
        self._bytes += 100
        return transition

    def stride(self, state: State, word: str, *, spaced: bool) -> Stride | None:
        """Find out where a word of at most LONGEST_STRIDE characters leads, and remember it in the state. None: it has
        to be read character by character, since it was never met before, or for a match that ends or gets better."""
        read = f"{word} " if spaced else word
        if read not in self._met:
            if len(self._met) >= MAX_STRIDES:
                self._met.clear()
            self._met.add(read)
            return None
        stride = self._walked(state, read)  # which may make the machine forget
        if self._strides >= MAX_STRIDES:
            self._forget_strides()
        if not state.strides and not state.spaced:
            self._strode.append(state)
        self._strides += 1
        (state.spaced if spaced else state.strides)[word] = stride
        return stride

    def _walked(self, state: State, word: str) -> Stride | None:
        origins: Marks = tuple([[~index] for index in range(len(state.bundles))])
        following = state
        for place, char in enumerate(word):
            following, move = following[char]
            if move is None:
                continue
            if move.events:
                return None
            origins += tuple([[place] for _ in range(move.born)])
            origins = origins if move.keep is None else move.keep(origins)
        keep = _keeping([~origin for (origin,) in origins if origin < 0], len(state.bundles))
        births = tuple([origin for (origin,) in origins if origin >= 0])
        return following, None if keep is None and not births else (keep, births), len(word)

    def _transition(self, state: State, bits: int) -> Transition:
        draft = _Draft(self._bundles, self.validated)
        draft.read(state.bundles, bits)
        count = len(state.bundles)
        for pattern, after in self._bundles.born(state.before, bits):
            count += draft.bear(count, pattern, after)
        self._bytes += 400 + 8 * len(draft.kept)
        self._work += 10 + 3 * len(state.bundles)
        return self._state(self.strands.kind(bits), tuple(draft.bundles)), draft.move(len(state.bundles), count)

    def _state(self, before: int, bundles: tuple[Bundle, ...]) -> State:
        state = self._states.get((before, bundles))
        if state is None:
            state = self._states[before, bundles] = State(self, before, bundles)
            self._bytes += 750 + 8 * len(bundles)
        return state

    def _forget(self) -> None:
        """Begin anew. Streams keep the state in which they are, and it grows again.

        Bundles are kept if they are the lesser part: by them the states are recognised that a stream comes back to.
        """
        for state in self._grown:
            state.clear()
            state.by_bits.clear()
        self._grown.clear()
        self._states.clear()
        self._forget_strides()
        self._bytes = 0
        if self._bundles.bytes * 2 > MAX_BYTES:
            self._bundles.forget()

    def _forget_strides(self) -> None:
        for state in self._strode:
            state.strides.clear()
            state.spaced.clear()
        self._strode.clear()
        self._met.clear()
        self._strides = 0


class _Draft:
    """A transition that is being made. Cost: half a microsecond for each bundle, and a tenth for each strand."""

    def __init__(self, bundles: Bundles, validated: frozenset[int]) -> None:
        self._known = bundles
        self._validated = validated
        self._taken: dict[int, set[Strand]] = {}
        self._events: list[tuple[int, int, int]] = []
        self._closed: set[int] = set()
        """Patterns of which a bundle has matched, so that the later ones began inside its match."""
        self._sealed: set[int] = set()
        """Those whose match has the character in it, so that nothing begins there either."""
        self._doubtful: set[int] = set()
        """Those of which a bundle has matched before this newline if the text ends behind it. Then what begins at the
        newline counts, whatever has become of the others."""
        self.bundles: list[Bundle] = []
        self.kept: list[int] = []

    def read(self, bundles: Sequence[Bundle], bits: int) -> None:
        """Put what a character leaves of the bundles in their places."""
        step, closed, validated = self._known.step, self._closed, self._validated
        for index, bundle in enumerate(bundles):
            pattern = bundle.pattern
            if pattern in closed:
                continue
            following, matched = bundle.steps.get(bits) or step(bundle, bits)
            if pattern not in validated:
                if matched is not None:
                    self._match(pattern, matched)
                if following is not None:
                    following = self._untaken(pattern, following)
            if following is not None:
                self.kept.append(index)
                self.bundles.append(following)
            if matched is not None:
                self._events.append((index, pattern, matched))
            if following is None and (bundle.matched or matched is not None):
                self._events.append((index, pattern, OVER))

    def bear(self, index: int, pattern: int, after: After) -> bool:
        """Put a newborn bundle behind the others. Return whether it has left a trace."""
        doubtful = pattern in self._doubtful
        if pattern in self._sealed:
            if not doubtful:
                return False
            after = self._known.at_the_end(pattern, after)
        bundle, matched = after
        if bundle is not None and not doubtful:
            bundle = self._untaken(pattern, bundle)
        if matched is not None:
            self._events.append((index, pattern, matched))
        if bundle is not None:
            self.kept.append(index)
            self.bundles.append(bundle)
        elif matched is not None:
            self._events.append((index, pattern, OVER))
        return bundle is not None or matched is not None

    def _match(self, pattern: int, matched: int) -> None:
        self._closed.add(pattern)
        if matched:
            self._sealed.add(pattern)

    def _untaken(self, pattern: int, bundle: Bundle) -> Bundle | None:
        strands = bundle.strands
        if bundle.doubtful:
            self._doubtful.add(pattern)
        taken = self._taken.get(pattern)
        if taken is None:
            self._taken[pattern] = set(strands)
            return bundle
        left = bundle if taken.isdisjoint(strands) else self._known.without(bundle, taken)
        taken.update(strands)
        return left

    def move(self, before: int, count: int) -> Move | None:
        """Return what happens to the marks, of which there were so many before, and are so many with the born."""
        if before == count == len(self.kept) and not self._events:
            return None
        return Move(count - before, tuple(self._events), _keeping(self.kept, count))


def _keeping(kept: list[int], count: int) -> Callable[[Marks], Marks] | None:
    """Return how to take these of so many: at the speed of C, and in one piece where they stand side by side."""
    if len(kept) == count:
        return None
    first, last = (kept[0], kept[-1]) if kept else (0, -1)
    if last - first + 1 == len(kept):
        return itemgetter(slice(first, last + 1))
    return itemgetter(*kept)
