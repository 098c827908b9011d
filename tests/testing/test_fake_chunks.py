"""The JSON of the fake: the members of the recorded stream, one reply streamed and whole."""

from pathlib import Path

import msgspec
import pytest

from sluice.chat.events import Event
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.testing.fake_chunks import Writer
from sluice.testing.fake_reply import reply
from sluice.testing.fake_request import read
from sluice.wire.sse import SseDecoder

RECORDED = Path(__file__).parents[1] / "streams" / "openai-chat-gpt-3.5-turbo.sse"
TOOLS = [{"type": "function", "function": {"name": "look_up"}}]


def writer(**members: object) -> Writer:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]} | members
    asked, seed = read(msgspec.json.encode(body))
    return Writer(asked, reply(asked, seed), model="m-1", created=1_744_306_752)


def chunks(stream: bytes) -> list[dict[str, object]]:
    frames = SseDecoder().feed(stream)
    assert frames[-1].data == b"[DONE]"
    return [msgspec.json.decode(frame.data or b"", type=dict[str, object]) for frame in frames[:-1]]


def shape(value: object) -> object:
    """Names in their order, without the values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else None


def streamed(stream: Writer) -> Answer:
    return folded([e for f in SseDecoder().feed(b"".join(stream.stream())) for e in DECODER().decode(f)])


def DECODER():  # type: ignore[no-untyped-def]
    return OPENAI_CHAT.decoder(keep_leftovers=True)


def folded(events: list[Event]) -> Answer:
    fold, grammar = Fold(), Grammar()
    for event in events:
        grammar.advance(event)
        fold.add(event)
    assert grammar.complete
    return fold.answer()
