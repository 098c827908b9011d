"""Chat completions as a provider writes them, event by event."""

from pathlib import Path

import msgspec

from sluice.testing.fake_script import Pause, Script

RECORDED = (Path(__file__).parent.parent / "streams" / "openai-chat-gpt-3.5-turbo.sse").read_bytes()
"""The recorded stream that came with the product's seeds; 6,135 bytes, 22 events and [DONE]."""

DONE = b"data: [DONE]\n\n"


def event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


def delta(finish: str | None = None, **fields: object) -> bytes:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-1", "choices": [choice]})


ROLE = delta(role="assistant", content="")
HELLO = delta(content="Hello")
WORLD = delta(content=" world")
STOP = delta("stop")
USAGE = event(
    {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-1",
        "choices": [],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
)
ERROR = event({"error": {"message": "The server is overloaded", "type": "overloaded_error", "code": None}})
WHOLE_STREAM = (ROLE, HELLO, WORLD, STOP, DONE)


def slow_script(tokens: int, gap_s: float) -> Script:
    """A stream for the fake provider: one token at once, the others with a gap before each."""
    pieces: list[bytes | Pause] = [ROLE + HELLO]
    for _ in range(tokens):
        pieces += [Pause(gap_s), HELLO]
    return Script(chunks=[*pieces, STOP, DONE])


def completion(content: str = "Hello world", finish: str = "stop") -> bytes:
    """A whole answer."""
    message = {"role": "assistant", "content": content}
    return msgspec.json.encode(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m-1",
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    )
