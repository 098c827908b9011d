"""relay/guarded_whole.py: an answer in one body that is looked at: masked, rejected, judged, or passed on as it was."""

import json

import pytest

from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import Truncated, Unavailable
from sluice.policies.deadlines import Deadlines
from sluice.policies.guards import Rejection
from sluice.policies.judges import PASS, Changed, JudgeFailed, Rejected
from sluice.relay.guarded_whole import GuardedWhole
from sluice.relay.outcome import COMPLETED, Outcome
from sluice.relay.sinks import as_stream
from sluice.relay.terms import Terms
from sluice.testing.playbook import Playbook, ask, at, broke, client_gone, cut, end, eof, feed, resume, send_that, tick
from sluice.testing.steps import Ended, Happening
from tests.relay.guarded import BANNED, SECRET, WORDS, compiled, whole
from tests.relay.relays import DONE, TERMS, run, terms


def body(content: str, **members: object) -> bytes:
    """A chat completion."""
    row = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "object": "chat.completion", "model": "m", "choices": [row | members]}).encode()


def words(data: bytes) -> object:
    return json.loads(data)["choices"][0]["message"]["content"]


def test_what_is_found_is_masked_and_the_rest_is_written_anew() -> None:
    got, outcome = run(whole(SECRET), [body("a SECRET-1234 b")])
    assert outcome == COMPLETED
    assert words(got) == "a <masked> b"
    assert json.loads(got)["id"] == "c1"


def test_members_without_a_word_stay_and_what_is_found_in_them_is_masked() -> None:
    said = {"logprobs": {"content": []}, "safety": {"note": "fine"}, "trace": ["SECRET-1234"]}
    got, _ = run(whole(SECRET), [body("clean", **said)])
    row = json.loads(got)["choices"][0]
    assert row["safety"] == {"note": "fine"}
    assert row["logprobs"] == {"content": []}
    assert row["trace"] == ["<masked>"]
    got, _ = run(whole(SECRET), [body("SECRET-1234", **said)])
    assert json.loads(got)["choices"][0]["logprobs"] is None


def test_a_rejection_is_a_status_and_nothing_was_sent() -> None:
    relay = whole(BANNED)
    (Playbook(relay) >> feed(body("it is forbidden")) >> eof() << end("blocked", status=451)).run()
    assert relay.guards.blocked_by == "banned"


def test_what_fails_without_guards_fails_with_them() -> None:
    (Playbook(whole(SECRET)) >> feed(b"{") >> eof() << end("upstream_error", status=502)).run()
    (Playbook(whole(SECRET)) >> feed(b"{") >> broke(Truncated("x")) << end("upstream_truncated")).run()
    (Playbook(whole(SECRET)) >> feed(body("a")) >> client_gone() << end("client_gone")).run()


def test_a_judge_is_asked_once_about_all_of_it() -> None:
    relay = whole(WORDS)
    playbook = Playbook(relay) >> feed(body("One. Two")) >> eof() << ask("words", "One. Two")
    playbook >> feed(b"late") >> eof() >> resume(Changed(("Three",)))
    playbook << send_that("the judge's words", lambda data: words(data) == "Three") << end("completed")
    playbook >> resume(PASS)
    playbook.run()


@pytest.mark.parametrize(
    ("verdict", "status"), [(Rejected(Rejection(status=400)), 400), (JudgeFailed("x"), 503), (Changed(()), 503)]
)
def test_its_no_is_a_status(verdict: Rejected | JudgeFailed | Changed, status: int) -> None:
    playbook = Playbook(whole(WORDS)) >> feed(body("a")) >> eof() << ask("words", "a")
    (playbook >> resume(verdict) << end("blocked", status=status)).run()


def test_while_it_thinks_the_clocks_the_client_and_the_server_may_end_it() -> None:
    late = Terms(deadlines=Deadlines(idle_s=5, total_s=60))
    rows: list[tuple[Happening, Ended]] = [
        (client_gone(), end("client_gone")),
        (cut(Outcome("drained", Unavailable("x"))), end("drained")),
    ]
    for happening, ended in rows:
        playbook = Playbook(whole(WORDS)) >> feed(body("a")) >> eof() << ask("words", "a") >> happening << ended
        (playbook >> resume(PASS)).run()
    playbook = Playbook(whole(WORDS, terms=late)) >> feed(body("a")) >> eof() << ask("words", "a")
    (playbook >> at(59) >> tick() >> at(60) >> tick() << end("timeout", code="timeout_total")).run()
    relay = whole(WORDS, terms=terms(on_disconnect="continue"))
    relay.feed(body("a"), 1.0)
    relay.eof(1.0)
    assert not relay.read_on(1.0)


def test_for_a_client_who_wants_a_stream_it_becomes_one() -> None:
    encoder = OPENAI_CHAT.encoder(ChatRequest(stream=True))
    relay = GuardedWhole(
        compiled(SECRET),
        dialect=OPENAI_CHAT,
        rewrite=as_stream(encoder),
        shape=OPENAI_CHAT.facts.shape,
        streams=True,
        keep_leftovers=True,
        terms=TERMS,
    )
    got, outcome = run(relay, [body("a SECRET-1234")])
    assert outcome == COMPLETED
    assert b'"content":"a <masked>"' in got
    assert got.endswith(DONE)


def test_its_first_token_is_not_sent_before_it_came() -> None:
    relay = GuardedWhole(
        compiled(SECRET),
        dialect=OPENAI_CHAT,
        rewrite=as_stream(OPENAI_CHAT.encoder(ChatRequest(stream=True))),
        shape=OPENAI_CHAT.facts.shape,
        streams=True,
        terms=TERMS,
    )
    relay.feed(body("a"), 1.0)
    relay.feed(b"\n", 2.0)
    relay.eof(3.0)
    facts = relay.meter.facts(streaming=True)
    assert (facts.first_token_s, facts.first_sent_s) == (3.0, 3.0)
