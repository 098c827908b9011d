"""Rules over text, compiled: what to look for, and what each rule does with what is found."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from sluice.policies.guards import Builtin, TextRules
from sluice.policies.matching import Finder, Pattern, Span, Unsupported, refuse_costly
from sluice.policies.personal import MASKS, EmailSearch, NumberSearch, PersonalSearch, Shape, has_no_number, shapes_of

_PATTERN: Final = "pattern"


class Claim(msgspec.Struct, frozen=True):
    """What one rule does with what is found under one index."""

    order: tuple[int, int]
    """The rule's place among all, and the built-in's in MASKS; a rule's own patterns come after those."""
    rule: TextRules
    what: str
    """A built-in's word, or `pattern`."""
    mask: str


class Searching(Protocol):
    """One text, looked through in pieces. Whoever implements it says what `cleared` promises."""

    @property
    def cleared(self) -> int:
        """Characters from the beginning in which no match begins that is not known."""

    def feed(self, text: str) -> list[Span]: ...

    def finish(self) -> list[Span]: ...


class Watch:
    """Rules for which text may wait equally long, looked for together."""

    def __init__(self, rules: Sequence[tuple[int, TextRules]]) -> None:
        """`rules`: each with its place among all of them, from 0.

        Raises:
            ValueError: a pattern cannot be looked for; the message names the rule, the pattern and the reason.
        """
        self.rules: Final = tuple(rule for _, rule in rules)
        self.max_hold_bytes: Final = self.rules[0].max_hold_bytes
        self.max_hold_s: Final = self.rules[0].max_hold_s
        self.claims: Final[list[list[Claim]]] = []
        """By index of a span: two rules may look for the same."""
        self._patterns: list[str] = []
        for place, rule in rules:
            for text in rule.patterns:
                self._claim(text, Claim((place, len(MASKS)), rule, _PATTERN, rule.mask))
        self._finder = self._compiled() if self._patterns else None
        self._shapes: dict[str, list[tuple[int, Shape]]] = {}
        self._email: int | None = None
        for rank, (kind, mask) in enumerate(MASKS.items()):
            claims = [Claim((place, rank), rule, kind, mask) for place, rule in rules if kind in rule.builtins]
            if claims:
                self._claim_kind(kind, len(self.claims))
                self.claims.append(claims)

    def begin(self) -> tuple[Searching, ...]:
        """Begin a text."""
        searches: list[Searching] = [self._finder.search()] if self._finder else []
        if self._shapes and self._email is not None:
            searches.append(PersonalSearch(self._shapes, self._email))
        elif self._shapes:
            searches.append(NumberSearch(self._shapes))
        elif self._email is not None:
            searches.append(EmailSearch(self._email))
        return tuple(searches)

    def is_clean(self, text: str) -> bool:
        """Return whether nothing is in a whole text, for sure; False = it has to be looked for. Cost: a fraction."""
        return (
            (self._email is None or "@" not in text)
            and (not self._shapes or has_no_number(text))
            and (self._finder is None or self._finder.is_clean(text))
        )

    def holder(self, text: str) -> TextRules:
        """Return the rule for which a text waits: it may still become a match of its own."""
        for rule in self.rules[:-1]:
            for search in _alone(rule).begin():
                search.feed(text)
                if search.cleared < len(text):
                    return rule
        return self.rules[-1]

    def _claim(self, text: str, claim: Claim) -> None:
        if text not in self._patterns:
            self._patterns.append(text)
            self.claims.append([])
        self.claims[self._patterns.index(text)].append(claim)

    def _claim_kind(self, kind: Builtin, index: int) -> None:
        if kind == "email":
            self._email = index
        for shape in shapes_of(kind):
            for sign in shape.first:
                self._shapes.setdefault(sign, []).append((index, shape))

    def _compiled(self) -> Finder:
        for index, text in enumerate(self._patterns):
            try:
                refuse_costly(text)
            except Unsupported as refused:
                raise ValueError(f"{self.claims[index][0].rule.name}: the pattern {text!r}: {refused}") from None
        return Finder([Pattern(text=text) for text in self._patterns])


@lru_cache(maxsize=64)
def _alone(rule: TextRules) -> Watch:
    return Watch([(0, rule)])
