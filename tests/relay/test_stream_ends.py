"""relay/stream.py: where an answer ends, and what counts as progress, across the dialects."""

from unittest.mock import ANY

import pytest

from sluice.chat.request import ChatRequest
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.gemini import GEMINI
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import Truncated
from sluice.policies.deadlines import Deadlines
from sluice.relay.outcome import COMPLETED, Outcome
from sluice.relay.sinks import Mirror, Translate
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.wire.sse import SseDecoder
from tests.relay.relays import DONE, ROLE, STOP, frame, mirror, result, run, text


def test_usage_is_left_out_only_where_nothing_stands_beside_it() -> None:
    def with_usage(**members: object) -> bytes:
        return frame({"id": "c1", "created": 7, "model": "m", "usage": {"prompt_tokens": 1}, **members})

    said = [
        with_usage(choices=[{"index": 0, "delta": {"token_ids": [7]}, "finish_reason": None}]),
        with_usage(choices=[], citations=["https://a.example"]),
    ]
    silent = [
        with_usage(choices=[]),
        with_usage(choices=[], citations=None),
        with_usage(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]),
    ]
    got, outcome = run(mirror(hide_usage=True), [ROLE + text("Hi"), *said, STOP, *silent[:2], DONE])
    assert got == ROLE + text("Hi") + b"".join(said) + STOP + DONE
    assert outcome == COMPLETED
    got, _ = run(mirror(hide_usage=True), [ROLE + text("Hi"), silent[2], STOP, DONE])
    assert got == ROLE + text("Hi") + STOP + DONE


def test_pings_do_not_hide_that_a_provider_has_fallen_silent() -> None:
    decoder = ANTHROPIC_MESSAGES.decoder(keep_leftovers=False)
    relay = StreamRelay(
        wire=SseDecoder(),
        decoder=decoder,
        sink=Mirror(decoder, hide_usage=False),
        terms=Terms(deadlines=Deadlines(idle_s=5)),
    )
    start = b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"c"}}\n\n'
    assert relay.feed(start, 1.0) == []
    for second in (2.0, 4.0, 5.9):
        assert relay.feed(b'event: ping\ndata: {"type":"ping"}\n\n', second) == []
    assert relay.deadline == 6.0
    _, outcome = result(relay.tick(6.0))
    assert outcome is not None
    assert outcome.kind == "timeout"


FINISHED = b'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}\n\n'


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (b"", "completed"),
        (b": bye", "completed"),
        (b"\n", "completed"),
        (b'data: {"usageMetadata"', "upstream_truncated"),
        (b"da", "upstream_truncated"),
    ],
)
def test_where_the_end_of_the_body_is_the_terminator_nothing_may_be_cut_off(tail: bytes, kind: str) -> None:
    def relay() -> StreamRelay:
        sink = Translate(OPENAI_CHAT.encoder(ChatRequest(stream=True)))
        decoder = GEMINI.decoder(keep_leftovers=False)
        return StreamRelay(wire=SseDecoder(), decoder=decoder, sink=sink)

    got, outcome = run(relay(), [FINISHED, tail])
    assert outcome is not None
    assert outcome.kind == kind
    assert (DONE in got) is (kind == "completed")
    broken = relay()
    actions = broken.feed(FINISHED, 1.0) + broken.broke(Truncated("reset"), 1.0)
    assert result(actions)[1] == Outcome("upstream_truncated", ANY)
    assert DONE not in result(actions)[0]
