"""What the guards of one answer did, as numbers: for the record, and for nothing else."""

import msgspec

from sluice.policies.guard_scan import size
from sluice.policies.guard_text import Passed


class GuardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Of one answer."""

    checks: int = 0
    """Texts that were looked at: parts of an answer by the text rules, windows by each judge."""
    hits: tuple[tuple[str, str, int], ...] = ()
    """Name of the guard, what followed (`mask`, `reject`, `release`), and how often."""
    scanned_bytes: int = 0
    """UTF-8 of the texts that the text rules looked at."""
    delivered_bytes: int = 0
    """UTF-8 of what the text rules let through, the words for masked values included: the same number if nothing was
    found."""
    max_held_bytes: int = 0
    max_held_s: float = 0.0
    """The longest that a character waited because it might have belonged to a match."""
    blocked_by: str = ""
    """The guard that ended the answer; empty = none did."""
    failed_open: int = 0
    """Windows that passed because their judge failed and the configuration lets them pass then."""


UNGUARDED = GuardFacts()


class Tally:
    """Count for one answer. Plain attributes: counting must cost nothing."""

    __slots__ = (
        "_hits",
        "blocked_by",
        "checks",
        "delivered_bytes",
        "failed_open",
        "max_held_bytes",
        "max_held_s",
        "scanned_bytes",
    )

    def __init__(self) -> None:
        self._hits: dict[tuple[str, str], int] = {}
        self.checks = self.scanned_bytes = self.delivered_bytes = 0
        self.max_held_bytes = self.failed_open = 0
        self.max_held_s = 0.0
        self.blocked_by = ""

    def hit(self, guard: str, action: str) -> None:
        key = guard, action
        self._hits[key] = self._hits.get(key, 0) + 1

    def looked(self, passed: Passed) -> None:
        """The text rules looked at more of a text, and this came of it."""
        self.scanned_bytes += passed.scanned
        self.delivered_bytes += size(passed.text)
        for found in passed.hits:
            self.hit(found.rule.name, found.action)

    def beside(self, answer: GuardFacts) -> GuardFacts:
        """Return the facts of an answer with those of texts that were no part of it."""
        if not self.checks:
            return answer
        own = self.facts()
        return msgspec.structs.replace(
            answer,
            checks=answer.checks + own.checks,
            hits=(*answer.hits, *own.hits),
            scanned_bytes=answer.scanned_bytes + own.scanned_bytes,
            delivered_bytes=answer.delivered_bytes + own.delivered_bytes,
        )

    def facts(self) -> GuardFacts:
        return GuardFacts(
            checks=self.checks,
            hits=tuple((guard, action, count) for (guard, action), count in self._hits.items()),
            scanned_bytes=self.scanned_bytes,
            delivered_bytes=self.delivered_bytes,
            max_held_bytes=self.max_held_bytes,
            max_held_s=self.max_held_s,
            blocked_by=self.blocked_by,
            failed_open=self.failed_open,
        )
