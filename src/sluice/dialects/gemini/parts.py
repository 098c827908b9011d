"""The events of one choice to the parts of one `Content`: the machine behind streams and whole answers.

- Reasoning becomes text with `thought: true`. A seal of Gemini's own stands where Gemini put it, byte for byte. The
  seals of others travel as a token: with the next function call, which every client sends back whole, or at the end
  in an empty thought. A token carries the reasoning's text too, for clients that send back no thoughts.
- A call is written once its arguments are a whole JSON object, in the order in which calls began. One that is still
  unfinished at the end is left out (dialects.md, decision 8).
"""

from collections.abc import Sequence

import msgspec

from sluice.chat import seal
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Event,
    Sealed,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.gemini import schema
from sluice.dialects.gemini.calls import EMPTY, GrowingCall
from sluice.dialects.gemini.citations import Sources
from sluice.dialects.gemini.schema import MODULE_ID

Part = dict[str, object]

_STANDARD_ALPHABET = str.maketrans("-_", "+/")


class PartWriter:
    """One choice. `take` each of its events; `tail` and `finish_word` are for the chunk that ends it."""

    __slots__ = (
        "_awaited",
        "_calls",
        "_held",
        "_last",
        "_own",
        "_part",
        "_text",
        "_thoughts",
        "finish_word",
        "sources",
    )

    def __init__(self) -> None:
        self._calls: dict[int, GrowingCall] = {}
        """Those that are not written yet, in their order."""
        self._held: list[Reasoning] = []
        """Sealed reasoning of other providers that waits for a call or the end."""
        self._own = ""
        """A thought signature of Gemini's that waits for its call."""
        self._thoughts: list[str] = []
        """The reasoning that is open."""
        self._text: list[str] = []
        """The text that is open."""
        self._awaited = False
        """The open text has no part yet: it was cited before its first word."""
        self._last = ""
        """The kind of the part that was written last; adjacent texts of one kind count as one part."""
        self._part = -1
        """The number of that part."""
        self.finish_word = ""
        """Gemini's word for the end, once the choice has finished."""
        self.sources = Sources()

    def take(self, event: Event) -> list[Part]:
        """Return the parts to write now, perhaps none."""
        match event:
            case TextDelta():
                parts = self._say(event)
            case Sealed():
                parts = self._seal(event.seal)
            case ToolCallStarted():
                self._start(event)
                parts = []
            case ToolCallDelta():
                if (call := self._calls.get(event.index)) is not None:
                    call.add(event.arguments)
                parts = self._whole_calls()
            case Unrecognised():
                own = [msgspec.json.decode(event.part, type=dict[str, object])] if event.part is not None else []
                parts = [*self._unclaimed(), *own] if own else []
                self._awaited = False
            case Cited():
                parts = self._unclaimed()  # it belongs to a text, which no call can come before
            case ChoiceFinished():
                parts = self._finish(event)
            case _:
                parts = []
        for part in parts:
            self._count(part)
        if isinstance(event, Cited):
            self._cite(event)
        return parts

    def say(self, text: str) -> None:
        """Note plain text that is written, perhaps without `take`: the hot path."""
        if self._last != "text":
            self._last = "text"
            self._part += 1
            self._text = self._text if self._awaited else []
            self._awaited = False
            self._thoughts.clear()
        self._text.append(text)

    @property
    def plain(self) -> bool:
        """Text can be written without `take`."""
        return not self._own

    def _say(self, event: TextDelta) -> list[Part]:
        if not event.text:
            return []
        parts = self._unclaimed()
        if event.channel == "reasoning":
            self._awaited = False
            self._thoughts.append(event.text)
            return [*parts, {"text": event.text, "thought": True}]
        return [*parts, {"text": event.text}]

    def _cite(self, event: Cited) -> None:
        if self._last != "text" and not self._awaited:
            self._text, self._awaited = [], True
        self.sources.add(event.citation, self._text, self._part + self._awaited)

    def _seal(self, proof: Seal) -> list[Part]:
        self._awaited = False
        if proof.origin != MODULE_ID:
            alone = proof.kind in ("redacted", "text")
            self._held.append(Reasoning("" if alone else "".join(self._thoughts), proof))
            self._thoughts.clear()
            return []
        parts = self._unclaimed()
        self._thoughts.clear()
        if proof.kind == "call":
            self._own = proof.data
            return parts
        empty: Part = {"text": ""} if proof.kind == "text" else {"text": "", "thought": True}
        return [*parts, empty | {"thoughtSignature": proof.data}]

    def _start(self, event: ToolCallStarted) -> None:
        signature, self._own = self._own or self._token(), ""
        self._awaited = False
        self._thoughts.clear()
        self._last = ""
        self._calls[event.index] = GrowingCall(event.id, event.name, signature)

    def _whole_calls(self) -> list[Part]:
        """The calls at the head of the queue that are whole."""
        parts: list[Part] = []
        for index, call in list(self._calls.items()):
            if call.arguments is None:
                break
            parts.append(call.part(call.arguments))
            del self._calls[index]
        return parts

    def _finish(self, event: ChoiceFinished) -> list[Part]:
        parts = self._unclaimed()
        unusable = False
        for call in self._calls.values():
            if call.arguments is not None:
                parts.append(call.part(call.arguments))
            elif call.empty and event.reason not in ("length", "content_filter"):
                parts.append(call.part(EMPTY))
            else:
                unusable = True
        self._calls.clear()
        if token := self._token():
            parts.append({"text": "", "thought": True, "thoughtSignature": token})
        if unusable and event.reason in ("stop", "tool_calls"):
            self.finish_word = "MALFORMED_FUNCTION_CALL"  # Gemini's own word for arguments that are no JSON object
        else:
            self.finish_word = schema.finish_word(event.reason, event.native)
        return parts

    def _unclaimed(self) -> list[Part]:
        """The signature of a call that never came."""
        signature, self._own = self._own, ""
        return [{"text": "", "thoughtSignature": signature}] if signature else []

    def _token(self) -> str:
        """The reasoning that waits, as one token that is valid base64 for every reader."""
        held, self._held = self._held, []
        return seal.pack(held).translate(_STANDARD_ALPHABET) if held else ""

    def _count(self, part: Part) -> None:
        kind = _kind(part)
        if kind == "text":
            self.say(str(part["text"]))
            return
        if kind != self._last or kind == "":
            self._part += 1
        self._last = kind


def _kind(part: Part) -> str:
    """What a part may be merged with: `text` or `thought`; empty = it stands alone."""
    if "text" not in part or "thoughtSignature" in part:
        return ""
    return "thought" if part.get("thought") else "text"


def merged(parts: Sequence[Part]) -> list[Part]:
    """Return parts with adjacent texts of one kind joined: what they are in a whole answer."""
    result: list[Part] = []
    for part in parts:
        if result and _kind(part) and _kind(part) == _kind(result[-1]):
            result[-1] = result[-1] | {"text": f"{result[-1]['text']}{part['text']}"}
        else:
            result.append(part)
    return result
