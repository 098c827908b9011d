"""A content block of a kind that no other dialect has: a tool that Anthropic runs, what it gave back, a compaction. It
is kept whole, for a client of this dialect.

Obeys: platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-21: deltas of text are joined, and
`partial_json` is the block's `input`.
"""

import msgspec

from sluice.chat.events import Unrecognised
from sluice.dialects.reading import UNREADABLE
from sluice.dialects.writing import to_json


class OpaqueBlock:
    """One block, as it grows."""

    __slots__ = ("_input", "_kind", "_members")

    def __init__(self, kind: str, raw: msgspec.Raw) -> None:
        self._kind = kind
        self._members = msgspec.json.decode(raw, type=dict[str, object])
        self._input: list[str] = []

    def grow(self, raw: msgspec.Raw) -> None:
        """Take a delta of it."""
        for name, value in msgspec.json.decode(raw, type=dict[str, object]).items():
            known = self._members.get(name)
            if name == "partial_json" and isinstance(value, str):
                self._input.append(value)
            elif name != "type":
                joins = isinstance(known, str) and isinstance(value, str)
                self._members[name] = f"{known}{value}" if joins else value

    def event(self) -> Unrecognised:
        """Return the whole block."""
        if source := "".join(self._input):
            try:
                self._members["input"] = msgspec.json.decode(source)
            except UNREADABLE:
                self._members["input"] = {"INVALID_JSON": source}
        return Unrecognised(f"block:{self._kind}", 0, msgspec.Raw(to_json(self._members)))
