"""All strands of one pattern that began at one character: together they are one match, or none.

Bundles are interned like strands, and remember like them what each set of classes made of them.
"""

from collections.abc import Sequence

from sluice.policies.matching.strands import Strand, Strands


class Bundle:
    """`strands`: by preference, at least one. `matched`: it has matched already, and may match better."""

    __slots__ = ("doubtful", "matched", "pattern", "steps", "strands")

    def __init__(self, pattern: int, matched: bool, strands: tuple[Strand, ...], *, doubtful: bool) -> None:
        self.pattern = pattern
        self.matched = matched
        self.strands = strands
        self.doubtful = doubtful
        """It has matched before the newline that was read last, if the text ends here."""
        self.steps: dict[int, After] = {}


After = tuple[Bundle | None, int | None]
"""What one character made of a bundle: what is left of it, if anything; and if it has matched, where: 0 = before the
character, 1 = after it."""


class Bundles:
    """All bundles of a machine. `firsts`: the first instruction of each pattern."""

    def __init__(self, strands: Strands, firsts: Sequence[int]) -> None:
        self._strands = strands
        self._firsts = firsts
        self._known: dict[tuple[int, bool, tuple[Strand, ...]], Bundle] = {}
        self._births: dict[tuple[int, int], list[tuple[int, After]]] = {}
        self._bytes = 0
        self.work = 0
        """Units that were spent on bundles that are new."""

    @property
    def bytes(self) -> int:
        """What is remembered, estimated."""
        return self._bytes + self._strands.bytes

    def bundle(self, pattern: int, matched: bool, strands: tuple[Strand, ...]) -> Bundle | None:
        """Return the one bundle of these strands, if there are any."""
        if not strands:
            return None
        key = (pattern, matched, strands)
        bundle = self._known.get(key)
        if bundle is None:
            doubtful = self._strands.may_doubt and self._strands.at_last_newline in strands
            bundle = self._known[key] = Bundle(pattern, matched, strands, doubtful=doubtful)
            self._bytes += 500 + 8 * len(strands)
        return bundle

    def without(self, bundle: Bundle, others: set[Strand]) -> Bundle | None:
        """Return what is left of a bundle if strands of others are taken from it."""
        self.work += 4
        left = tuple([strand for strand in bundle.strands if strand not in others])
        return self.bundle(bundle.pattern, bundle.matched, left)

    def step(self, bundle: Bundle, bits: int) -> After:
        """Read a character."""
        known = bundle.steps.get(bits)
        if known is None:
            known = bundle.steps[bits] = self._stepped(bundle, bits)
            self._bytes += 300
        return known

    def born(self, before: int, bits: int) -> list[tuple[int, After]]:
        """Return those that begin before a character, and are not dead behind it, with their patterns."""
        births = self._births.get((before, bits))
        if births is None:
            births = self._births[before, bits] = []
            for pattern, first in enumerate(self._firsts):
                step = self._strands.start(first, before, bits)
                matched = step.matched is not None
                if matched or step.strands:
                    births.append((pattern, (self.bundle(pattern, matched, step.strands), step.matched)))
            self._bytes += 300 + 100 * len(births)
        return births

    def at_the_end(self, pattern: int, after: After) -> After:
        """Return what a newborn bundle is good for if nobody needs it unless the text ends here."""
        bundle, matched = after
        ends = matched is not None or (bundle and any(self._strands.end(strand) == 0 for strand in bundle.strands))
        return self.bundle(pattern, False, (self._strands.at_end,) if ends else ()), None

    def forget(self) -> None:
        """Forget all that is not held by others, and what became of those that are."""
        for bundle in self._known.values():
            bundle.steps.clear()
        self._known.clear()
        self._births.clear()
        self._strands.forget()
        self._bytes = 0

    def _stepped(self, bundle: Bundle, bits: int) -> After:
        following: list[Strand] = []
        make = self._strands.step
        for strand in bundle.strands:
            step = strand.steps.get(bits) or make(strand, bits)
            following += step.strands
            if step.matched is not None:
                return self.bundle(bundle.pattern, True, tuple(dict.fromkeys(following))), step.matched
        self.work += 15 + 2 * len(bundle.strands) + len(following)
        return self.bundle(bundle.pattern, bundle.matched, tuple(dict.fromkeys(following))), None
