"""Holds what clients saw beside what the gateway recorded: each request has exactly one record, and it says the same.

Fed from two processes in any order, by trace id; what was matched is forgotten, so that a run of any length takes
little memory. Not for several threads at once.
"""

from collections import Counter

import msgspec

from bench.soak.case import Saw
from bench.soak.told import Answered
from sluice.relay.outcome import OutcomeKind

MAX_EXAMPLES = 20


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a line of the access log."""

    id: str
    outcome: OutcomeKind
    attempts: int = 1
    error: str = ""
    """Its sentence."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """All requests of one kind that were seen and recorded alike."""

    kind: str
    saw: Saw
    outcome: OutcomeKind
    requests: int


class Ledger:
    """One run's."""

    def __init__(self) -> None:
        self.answered = 0
        """Requests whose client has told what it saw."""
        self.recorded = 0
        self.retried = 0
        """Records of more than one attempt."""
        self.wrong = 0
        """Requests whose client saw what must not be."""
        self.otherwise = 0
        """Records with another outcome than what their client saw may have."""
        self.examples: list[str] = []
        """Of what is wrong, the first ones."""
        self._answers: dict[str, Answered] = {}
        self._records: dict[str, Record] = {}
        self._again = 0
        self._counts: Counter[tuple[str, Saw, OutcomeKind]] = Counter()

    def saw(self, answer: Answered) -> None:
        """Take note of what a client saw."""
        self.answered += 1
        if answer.saw == "wrong":
            self.wrong += 1
            self._example(f"{answer.kind}: {answer.sentence} (trace {answer.id})")
        record = self._records.pop(answer.id, None)
        if record is None:
            self._answers[answer.id] = answer
        else:
            self._match(answer, record)

    def record(self, record: Record) -> None:
        """Take note of a record."""
        self.recorded += 1
        self.retried += record.attempts > 1
        answer = self._answers.pop(record.id, None)
        if answer is not None:
            self._match(answer, record)
        elif record.id in self._records:
            self._again += 1
            self._example(f"a request has a second record: {record.outcome} (trace {record.id})")
        else:
            self._records[record.id] = record

    def _match(self, answer: Answered, record: Record) -> None:
        self._counts[answer.kind, answer.saw, record.outcome] += 1
        if answer.saw != "wrong" and record.outcome not in answer.ends:
            self.otherwise += 1
            ends = " or ".join(answer.ends)
            said = f"{record.outcome}, not {ends}" + (f": {record.error}" if record.error else "")
            self._example(f"{answer.kind}: its client saw {answer.saw}, its record says {said} (trace {answer.id})")

    def _example(self, sentence: str) -> None:
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(sentence)

    # -- at the end ---------------------------------------------------------------------------------------------------

    @property
    def unmatched(self) -> int:
        """Requests without a record, and records that belong to no request or to one that has one already."""
        return len(self._answers) + len(self._records) + self._again

    def missing(self) -> list[str]:
        """Return sentences about the first of them."""
        found = [f"no record of: {answer.kind}, {answer.saw} (trace {key})" for key, answer in self._answers.items()]
        found += [
            f"a record without a request: {record.outcome} (trace {key})" for key, record in self._records.items()
        ]
        return found[:MAX_EXAMPLES]

    @property
    def rows(self) -> list[Row]:
        """What was seen and recorded, in the order of the kinds' names."""
        return [
            Row(kind=kind, saw=saw, outcome=outcome, requests=count)
            for (kind, saw, outcome), count in sorted(self._counts.items())
        ]
