"""relay/observe: bytes cross as they come, whatever they are; model and usage are read on the way, where they are."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.usage import Usage
from sluice.relay.actions import End, Send
from sluice.relay.observe import MAX_OBSERVED_BYTES, ObservedRelay
from sluice.relay.outcome import COMPLETED
from sluice.testing.cuts import every_single_cut, one_byte_at_a_time

SSE = b"text/event-stream; charset=utf-8"


def relayed(*pieces: bytes, content_type: bytes = b"application/json") -> ObservedRelay:
    """Feed the pieces to the end, and see that they come out as they are."""
    relay = ObservedRelay(content_type=content_type)
    actions = [action for piece in pieces for action in relay.feed(piece, 1.0)]
    actions += relay.eof(2.0)
    assert b"".join(action.data for action in actions if isinstance(action, Send)) == b"".join(pieces)
    assert [action for action in actions if isinstance(action, End)] == [End(COMPLETED)]
    return relay


@pytest.mark.parametrize(
    ("body", "model", "usage"),
    [
        ({"model": "m", "usage": {"prompt_tokens": 5, "total_tokens": 5}}, "m", Usage(input_tokens=5)),
        (
            {"usage": {"input_tokens": 5, "output_tokens": 7, "output_tokens_details": {"reasoning_tokens": 2}}},
            "",
            Usage(input_tokens=5, output_tokens=7, reasoning_tokens=2),
        ),
        (
            {"usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 1}},
            "",
            Usage(input_tokens=9, cache_read_tokens=3, cache_write_tokens=1),
        ),
        (
            {
                "modelVersion": "g",
                "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "thoughtsTokenCount": 2},
            },
            "g",
            Usage(input_tokens=5, output_tokens=9, reasoning_tokens=2),
        ),
        ({"meta": {"billed_units": {"search_units": 1}}}, "", None),
        ({"meta": {"billed_units": {"input_tokens": 5.0}, "tokens": {"input_tokens": 6}}}, "", Usage(input_tokens=6)),
        ({"usage": {"total_tokens": 5}}, "", Usage(input_tokens=5)),
        ({"response": {"model": "r", "usage": {"input_tokens": 5}}}, "r", Usage(input_tokens=5)),
        ({"message": "no model here", "usage": None}, "", None),
        ({"usage": "much"}, "", None),
        ({"usage": {"input_tokens": 1e300}}, "", None),
        ({"usage": {"input_tokens": -1}}, "", None),
        ([1], "", None),
    ],
)
def test_what_an_answer_says_of_itself(body: object, model: str, usage: Usage | None) -> None:
    relay = relayed(msgspec.json.encode(body))
    assert (relay.said.model, relay.said.usage) == (model, usage)


STREAM = (
    b'event: message_start\ndata: {"message":{"model":"m","usage":{"input_tokens":5,"output_tokens":1}}}\n\n'
    b": ping\n\n"
    b'event: message_delta\ndata: {"usage":{"output_tokens":7}}\n\n'
    b"data: [DONE]\n\n"
)


def test_later_events_add_to_earlier_ones_however_they_are_cut() -> None:
    for pieces in [*every_single_cut(STREAM), one_byte_at_a_time(STREAM)]:
        said = relayed(*pieces, content_type=SSE).said
        assert (said.model, said.usage) == ("m", Usage(input_tokens=5, output_tokens=7))


def test_an_answer_that_is_too_long_crosses_unread() -> None:
    body = b'{"usage":{"input_tokens":5},"x":"%b"}' % (b"x" * MAX_OBSERVED_BYTES)
    assert relayed(body[:1000], body[1000:]).said.usage is None
    assert relayed(b"data: %b\n\n" % body, content_type=SSE).said.usage is None


@given(st.lists(st.binary(max_size=40), max_size=5), st.sampled_from([b"", b"application/json", SSE]))
def test_anything_crosses(pieces: list[bytes], content_type: bytes) -> None:
    relayed(*pieces, content_type=content_type)


def test_a_body_nested_too_deeply_crosses() -> None:
    assert relayed(b"[" * 100_000).said.usage is None
