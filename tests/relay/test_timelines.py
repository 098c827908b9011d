"""What a stopwatch shows of scripted answers, exactly: each happening has its second, and the facts have no other.

role 0.05   ping 0.1   reasoning 0.3   content 0.9 and 1.0   end 5.0
"""

from collections.abc import Callable

import msgspec
import pytest

from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.errors import Refused, TimedOut
from sluice.policies.deadlines import Deadlines
from sluice.policies.guards import TextRules
from sluice.policies.judges import PASS
from sluice.relay.actions import Ask, End
from sluice.relay.record import StreamFacts
from sluice.relay.relay import Relay
from sluice.relay.stream import StreamRelay
from tests.relay import guarded
from tests.relay.guarded import SECRET, WORDS
from tests.relay.relays import DONE, PING, ROLE, STOP, TERMS, USAGE, chunk, folded, mirror, text, translate, whole

BEGAN = 1_000.0
"""When the request's first byte came; the script's seconds count from here."""
BEGUN = msgspec.structs.replace(TERMS, started_at=BEGAN)
REASONING = chunk({"reasoning": "hm"})
CALL = chunk({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]})
REFUSAL = chunk({"refusal": "no"})
END = STOP + USAGE + DONE

Script = tuple[tuple[float, bytes], ...]
TIMELINE: Script = (
    *((0.05, ROLE), (0.1, PING), (0.3, REASONING), (0.9, text("a")), (1.0, text("b"))),
    (5.0, END),
)


def play(relay: Relay, script: Script) -> str:
    """Feed the script at its seconds, and do at the end what the pump does; return the outcome, or nothing."""
    for second, data in script:
        for action in relay.feed(data, BEGAN + second):
            if isinstance(action, End):
                relay.meter.ended(BEGAN + second)
                return action.outcome.kind
    return ""


def stamps(facts: StreamFacts) -> list[float | None]:
    """First byte, first event, first token, first content, first token sent, last token: seconds of the script."""
    seen = (
        *(facts.first_byte_s, facts.first_event_s, facts.first_token_s),
        *(facts.first_content_s, facts.first_sent_s, facts.last_token_s),
    )
    return [None if at is None else round(at, 9) for at in seen]


def timed(relay: Relay, script: Script) -> list[float | None]:
    assert play(relay, script) == "completed"
    return stamps(relay.meter.facts(streaming=True))


@pytest.mark.parametrize("kind", ["mirrored", "translated", "guarded"])
def test_the_timeline(kind: str) -> None:
    relays: dict[str, Callable[..., StreamRelay]] = {
        "mirrored": mirror,
        "translated": translate,
        "guarded": lambda terms: guarded.stream(SECRET, terms=terms),
    }
    relay = relays[kind](terms=BEGUN)
    assert timed(relay, TIMELINE) == [0.05, 0.05, 0.3, 0.9, 0.3, 1.0]
    facts = relay.meter.facts(streaming=True)
    assert facts.tokens == 3
    assert facts.gap_sum_s == pytest.approx(0.7)
    assert [facts.stalls, facts.stalled_s] == pytest.approx([1, 4.0])  # the silence before its end
    assert facts.stalled_at[0] == pytest.approx((1.0, 4.0))
    assert relay.meter.tpot_s(relay.said.usage) == pytest.approx(0.7 / 4)


VARIANTS: dict[str, tuple[Script, list[float | None]]] = {
    "no ping": ((TIMELINE[0], *TIMELINE[2:]), [0.05, 0.05, 0.3, 0.9, 0.3, 1.0]),
    "a ping comes first": (((0.02, PING), *TIMELINE), [0.02, 0.05, 0.3, 0.9, 0.3, 1.0]),
    "content first": (((0.2, text("a")), *TIMELINE[2:]), [0.2, 0.2, 0.2, 0.2, 0.2, 1.0]),
    "a tool call first": ((TIMELINE[0], (0.4, CALL), (5.0, END)), [0.05, 0.05, 0.4, None, 0.4, 0.4]),
    "a refusal": ((TIMELINE[0], (0.4, REFUSAL), (5.0, END)), [0.05, 0.05, 0.4, None, 0.4, 0.4]),
    "empty deltas are none": (
        (TIMELINE[0], (0.2, text("")), (0.3, chunk({"reasoning": ""})), (0.6, text("a")), (5.0, END)),
        [0.05, 0.05, 0.6, 0.6, 0.6, 0.6],
    ),
    "a role and the end": ((TIMELINE[0], (5.0, END)), [0.05, 0.05, None, None, None, None]),
    "all in one piece": (((0.7, ROLE + text("a") + text("b") + END),), [0.7, 0.7, 0.7, 0.7, 0.7, 0.7]),
    "an event in two pieces": (
        (TIMELINE[0], (0.8, text("a")[:9]), (0.9, text("a")[9:]), (5.0, END)),
        [0.05, 0.05, 0.9, 0.9, 0.9, 0.9],
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_variants(variant: str) -> None:
    script, expected = VARIANTS[variant]
    assert timed(mirror(terms=BEGUN), script) == expected
    assert timed(translate(terms=BEGUN), script) == expected


def test_a_ping_that_is_an_event_is_no_first_event() -> None:
    def event(kind: str, **members: object) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **members}))

    relay = guarded.stream(SECRET, provider=ANTHROPIC_MESSAGES, terms=BEGUN)
    message = {"id": "m", "model": "c", "usage": {"input_tokens": 1, "output_tokens": 1}}
    script = (
        (0.02, event("ping")),
        (0.05, event("message_start", message=message)),
        (0.3, event("content_block_start", index=0, content_block={"type": "text", "text": ""})),
        (0.9, event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hello"})),
        (1.0, event("content_block_stop", index=0)),
        (5.0, event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2})),
        (5.0, event("message_stop")),
    )
    assert timed(relay, script) == [0.02, 0.05, 0.9, 0.9, 0.9, 0.9]


# -- hold-back --------------------------------------------------------------------------------------------------------


def test_what_a_guard_holds_is_delivered_when_it_lets_go() -> None:
    script = (TIMELINE[0], (0.3, text("SEC")), (0.9, text("RET")), (1.5, text("ary")), (5.0, END))
    assert timed(guarded.stream(SECRET, terms=BEGUN), script) == [0.05, 0.05, 0.3, 0.3, 1.5, 1.5]


def test_what_is_looked_at_as_a_whole_is_delivered_at_its_end() -> None:
    rules = TextRules(patterns=("SECRET-[0-9]{4}",), mode="buffer")
    assert timed(guarded.stream(rules, terms=BEGUN), TIMELINE) == [0.05, 0.05, 0.3, 0.9, 5.0, 1.0]


def test_what_a_judge_looks_at_is_delivered_with_its_verdict() -> None:
    relay = guarded.stream(WORDS, terms=BEGUN)
    asked: list[Ask] = []
    for second, data in TIMELINE:
        asked += [action for action in relay.feed(data, BEGAN + second) if isinstance(action, Ask)]
    for second in (6.0, 7.0):
        asked += [action for action in relay.resume(PASS, BEGAN + second) if isinstance(action, Ask)]
    facts = relay.meter.facts(streaming=True)
    assert asked
    assert [facts.first_token_s, facts.first_sent_s] == pytest.approx([pytest.approx(0.3), 6.0])


def test_a_keep_alive_is_no_delivery() -> None:
    terms = msgspec.structs.replace(BEGUN, keep_alive=b": alive\n\n", said_at=BEGAN)
    relay = mirror(terms=terms)
    assert relay.tick(BEGAN + 60.0)
    assert stamps(relay.meter.facts(streaming=True)) == [None] * 6
    assert timed(relay, ((61.0, ROLE), (62.0, text("a")), (63.0, END))) == [61.0, 61.0, 62.0, 62.0, 62.0, 62.0]


# -- other ends -------------------------------------------------------------------------------------------------------


def test_after_another_targets_failure_the_times_still_begin_with_the_request() -> None:
    first, second = mirror(terms=BEGUN), mirror(terms=msgspec.structs.replace(BEGUN, now=BEGAN + 0.25))
    first.feed(ROLE, BEGAN + 0.05)
    (ended,) = first.feed(b'data: {"error":{"message":"busy","code":529}}\n\n', BEGAN + 0.2)
    assert isinstance(ended, End)
    assert not first.committed
    assert timed(second, tuple((at + 0.25, data) for at, data in TIMELINE)) == [0.3, 0.3, 0.55, 1.15, 0.55, 1.25]


def test_a_client_that_leaves_in_the_middle_has_had_what_it_had() -> None:
    relay = mirror(terms=BEGUN)
    play(relay, TIMELINE[:-1])
    (ended,) = relay.client_gone(BEGAN + 1.2)
    relay.meter.ended(BEGAN + 1.2)
    assert isinstance(ended, End)
    assert ended.outcome.kind == "client_gone"
    facts = relay.meter.facts(streaming=True)
    assert stamps(facts) == [0.05, 0.05, 0.3, 0.9, 0.3, 1.0]
    assert facts.stalls == 0


def test_a_client_that_left_before_the_first_token_was_never_sent_one() -> None:
    terms = msgspec.structs.replace(BEGUN, streaming=msgspec.structs.replace(BEGUN.streaming, on_disconnect="drain"))
    relay = mirror(terms=terms)
    play(relay, TIMELINE[:2])
    assert relay.read_on(BEGAN + 0.2)
    assert play(relay, TIMELINE[2:]) == "client_gone"
    assert stamps(relay.meter.facts(streaming=True)) == [0.05, 0.05, 0.3, 0.9, None, 1.0]


def test_what_comes_after_the_terminal_event_changes_nothing() -> None:
    relay = mirror(terms=BEGUN)
    assert play(relay, TIMELINE) == "completed"
    before = relay.meter.facts(streaming=True)
    assert relay.feed(PING, BEGAN + 9.0) == relay.eof(BEGAN + 9.0) == relay.client_gone(BEGAN + 9.0) == []
    assert relay.meter.facts(streaming=True) == before


def test_a_provider_that_falls_silent_has_stalled_until_its_clock_ran_out() -> None:
    terms = msgspec.structs.replace(BEGUN, deadlines=Deadlines(idle_s=30))
    relay = mirror(terms=terms)
    play(relay, TIMELINE[:-1])
    *_, ended = relay.tick(BEGAN + 31.0)
    relay.meter.ended(BEGAN + 31.0)
    assert isinstance(ended, End)
    assert isinstance(ended.outcome.error, TimedOut)
    facts = relay.meter.facts(streaming=True)
    assert [facts.stalls, facts.stalled_s] == pytest.approx([1, 30.0])


# -- answers that are none, or no stream's ----------------------------------------------------------------------------


@pytest.mark.parametrize("script", [TIMELINE])
def test_a_client_that_asked_for_no_stream_has_no_token_times_though_the_provider_streams(script: Script) -> None:
    relay = folded(terms=BEGUN)
    assert play(relay, script) == "completed"
    assert stamps(relay.meter.facts(streaming=False)) == [0.05, None, None, None, None, None]


def test_a_whole_answer_for_a_client_that_asked_for_a_stream_has_all_its_tokens_at_once() -> None:
    answer = {"message": {"role": "assistant", "content": "Hi"}, "index": 0, "finish_reason": "stop"}
    body = msgspec.json.encode(
        {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [answer]}
    )
    relay = whole(as_stream=True, terms=BEGUN)
    relay.feed(body[:10], BEGAN + 0.3)
    relay.feed(body[10:], BEGAN + 0.9)
    assert isinstance(relay.eof(BEGAN + 1.0)[-1], End)
    relay.meter.ended(BEGAN + 1.0)
    facts = relay.meter.facts(streaming=True)
    assert stamps(facts) == [0.3, 1.0, 1.0, 1.0, 1.0, None]
    assert (facts.tokens, facts.gap_sum_s, facts.stalls) == (0, 0.0, 0)
    assert relay.meter.tpot_s(relay.said.usage) is None


def test_a_whole_answer_for_a_client_that_asked_for_none_has_the_time_of_its_first_byte() -> None:
    relay = whole(terms=BEGUN)
    relay.feed(b"{", BEGAN + 0.3)
    assert stamps(relay.meter.facts(streaming=False)) == [0.3, None, None, None, None, None]
    (ended,) = relay.broke(Refused("no", status=500), BEGAN + 0.4)
    assert isinstance(ended, End)
