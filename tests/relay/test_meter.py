"""relay/meter.py against a scripted timeline, by itself and behind the relay."""

import pytest

from sluice.chat.events import Channel, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.usage import Usage
from sluice.relay.meter import Meter
from sluice.relay.record import GAP_BUCKETS_S, StreamFacts
from tests.relay.relays import DONE, PING, ROLE, STOP, chunk, mirror, text

CONTENT_AT = [0.9, 1.9, 3.4]


def test_a_scripted_timeline() -> None:
    relay = mirror()
    relay.feed(ROLE, 0.05)
    relay.feed(PING, 0.1)
    relay.feed(chunk({"reasoning": "hm"}), 0.3)
    for now in CONTENT_AT:
        relay.feed(text("a"), now)
    relay.feed(STOP, 5.0)
    relay.feed(DONE, 5.0)
    facts = relay.meter.facts(streaming=True)
    assert (facts.first_byte_s, facts.first_event_s, facts.first_token_s) == (0.05, 0.05, 0.3)
    assert (facts.first_content_s, facts.last_token_s) == (0.9, 3.4)
    assert (facts.tokens, facts.chunks) == (4, 6)
    gaps = {bound: count for bound, count in zip(GAP_BUCKETS_S, facts.gap_counts, strict=False) if count}
    assert gaps == {1.0: 2, 2.5: 1}
    assert facts.gap_sum_s == pytest.approx(3.1)
    assert relay.meter.tpot_s(None) == pytest.approx(3.1 / 3)
    assert relay.meter.tpot_s(Usage(output_tokens=32)) == pytest.approx(0.1)
    sent = len(ROLE + PING + STOP + DONE) + 3 * len(text("a")) + len(chunk({"reasoning": "hm"}))
    assert facts.bytes_from_provider == facts.bytes_to_client == sent


@pytest.mark.parametrize(
    ("event", "is_token"),
    [
        (TextDelta(0, "text", "a"), True),
        (TextDelta(0, "reasoning", "a"), True),
        (TextDelta(0, "refusal", "a"), True),
        (TextDelta(0, "text", ""), False),
        (ToolCallStarted(0, 0, "t", "f"), True),
        (ToolCallDelta(0, 0, "{"), True),
        (ToolCallDelta(0, 0, ""), False),
    ],
)
def test_what_a_token_is(event: TextDelta | ToolCallStarted | ToolCallDelta, is_token: bool) -> None:
    meter = Meter(0.0)
    assert meter.delta(event, 1.0) is is_token
    assert meter.tokens == int(is_token)


@pytest.mark.parametrize(
    ("pieces", "counted"),
    [
        ([" the", " quick", " brown", "!"] * 10, 40),  # a token each
        ([" antidisestablish", "ment"], 6),
        (["你", "好", "今天", " слово", "été", "👍"], 6),
        ([" internationaliz"], 4),  # 16 characters: one token, or a few
        (["The quick brown fox jumps over the lazy dog. " * 100], 1125),
        (["The quick brown "] * 100, 400),  # several each, and none is long
        (["x" * 7000] + ["x"] * 1000, 2750),  # a few long ones among many short
        (["今天天气很好" * 50], 150),
        (["слово " * 50], 75),
        (["\ud800" * 100], 50),
        (["word 今" * 100], 150),
    ],
)
def test_pieces_that_hold_several_tokens_count_by_their_length(pieces: list[str], counted: int) -> None:
    said, called = Meter(0.0), Meter(0.0)
    for piece in pieces:
        said.delta(TextDelta(0, "text", piece), 1.0)
        called.delta(ToolCallDelta(0, 0, piece), 1.0)
    assert (said.counted, called.counted) == (counted, counted)
    assert said.tokens == len(pieces)


@pytest.mark.parametrize("channel", ["reasoning", "refusal"])
def test_only_text_is_content(channel: Channel) -> None:
    meter = Meter(0.0)
    meter.delta(TextDelta(0, channel, "a"), 1.0)
    assert meter.facts(streaming=True).first_content_s is None


def test_times_are_since_the_request_and_gaps_fall_below_their_bound() -> None:
    meter = Meter(100.0)
    for now in [101.0, 101.0, 101.25, 121.25]:
        meter.delta(TextDelta(0, "text", "a"), now)
    facts = meter.facts(streaming=True)
    assert (facts.first_token_s, facts.last_token_s) == (1.0, 21.25)
    assert len(facts.gap_counts) == len(GAP_BUCKETS_S) + 1
    assert (facts.gap_counts[0], facts.gap_counts[GAP_BUCKETS_S.index(0.25)], facts.gap_counts[-1]) == (1, 1, 1)
    assert sum(facts.gap_counts) == facts.tokens - 1


def test_a_stream_without_tokens_has_no_times() -> None:
    meter = Meter(0.0)
    assert meter.facts(streaming=True) == StreamFacts()
    assert meter.tpot_s(None) is None


def test_one_token_has_no_time_per_token() -> None:
    meter = Meter(0.0)
    meter.delta(TextDelta(0, "text", "a"), 1.0)
    assert meter.tpot_s(Usage(output_tokens=50)) is None
    meter.delta(TextDelta(0, "text", "b"), 2.0)
    assert meter.tpot_s(Usage(output_tokens=1)) is None
    assert meter.tpot_s(Usage()) == 1.0


def test_a_whole_answer_has_no_token_times() -> None:
    meter = Meter(0.0)
    meter.first_byte = 0.5
    meter.bytes_from_provider, meter.bytes_to_client = 7, 8
    meter.delta(TextDelta(0, "text", "a"), 1.0)
    facts = meter.facts(streaming=False)
    assert facts == StreamFacts(first_byte_s=0.5, bytes_from_provider=7, bytes_to_client=8)


def test_frames_that_carry_data_are_counted_without_the_terminator_and_the_failure() -> None:
    relay = mirror()
    relay.feed(PING + ROLE + b"retry: 3\n\n" + text("a") + b"data: junk\n\n" + STOP + DONE, 1.0)
    assert (relay.meter.chunks, relay.meter.tokens, relay.meter.malformed) == (4, 1, 1)
