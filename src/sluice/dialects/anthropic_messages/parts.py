"""The pieces of an answer in this API's words: what a stream and a whole message share.

Pure functions of the vocabulary. A block that would be illegal in the history that the client sends back (an empty
text, half a tool call) is not written at all.
"""

from typing import Final

import msgspec

from sluice.chat.content import Refusal, Text, ToolUse
from sluice.chat.events import FinishReason
from sluice.chat.fold import Choice, Opaque
from sluice.chat.seal import Reasoning, Seal, pack, wrap
from sluice.dialects.anthropic_messages import citations
from sluice.dialects.anthropic_messages.arguments import Arguments
from sluice.dialects.anthropic_messages.schema import FINISH_READ, FINISH_WRITTEN, MODULE_ID
from sluice.dialects.writing import to_json

UNSIGNED: Final = pack((Reasoning("", Seal("", "reasoning", "")),))
"""The signature of reasoning that its provider did not sign: nobody's. Clients insist on one, and Anthropic refuses
what it did not sign: by this one such a block is known when it comes back, and is taken out."""


def message_id(id: str) -> str:  # noqa: A002 - the vocabulary's field
    """Return the provider's id in the form of this API."""
    return id if id.startswith("msg_") else f"msg_{id}"


def call_id(id: str, message: str, index: int) -> str:  # noqa: A002 - the vocabulary's field
    """Return the id of a call: the provider's own, byte for byte, or one that no other message has."""
    return id or f"toolu_{message.removeprefix('msg_')}_{index}"


def sealed_block(text: str, seal: Seal) -> dict[str, object]:
    """Reasoning with its proof. Another provider's crosses as a token in place of the signature."""
    if seal.origin == MODULE_ID and seal.kind == "redacted":
        return {"type": "redacted_thinking", "data": seal.data}
    return {"type": "thinking", "thinking": text, "signature": wrap(seal, MODULE_ID)}


def blocks(choice: Choice, message: str) -> list[dict[str, object]]:
    """Return the content of a message with this id. Calls are counted from 0."""
    written: list[dict[str, object]] = []
    calls = 0
    for part in choice.parts:
        block: dict[str, object] | None
        if isinstance(part, Reasoning):
            block = _reasoning(part)
        elif isinstance(part, ToolUse):
            block = _call(part, call_id(part.id, message, calls), choice.finish)
            calls += 1
        elif isinstance(part, Opaque):
            block = dict(msgspec.json.decode(part.raw, type=dict[str, msgspec.Raw]))
        else:
            block = _text(part)
        if block is not None:
            written.append(block)
    return written


def _reasoning(part: Reasoning) -> dict[str, object] | None:
    if part.seal is not None:
        return sealed_block(part.text, part.seal)
    return {"type": "thinking", "thinking": part.text, "signature": UNSIGNED} if part.text else None


def _text(part: Text | Refusal) -> dict[str, object] | None:
    cited = [citations.write(citation) for citation in part.citations] if isinstance(part, Text) else []
    if not part.text and not cited:
        return None
    block: dict[str, object] = {"type": "text", "text": part.text}
    return block | {"citations": cited} if cited else block


def _call(part: ToolUse, id: str, finish: FinishReason | None) -> dict[str, object] | None:  # noqa: A002 - the field's name
    arguments = finished_arguments(Arguments(part.arguments), finish)
    if arguments is None:
        return None
    return {"type": "tool_use", "id": id, "name": part.name, "input": msgspec.Raw(arguments.encode())}


def finished_arguments(arguments: Arguments, finish: FinishReason | None) -> str | None:
    """Return what is written of a call's arguments once they or the answer are finished; None = the call is left out.

    A call that was cut off is left out. One that the model meant as finished but that is no JSON object is shown in
    the form that the vendor proposes for such input, so that the agent's loop goes on: its tool refuses it.
    (platform.claude.com, "Fine-grained tool streaming", read 2026-11-21.)
    """
    text = arguments.text
    if not arguments.closed and text.strip() in ("", "null"):
        return "{}" if finish in ("stop", "tool_calls") else None
    if not arguments.closed and finish != "tool_calls":
        return None
    return text if arguments.is_object() else to_json({"INVALID_JSON": text}).decode()


def stop(reason: FinishReason, native: str, sequence: str | None, *, called: bool, refused: bool) -> dict[str, object]:
    """Return `stop_reason` and `stop_sequence`. A client acts on `tool_use` and nothing else, so it is said if and
    only if there is a call; a word of this API that the provider itself said is kept."""
    if reason == "stop" and called:
        reason, native = "tool_calls", ""
    elif reason == "tool_calls" and not called:
        reason, native = "stop", ""
    if refused and reason in ("stop", "content_filter"):
        reason, native = "refusal", ""
    if sequence is not None and reason == "stop":
        return {"stop_reason": "stop_sequence", "stop_sequence": sequence}
    word = native if FINISH_READ.get(native) == reason and native != "stop_sequence" else FINISH_WRITTEN[reason]
    return {"stop_reason": word, "stop_sequence": None}
