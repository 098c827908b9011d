"""relay/meter.py against a scripted timeline, by itself and behind the relay."""

import pytest

from sluice.chat.events import Channel, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.usage import Usage
from sluice.relay.meter import MAX_STALLS_TOLD, Meter
from sluice.relay.record import ADDED_BUCKETS_S, GAP_BUCKETS_S, StreamFacts
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
    assert facts.first_sent_s == 0.3
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


# -- stalls -----------------------------------------------------------------------------------------------------------


def spoken(*at: float) -> Meter:
    """A stream that began at 0 and had a token at each of these seconds."""
    meter = Meter(0.0)
    for now in at:
        meter.delta(TextDelta(0, "text", "a"), now)
    return meter


def stalls(meter: Meter) -> tuple[int, float, tuple[tuple[float, float], ...]]:
    facts = meter.facts(streaming=True)
    return facts.stalls, facts.stalled_s, facts.stalled_at


FLUENT = tuple(1.0 + 0.02 * number for number in range(50))
LAST = FLUENT[-1]


def test_a_silence_that_is_out_of_proportion_is_a_stall_and_it_is_known_when() -> None:
    number, seconds, at = stalls(spoken(*FLUENT, LAST + 1.5, LAST + 1.52))
    assert (number, seconds) == pytest.approx((1, 1.5))
    assert at[0] == pytest.approx((LAST, 1.5))


@pytest.mark.parametrize("gap", [0.9, 1.0])
def test_no_second_is_a_stall(gap: float) -> None:
    assert stalls(spoken(10.0, 10.0 + gap)) == (0, 0.0, ())


def test_who_speaks_by_the_paragraph_does_not_stall_between_two() -> None:
    paragraphs = [number * 2.0 for number in range(1, 20)]
    assert stalls(spoken(*paragraphs, 45.0))[0] == 0
    assert stalls(spoken(1.99, *paragraphs, 45.0))[0] == 0  # its first two came together
    assert stalls(spoken(*paragraphs, 38.0 + 10.5))[1] == pytest.approx(10.5)


@pytest.mark.parametrize(
    ("at", "number", "seconds"),
    [
        ((1.0, 3.0), 1, 2.0),
        ((1.0, 3.0, 3.02, 3.04), 1, 2.0),
        ((1.0, 1.02, 4.0, 4.02), 1, 2.98),
        ((1.0, 3.0, 5.0), 0, 0.0),
        ((1.0, 2.5, 2.52, 2.54, 2.56, 4.56), 2, 3.5),
    ],
)
def test_a_silence_at_the_beginning_is_judged_by_what_came_after_it(
    at: tuple[float, ...], number: int, seconds: float
) -> None:
    found = stalls(spoken(*at))
    assert found[:2] == pytest.approx((number, seconds))
    assert len(found[2]) == number


def test_one_long_silence_does_not_hide_the_next() -> None:
    number, seconds, at = stalls(spoken(*FLUENT, LAST + 60.0, LAST + 61.5))
    assert (number, seconds) == pytest.approx((2, 61.5))
    assert len(at) == 2


def test_the_wait_for_the_first_token_is_no_stall() -> None:
    assert stalls(spoken(30.0)) == (0, 0.0, ())


@pytest.mark.parametrize(("ended", "number"), [(LAST + 0.5, 0), (LAST + 4.0, 1)])
def test_a_silence_before_the_end_is_one_too(ended: float, number: int) -> None:
    meter = spoken(*FLUENT)
    meter.ended(ended)
    assert stalls(meter)[:2] == pytest.approx((number, 4.0 * number))


def test_an_answer_without_tokens_does_not_stall_at_its_end() -> None:
    meter = Meter(0.0)
    meter.ended(60.0)
    assert stalls(meter) == (0, 0.0, ())


def test_while_the_provider_could_not_be_heard_it_was_not_silent() -> None:
    meter = spoken(*FLUENT)
    meter.heard_from = LAST + 30.0
    meter.delta(TextDelta(0, "text", "a"), LAST + 30.5)
    assert stalls(meter)[0] == 0
    meter.heard_from = LAST + 40.0
    meter.delta(TextDelta(0, "text", "a"), LAST + 43.0)
    assert stalls(meter)[1] == pytest.approx(3.0)


def test_all_stalls_are_counted_and_the_first_are_told() -> None:
    now, meter = LAST, spoken(*FLUENT)
    for _ in range(MAX_STALLS_TOLD + 4):
        now += 2.0
        for soon in range(50):
            meter.delta(TextDelta(0, "text", "a"), now + soon * 0.01)
        now += 0.49
    number, seconds, at = stalls(meter)
    assert (number, len(at)) == (MAX_STALLS_TOLD + 4, MAX_STALLS_TOLD)
    assert seconds == pytest.approx(2.0 * number)


# -- the gateway's own time -------------------------------------------------------------------------------------------


def test_what_the_gateway_took_falls_below_its_bound() -> None:
    meter = Meter(0.0)
    for seconds in (0.00001, 0.00002, 0.00002, 0.3):
        meter.added(seconds)
    facts = meter.facts(streaming=True)
    assert facts.added_counts == (1, 2, *[0] * (len(ADDED_BUCKETS_S) - 2), 1)
    assert facts.added_sum_s == pytest.approx(0.30005)


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
