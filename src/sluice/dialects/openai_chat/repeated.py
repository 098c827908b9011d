"""A chunk that says what the one before it said, but for the text: nothing else of it has to be read again.

JSON in which one string stands for another means the same but for that string. So, where all bytes around the string
are those of a chunk that was read, and nothing followed from that chunk but its text, only the string is read.
"""

import re
from typing import Final

import msgspec

from sluice.chat.events import Event, TextDelta
from sluice.dialects.openai_chat.schema import UNREADABLE, Chunk

LESSONS: Final = 8
"""Chunks in a row that are learnt in vain: some providers vary every one (a time, padding)."""

_CONTENT: Final = re.compile(rb'"content"[ ]?:[ ]?("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL)
_read_text: Final = msgspec.json.Decoder(str).decode

Around = tuple[bytes, bytes, int]
"""The bytes before and behind a text, quotes not included, and the choice that it belongs to."""


def around(data: bytes, chunk: Chunk, events: list[Event]) -> Around | None:
    """Return what stands around the text of a chunk that was read as `events`, if it says nothing else.

    The member is found by its name: no other has it, and where nothing is escaped, no name is spelled in another way.
    """
    if len(events) != 1 or type(said := events[0]) is not TextDelta or said.channel != "text" or said.logprobs:
        return None
    content = _CONTENT.search(data)
    if content is None or chunk.choices is None or len(chunk.choices) > 1:
        return None
    delta = chunk.choices[0].delta or chunk.choices[0].message
    if delta is None or delta.tool_calls is not None or delta.function_call is not None:
        return None  # whoever reads calls remembers them
    before, behind = data[: content.start(1)], data[content.end(1) :]
    if before.count(b'"content"') > 1 or b'"content"' in behind or b"\\" in before or b"\\" in behind:
        return None
    return before, behind, said.choice


def text_within(same: Around, data: bytes) -> str:
    """Return the text of a chunk that differs in nothing else; empty = all of it has to be read."""
    before, behind, _ = same
    if not (data.startswith(before) and data.endswith(behind)):
        return ""
    try:
        return _read_text(data[len(before) : len(data) - len(behind)])
    except UNREADABLE:
        return ""
