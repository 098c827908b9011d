"""The traffic: every kind comes, the seed decides, and the provider can do what it is asked to."""

import random
from collections import Counter

from bench.soak import deck
from bench.soak.asked import Question, request, trace
from bench.soak.case import Case, Deaf, Leaves, Reads, Trickles
from bench.soak.mishaps import LAST_EVENT, MISHAPS
from sluice.testing.fake_fault import Kind, refused
from sluice.verify.facts import CLIENTS, PROVIDERS

DRAWS = 6_000


def drawn(seed: int, number: int = DRAWS) -> list[Case]:
    dice = random.Random(seed)
    return [deck.draw(dice) for _ in range(number)]


CASES = drawn(1)


def questions() -> list[Question]:
    return [case.question for case in CASES if case.question is not None]


def test_every_kind_comes_and_none_that_is_not_named() -> None:
    kinds = Counter(case.kind for case in CASES) + Counter([deck.burst(random.Random(1)).kind])
    assert set(kinds) == deck.KINDS
    assert {type(case.behaviour) for case in CASES} == {Reads, Leaves, Deaf, Trickles}


def test_every_client_asks_every_provider_for_streams_and_for_whole_answers() -> None:
    asked = {(each.client, each.model, each.stream) for each in questions()}
    assert asked >= {
        (client, f"soak-{provider}", s) for client in CLIENTS for provider in PROVIDERS for s in (True, False)
    }


def test_the_seed_decides_what_is_asked() -> None:
    assert drawn(5, 300) == drawn(5, 300)
    assert drawn(5, 300) != drawn(6, 300)


def test_the_provider_can_do_what_it_is_asked_to() -> None:
    for each in questions():
        kind: Kind = "whole" if not each.stream else "frames" if each.model.endswith("converse") else "sse"
        assert each.fault is None or refused(each.fault, kind) == "", each


def test_what_goes_wrong_goes_wrong_before_any_answer_is_over() -> None:
    """Each word is an event, so that no fault comes after the end, where it would be none."""
    assert min(len(each.content.split()) for each in questions()) > LAST_EVENT


def test_every_mishap_that_is_no_mere_oddity_must_be_told() -> None:
    told = {each.kind for each in MISHAPS if set(each.ends) == {"failure"}}
    assert told >= {"cut, FIN", "cut, RST", "stalled", "no head", "refused", "in-band error", "malformed", "empty 200"}


def test_a_client_of_responses_is_never_flooded() -> None:
    slow = [case.question for case in CASES if isinstance(case.behaviour, Trickles | Deaf)]
    assert slow
    assert all(each is not None and each.client != "responses" for each in slow)


def test_each_request_can_be_found_by_its_trace() -> None:
    traces = {trace(1, number) for number in range(100)}
    assert len(traces) == 100
    assert all(len(each) == 32 and each.strip("0") for each in traces - {trace(0, 0)})
    asked = request(questions()[0], trace(1, 7), 4000)
    assert f"traceparent: 00-{trace(1, 7)}-".encode() in asked
