"""Every request has one record, and it says what the client saw: what is missing, too many or different is found."""

import itertools

import pytest

from bench.soak.ledger import Ledger, Record, Row
from bench.soak.told import Answered

SEEN = Answered(id="a", kind="stream", saw="complete", ends=("completed",))
DONE = Record(id="a", outcome="completed")


def fed(*facts: Answered | Record) -> Ledger:
    ledger = Ledger()
    for fact in facts:
        if isinstance(fact, Answered):
            ledger.saw(fact)
        else:
            ledger.record(fact)
    return ledger


@pytest.mark.parametrize("facts", list(itertools.permutations([SEEN, DONE])))
def test_a_request_and_its_record_match_in_either_order(facts: tuple[Answered | Record, ...]) -> None:
    ledger = fed(*facts)
    assert ledger.rows == [Row(kind="stream", saw="complete", outcome="completed", requests=1)]
    assert (ledger.answered, ledger.recorded, ledger.unmatched, ledger.wrong, ledger.otherwise) == (1, 1, 0, 0, 0)
    assert ledger.examples == ledger.missing() == []


def test_a_request_without_a_record_is_found() -> None:
    ledger = fed(SEEN)
    assert ledger.unmatched == 1
    assert ledger.missing() == ["no record of: stream, complete (trace a)"]


def test_a_record_without_a_request_is_found() -> None:
    ledger = fed(DONE)
    assert ledger.unmatched == 1
    assert ledger.missing() == ["a record without a request: completed (trace a)"]


@pytest.mark.parametrize("facts", list(itertools.permutations([SEEN, DONE, DONE])))
def test_a_second_record_is_found_whenever_it_comes(facts: tuple[Answered | Record, ...]) -> None:
    assert fed(*facts).unmatched == 1


def test_a_record_that_says_otherwise_is_found() -> None:
    ledger = fed(SEEN, Record(id="a", outcome="timeout", error="too late"))
    assert (ledger.otherwise, ledger.wrong) == (1, 0)
    assert ledger.examples == [
        "stream: its client saw complete, its record says timeout, not completed: too late (trace a)"
    ]


def test_a_wrong_answer_is_one_whatever_its_record_says() -> None:
    ledger = fed(Answered(id="a", kind="stream", saw="wrong", sentence="no success marker"), DONE)
    assert (ledger.wrong, ledger.otherwise, ledger.unmatched) == (1, 0, 0)
    assert ledger.examples == ["stream: no success marker (trace a)"]


def test_attempts_are_counted() -> None:
    assert fed(DONE, Record(id="b", outcome="completed", attempts=2)).retried == 1
