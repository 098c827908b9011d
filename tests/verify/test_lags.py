"""How the lags of a crowd are judged: by their 99th percentile, and not at all if somebody was never heard."""

import pytest

from sluice.verify.areas.cancellation import MOST_S, judged


def test_one_late_client_of_a_hundred_is_forgiven_and_two_are_not() -> None:
    assert judged([0.01] * 99 + [9.0], []).result == "pass"
    assert judged([0.01] * 98 + [9.0] * 2, []).result == "fail"


@pytest.mark.parametrize(("lag", "result"), [(MOST_S, "pass"), (MOST_S + 0.001, "fail")])
def test_the_bound_belongs_to_what_is_allowed(lag: float, result: str) -> None:
    assert judged([lag] * 20, []).result == result


def test_the_words_name_the_lags() -> None:
    assert judged([0.001] * 50 + [0.1] * 50, []).came == "median 100 ms, p99 100 ms, worst 100 ms"


def test_never_is_a_failure_whatever_the_others_did() -> None:
    verdict = judged([0.0] * 99, ["chat from gemini: never"])
    assert verdict.result == "fail"
    assert verdict.came == "1 of 100 clients: chat from gemini: never"
