"""relay/guarded_stream.py: a stream that has to be judged by somebody else."""

from collections.abc import Sequence

import pytest

from sluice.errors import PolicyUnavailable, Truncated, Unavailable
from sluice.policies.deadlines import Deadlines
from sluice.policies.guards import Judge, Rejection
from sluice.policies.judges import PASS, Changed, JudgeFailed, Rejected
from sluice.policies.streaming import Streaming
from sluice.relay.actions import Action, Ask
from sluice.relay.outcome import CLIENT_GONE, Outcome
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.testing.playbook import (
    Playbook,
    ask,
    at,
    broke,
    client_gone,
    cut,
    end,
    eof,
    feed,
    resume,
    send,
    send_that,
    tick,
)
from sluice.testing.steps import Expectation, Happening, SentThat
from tests.relay.guarded import SECRET, TONE, WORDS, folded, stream
from tests.relay.relays import DONE, PING, ROLE, STOP, chunk, is_one_error, result, terms, text

OPEN = Judge(name="open", fails_open=True)


def with_(*words: bytes, without: bytes = b"\0") -> SentThat:
    return send_that(f"{words}", lambda data: all(word in data for word in words) and without not in data)


def play(script: Sequence[Happening | Expectation], relay: Relay) -> None:
    playbook = Playbook(relay)
    for step in script:
        if isinstance(step, Expectation):
            playbook << step
        else:
            playbook >> step
    playbook.run()


def asked(actions: list[Action]) -> Ask:
    (question,) = actions
    assert isinstance(question, Ask)
    return question


def test_nothing_of_a_sentence_is_seen_before_its_verdict() -> None:
    relay = stream(WORDS)
    play(
        [
            feed(ROLE + text("How ")),
            feed(text("are you? F")),
            ask("words", "How are you?"),
            feed(text("ine.")),
            resume(PASS),
            with_(b'"How "', b'"are you?"', without=b"ine"),
            ask("words", " Fine."),
            feed(STOP + DONE),
            resume(PASS),
            with_(b'" F"', b'"ine."', DONE),
            end("completed"),
        ],
        relay,
    )
    assert relay.guards.checks == 2


def test_the_end_waits_for_the_verdict_on_the_last_window() -> None:
    script: list[Happening | Expectation] = [
        feed(ROLE + text("no sentence") + STOP + DONE),
        ask("words", "no sentence"),
    ]
    play([*script, eof(), resume(PASS), with_(b"no sentence", DONE), end("completed")], stream(WORDS))
    play([*script, broke(Truncated("x")), resume(PASS), with_(DONE), end("completed")], stream(WORDS))
    play([*script, feed(text("late")), client_gone(), end("client_gone"), resume(PASS)], stream(WORDS))


def test_a_folded_answer_waits_too() -> None:
    play(
        [
            feed(ROLE + text("a. b") + STOP + DONE),
            ask("words", "a. b"),
            eof(),
            resume(Changed(("c",))),
            with_(b'"content":"c"'),
            end("completed"),
        ],
        folded(WORDS),
    )
    play(
        [feed(text("a.")), ask("words", "a."), resume(Rejected(Rejection())), end("blocked", status=403)], folded(WORDS)
    )


def test_judges_are_asked_one_after_the_other_and_the_text_rules_before_them() -> None:
    play(
        [
            feed(ROLE + text("It is SECRET-1234.")),
            ask("words", "It is <masked>."),
            resume(Changed(("It is nice.",))),
            ask("tone", "It is nice."),
            resume(PASS),
            with_(b'"It is nice."'),
        ],
        stream(WORDS, TONE, SECRET),
    )


def test_a_rejection_is_a_status_before_the_commit_point_and_a_legal_end_after_it() -> None:
    verdict = Rejected(Rejection(status=400, message="no"))
    play([feed(text("a.")), ask("words", "a."), resume(verdict), end("blocked", status=400)], stream(WORDS))
    relay = stream(WORDS)
    play(
        [
            feed(text("a.")),
            ask("words", "a."),
            resume(PASS),
            with_(b'"a."'),
            feed(text("b.")),
            ask("words", "b."),
            resume(verdict),
            with_(b"content_filter", DONE, without=b'"b."'),
            end("blocked", status=400),
        ],
        relay,
    )
    assert relay.guards.blocked_by == "words"
    assert relay.guards.hits == (("words", "reject", 1),)


@pytest.mark.parametrize("verdict", [JudgeFailed("slow"), Changed(("a.", "b."))])
def test_without_a_verdict_a_guard_fails_closed_or_open_and_says_so(verdict: JudgeFailed | Changed) -> None:
    relay = stream(WORDS)
    (_question,) = relay.feed(text("a."), 1.0)
    got, outcome = result(relay.resume(verdict, 1.0))
    assert (got, outcome and outcome.kind) == (b"", "blocked")
    assert isinstance(outcome and outcome.error, PolicyUnavailable)
    relay = stream(OPEN)
    relay.feed(text("a."), 1.0)
    got, outcome = result(relay.resume(verdict, 1.0))
    assert b'"a."' in got
    assert outcome is None
    assert relay.guards.failed_open == 1


def test_after_the_commit_point_a_judge_that_fails_is_one_error_and_no_success() -> None:
    relay = stream(WORDS)
    relay.feed(text("a."), 1.0)
    relay.resume(PASS, 1.0)
    relay.feed(text("b."), 1.0)
    got, outcome = result(relay.resume(JudgeFailed("slow"), 1.0))
    assert is_one_error(got)
    assert outcome is not None
    assert (outcome.kind, outcome.error and outcome.error.status) == ("blocked", 503)


def test_other_choices_go_on_in_the_same_question_and_in_their_own_order() -> None:
    play(
        [
            feed(ROLE + text("One.")),
            ask("words", "One."),
            feed(text("Two. and", choice=1)),
            resume(PASS),
            with_(b'"One."', without=b"Two"),
            ask("words", "Two."),
            feed(text("More.") + text(" so.", choice=1)),
            resume(PASS),
            with_(b'"Two."', without=b"and"),
            ask("words", "More.", " and so."),
            resume(Changed(("Less.", " and on."))),
            with_(b'"Less."', b'" and on."'),
        ],
        stream(WORDS),
    )


def test_the_context_is_the_end_of_what_was_seen_of_the_same_text() -> None:
    relay = stream(WORDS)
    question = asked(relay.feed(text("a" * 300 + "."), 1.0))
    assert (question.context, question.choices) == (("",), (0,))
    relay.resume(PASS, 1.0)
    question = asked(relay.feed(chunk({"reasoning_content": "b."}), 1.0))
    assert question.context == ("",)
    relay.resume(Changed(("c.",)), 1.0)
    question = asked(relay.feed(chunk({"reasoning_content": "d."}) + text("e.", choice=1), 1.0))
    assert question.texts == ("d.", "e.")
    assert question.context == ("c.", "")
    assert question.choices == (0, 1)
    relay.resume(PASS, 1.0)


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_the_providers_silence_is_ours_while_a_judge_thinks_but_the_total_runs_and_the_client_is_kept_company() -> None:
    relay = stream(
        WORDS,
        terms=Terms(
            deadlines=Deadlines(idle_s=5, total_s=60, first_token_s=3),
            streaming=Streaming(keep_alive_s=10, commit_after_s=10),
            keep_alive=PING,
        ),
    )
    play(
        [
            feed(text("a.")),
            ask("words", "a."),
            at(9),
            tick(),
            at(10),
            tick(),
            send(PING),
            at(11),
            resume(PASS),
            with_(b'"a."'),
            at(15.9),
            tick(),
            at(16),
            tick(),
            with_(b'"error"'),
            end("timeout", code="timeout_idle"),
        ],
        relay,
    )
    relay = stream(WORDS, terms=Terms(deadlines=Deadlines(idle_s=5, total_s=60)))
    play([feed(text("a.")), ask("words", "a."), at(60), tick(), end("timeout", code="timeout_total")], relay)
    assert relay.resume(PASS, 61.0) == []


def test_the_server_and_the_client_may_end_it_while_a_judge_thinks() -> None:
    begun: list[Happening | Expectation] = [feed(text("a.")), ask("words", "a.")]
    play([*begun, client_gone(), end("client_gone"), resume(PASS), tick()], stream(WORDS))
    play([*begun, cut(Outcome("drained", Unavailable("x"))), end("drained", status=503), resume(PASS)], stream(WORDS))


def test_a_client_that_has_left_needs_no_judge() -> None:
    relay = stream(WORDS, terms=terms(on_disconnect="continue"))
    relay.feed(text("a."), 1.0)
    assert relay.read_on(1.0)
    assert relay.resume(PASS, 1.0) == []
    assert relay.feed(text("b. c."), 1.0) == []
    assert result(relay.feed(STOP + DONE, 1.0)) == (b"", CLIENT_GONE)
    relay = stream(WORDS, terms=terms(on_disconnect="continue"))
    relay.feed(text("a.") + STOP + DONE, 1.0)
    assert not relay.read_on(1.0)  # the provider has said all
    assert result(relay.client_gone(1.0)) == (b"", CLIENT_GONE)
