"""relay/guarded_stream.py: commit, legal ends, questions and clocks of a stream that is looked at."""

import pytest

from sluice.errors import GuardRejected, ProtocolError, Truncated, Unavailable
from sluice.policies.deadlines import Deadlines
from sluice.policies.guards import Rejection, TextRules
from sluice.relay.outcome import Outcome
from sluice.relay.terms import Terms
from sluice.testing.playbook import (
    Playbook,
    broke,
    client_gone,
    cut,
    end,
    eof,
    feed,
    send_that,
    tick,
)
from sluice.testing.steps import Ended, Happening, SentThat
from tests.relay.guarded import BANNED, SECRET, folded, stream
from tests.relay.relays import DONE, ROLE, STOP, USAGE, chunk, frame, is_one_error, result, run, text, translate

LEGAL = send_that("a legal end", lambda data: data.endswith(DONE) and b'"finish_reason":"content_filter"' in data)
ANYTHING = send_that("something", bool)


def sends(*words: bytes) -> SentThat:
    return send_that(f"{words}", lambda data: all(word in data for word in words))


def sends_error(sent: bytes = b"") -> SentThat:
    return send_that("one error", lambda data: sent in data and is_one_error(data[data.index(b'data: {"error"') :]))


def test_a_clean_stream_is_what_a_translation_makes_of_it_with_nothing_held() -> None:
    pieces = [ROLE, text("Hel"), text("lo, all "), text("is well."), STOP, USAGE, DONE]
    plain, guarded = translate(), stream(SECRET, BANNED)
    for piece in pieces:
        assert guarded.feed(piece, 1.0) == plain.feed(piece, 1.0)
    assert guarded.guards.scanned_bytes == guarded.guards.delivered_bytes == len("Hello, all is well.")
    assert guarded.guards.max_held_bytes == 0


def test_what_is_masked_never_leaves_however_the_bytes_are_cut() -> None:
    body = ROLE + text("It is SEC") + text("RET-12") + text("34, is it not?") + STOP + DONE
    for size in (1, 7, len(body)):
        got, outcome = run(stream(SECRET), [body[at : at + size] for at in range(0, len(body), size)])
        assert outcome == Outcome("completed")
        assert b"SEC" not in got
        assert b"1234" not in got
        assert b"<masked>" in got


# -- the commit point --------------------------------------------------------------------------------------------------


def test_what_is_held_does_not_commit_so_a_rejection_is_a_status_and_a_failure_another_target() -> None:
    rows: list[tuple[Happening, Ended]] = [
        (feed(text("dden")), end("blocked", status=451)),
        (broke(Truncated("reset")), end("upstream_truncated", status=502)),
        (feed(frame({"error": {"message": "no", "code": 503}})), end("upstream_error", status=503)),
        (eof(), end("upstream_truncated", status=502)),
    ]
    for happening, ended in rows:
        relay = stream(BANNED)
        (Playbook(relay) >> feed(ROLE + text("forbi")) >> happening << ended).run()
        assert not relay.committed


def test_text_of_the_same_piece_does_not_commit_before_its_rejection() -> None:
    relay = stream(BANNED)
    (Playbook(relay) >> feed(ROLE + text("It is forbidden.")) << end("blocked", code="guardrail_rejected")).run()
    assert relay.guards.blocked_by == "banned"


def test_the_rejection_is_the_operators_word_for_word() -> None:
    rule = TextRules(action="reject", patterns=("x",), rejection=Rejection(status=418, message='{"no":1}'))
    _, outcome = result(stream(rule).feed(text("x"), 1.0))
    assert outcome is not None
    assert outcome.kind == "blocked"
    error = outcome.error
    assert isinstance(error, GuardRejected)
    assert (error.status, error.body) == (418, '{"no":1}')
    assert (b"content-type", b"application/json") in error.headers


def test_the_first_token_is_the_providers_and_not_the_one_that_is_let_through() -> None:
    relay = stream(SECRET, terms=Terms(deadlines=Deadlines(first_token_s=5, idle_s=0)))
    relay.feed(text("SECRET-"), 4.0)
    assert not relay.committed
    assert relay.tick(5.5) == []
    assert relay.meter.first_token == 4.0


# -- the legal end -----------------------------------------------------------------------------------------------------


def test_after_the_commit_point_the_answer_ends_legally_and_the_text_so_far_stays() -> None:
    relay = stream(BANNED)
    playbook = Playbook(relay) >> feed(ROLE + text("Well, ")) << sends(b"Well, ")
    (
        playbook
        >> feed(text("it is forbidden to"))
        << send_that(
            "the text before, and a legal end",
            lambda data: (
                b"it is " in data and b"forbid" not in data and data.endswith(DONE) and b"content_filter" in data
            ),
        )
        << end("blocked", status=451)
    )
    playbook >> feed(text(" say")) >> eof() >> broke(Truncated("x")) >> tick() >> client_gone()
    playbook.run()


def test_every_choice_that_has_begun_ends_and_none_twice() -> None:
    relay = stream(BANNED)
    got, outcome = run(
        relay, [ROLE, text("a"), text("b", choice=1), chunk(finish="stop", choice=1), text("c forbidden ", choice=2)]
    )
    assert outcome is not None
    assert outcome.kind == "blocked"
    assert got.count(b'"finish_reason":"content_filter"') == 2
    assert got.count(b'"finish_reason":"stop"') == 1
    assert got.endswith(DONE)
    assert b'"error"' not in got


def test_what_other_choices_hold_is_not_seen_after_a_block() -> None:
    got, _ = run(stream(BANNED, SECRET), [text("a"), text("SECRET-", choice=1), text("forbidden")])
    assert b"SECRET" not in got
    assert got.endswith(DONE)


def test_a_folded_answer_is_rejected_with_its_status_wherever_that_was_found() -> None:
    got, outcome = run(folded(BANNED), [ROLE, text("Well, "), text("forbidden"), STOP, DONE])
    assert got == b""
    assert outcome is not None
    assert outcome.kind == "blocked"


def test_a_folded_answer_is_masked() -> None:
    got, outcome = run(folded(SECRET), [ROLE, text("a SECR"), text("ET-1234"), STOP, DONE])
    assert outcome == Outcome("completed")
    assert b'"content":"a <masked>"' in got


# -- failures after the commit point -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("happening", "ended"),
    [
        (broke(Truncated("x")), end("upstream_truncated")),
        (eof(), end("upstream_truncated")),
        (cut(Outcome("drained", Unavailable("x"))), end("drained")),
        (feed(frame({"error": {"message": "no"}})), end("upstream_error")),
    ],
)
def test_what_was_held_leaves_before_the_error(happening: Happening, ended: Ended) -> None:
    playbook = Playbook(stream(SECRET)) >> feed(text("a SECRE")) << sends(b'"a "')
    playbook >> happening << sends_error(b'"SECRE"') << ended
    playbook.run()


def test_what_was_held_and_is_found_at_the_end_does_not() -> None:
    rule = TextRules(patterns=("[0-9]{4,9}",))
    got, outcome = run(stream(rule), [text("a "), text("12345")])
    assert b"12345" not in got
    assert b"<masked>" in got
    assert b'"error"' in got
    assert outcome is not None
    assert outcome.kind == "upstream_truncated"
    got, outcome = run(stream(TextRules(action="reject", patterns=("[0-9]{4,9}",))), [text("a "), text("12345")])
    assert b"12345" not in got
    assert is_one_error(got[got.index(b'data: {"error"') :])
    assert outcome is not None
    assert outcome.kind == "upstream_truncated"


def test_a_rule_that_needs_everything_holds_everything_and_may_reject_at_the_end() -> None:
    rule = TextRules(patterns=("forbidden",), action="reject", mode="buffer")
    relay = stream(rule)
    playbook = Playbook(relay) >> feed(ROLE + text("Well ") + text("done")) >> feed(STOP)
    playbook >> feed(DONE) << sends(b"Well done", DONE) << end("completed")
    playbook.run()
    playbook = Playbook(stream(rule)) >> feed(ROLE + text("It is for")) >> feed(text("bidden."))
    playbook >> feed(STOP) << end("blocked", status=403)
    playbook.run()
    relay = stream(rule, terms=Terms(deadlines=Deadlines(idle_s=0), max_whole_bytes=1000))
    _, outcome = run(relay, [text("a" * 600), text("a" * 600)])
    assert outcome is not None
    assert isinstance(outcome.error, ProtocolError)
