"""Relays under test and the frames that are fed to them."""

import json
from collections.abc import Callable
from pathlib import Path

from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.relay import sinks
from sluice.relay.actions import Action, End, Send
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.outcome import Outcome
from sluice.relay.relay import Relay
from sluice.relay.sinks import Folded, Mirror, Sink, Translate
from sluice.relay.stream import StreamRelay
from sluice.relay.terms import Terms
from sluice.relay.whole import WholeRelay
from sluice.testing.playbook import send_that
from sluice.testing.steps import SentThat
from sluice.wire.sse import SseDecoder

RECORDED = (Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse").read_bytes()
OFF = Deadlines(idle_s=0)
TERMS = Terms(deadlines=OFF)


def frame(value: object) -> bytes:
    """One event that holds this JSON."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: dict[str, object] | None = None, *, finish: str | None = None, choice: int = 0) -> bytes:
    """One chunk of a stream."""
    row = {"index": choice, "delta": delta or {}, "finish_reason": finish}
    return frame({"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [row]})


def text(words: str, choice: int = 0) -> bytes:
    return chunk({"content": words}, choice=choice)


ROLE = chunk({"role": "assistant", "content": ""})
STOP = chunk(finish="stop")
USAGE = frame(
    {
        "id": "c1",
        "created": 7,
        "model": "m",
        "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
    }
)
DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
HELLO = ROLE + text("Hel") + text("lo") + STOP + DONE


def terms(*, deadlines: Deadlines = OFF, **streaming: object) -> Terms:
    """Terms with these clocks, and these members of `Streaming`."""
    return Terms(deadlines=deadlines, streaming=Streaming(**streaming))  # type: ignore[arg-type]  # named by the test


def stream(sink: Sink | None, *, keep: bool = False, hide_usage: bool = False, terms: Terms = TERMS) -> StreamRelay:
    """A relay of chat completions into this sink, or mirrored."""
    decoder = OPENAI_CHAT.decoder(keep_leftovers=keep)
    return StreamRelay(
        wire=SseDecoder(terms.streaming.max_event_bytes),
        decoder=decoder,
        sink=sink or Mirror(decoder, hide_usage=hide_usage),
        terms=terms,
    )


def mirror(*, hide_usage: bool = False, terms: Terms = TERMS) -> StreamRelay:
    return stream(None, hide_usage=hide_usage, terms=terms)


def translate(*, wants_usage: bool = False, terms: Terms = TERMS) -> StreamRelay:
    encoder = OPENAI_CHAT.encoder(ChatRequest(stream=True, wants_usage=wants_usage))
    return stream(Translate(encoder), keep=True, terms=terms)


def folded(*, terms: Terms = TERMS) -> StreamRelay:
    return stream(Folded(OPENAI_CHAT, ChatRequest()), keep=True, terms=terms)


def whole(*, as_stream: bool = False, terms: Terms = TERMS) -> WholeRelay:
    encoder = OPENAI_CHAT.encoder(ChatRequest(stream=True, wants_usage=True))
    return WholeRelay(
        dialect=OPENAI_CHAT,
        rewrite=sinks.as_stream(encoder) if as_stream else None,
        streams=as_stream,
        keep_leftovers=True,
        terms=terms,
    )


def opaque(*, terms: Terms = TERMS) -> OpaqueRelay:
    return OpaqueRelay(terms=terms)


ALL: dict[str, Callable[[], Relay]] = {
    "mirror": mirror,
    "mirror without usage": lambda: mirror(hide_usage=True),
    "translate": translate,
    "folded": folded,
    "whole": whole,
    "whole, written anew": lambda: WholeRelay(
        dialect=OPENAI_CHAT, rewrite=sinks.as_answer(OPENAI_CHAT, ChatRequest()), terms=TERMS
    ),
    "whole as a stream": lambda: whole(as_stream=True),
    "opaque": opaque,
}


def run(relay: Relay, pieces: list[bytes], *, eof: bool = True) -> tuple[bytes, Outcome | None]:
    """Feed all pieces and the end; return what the client got and the outcome. A second End is an error here."""
    actions: list[Action] = []
    for piece in pieces:
        actions += relay.feed(piece, 1.0)
    if eof:
        actions += relay.eof(1.0)
    return result(actions)


def result(actions: list[Action]) -> tuple[bytes, Outcome | None]:
    ends = [action.outcome for action in actions if isinstance(action, End)]
    assert len(ends) <= 1
    assert not ends or isinstance(actions[-1], End)
    return b"".join([action.data for action in actions if isinstance(action, Send)]), ends[0] if ends else None


def is_one_error(data: bytes) -> bool:
    """Exactly one whole error event, and nothing that says that all went well."""
    frames = SseDecoder().feed(data)
    return (
        len(frames) == 1
        and frames[0].raw == data
        and frames[0].data is not None
        and list(json.loads(frames[0].data)) == ["error"]
        and b"[DONE]" not in data
    )


ONE_ERROR = send_that("one error event", is_one_error)


def after(sent: bytes) -> SentThat:
    """These bytes, then one error."""
    return send_that(
        "the frames so far and one error", lambda data: data.startswith(sent) and is_one_error(data[len(sent) :])
    )
