"""The items of a client's `input` to messages.

What one turn of the model said is one message: its reasoning, texts and calls, in their order. Outputs of tools that
follow each other are one message of the user.
"""

import msgspec

from sluice.chat.content import Media, Message, Part, Refusal, Role, Text, ToolResult, ToolUse
from sluice.chat.seal import Reasoning, split_id, unwrap
from sluice.dialects.openai_responses.content_read import ContentPart, read_content, read_part
from sluice.dialects.openai_responses.facts import TABLE, row
from sluice.dialects.openai_responses.places import read_at
from sluice.dialects.openai_responses.schema import MODULE_ID
from sluice.dialects.openai_responses.tool_names import join_name
from sluice.dialects.reading import ABSENT, NULL
from sluice.errors import BadRequest


class _Head(msgspec.Struct):
    type: str | None = None
    role: str | None = None


class _Text(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = ABSENT


class _Call(msgspec.Struct):
    """A call of any tool that the client runs."""

    call_id: str | None = None
    id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    action: msgspec.Raw = ABSENT
    operation: msgspec.Raw = ABSENT


class _Output(msgspec.Struct):
    """What such a tool gave back."""

    call_id: str | None = None
    id: str | None = None
    output: msgspec.Raw = ABSENT
    status: str | None = None


class _Reasoning(msgspec.Struct):
    id: str | None = None
    summary: list[_Text] | None = None
    content: list[_Text] | None = None
    encrypted_content: str | None = None


_read_input = msgspec.json.Decoder(str | list[msgspec.Raw] | None)
_read_rows = msgspec.json.Decoder(list[msgspec.Raw])
_read_head = msgspec.json.Decoder(_Head)
_read_message = msgspec.json.Decoder(_Message)
_read_call = msgspec.json.Decoder(_Call)
_read_output = msgspec.json.Decoder(_Output)
_read_reasoning = msgspec.json.Decoder(_Reasoning)

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system"}
_CALLS = ("function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call", "computer_call")
_OUTPUTS = tuple(f"{call}_output" for call in _CALLS)


def read_input(raw: msgspec.Raw, words: dict[str, str]) -> list[Message]:
    """Read the history. `words` learns the place of the first image or file of each kind.

    Raises:
        BadRequest: an item or a part is of an unknown type, refused by the table, or malformed; `param` names it.
    """
    said = read_at(raw, _read_input, "input")
    if isinstance(said, str):
        return [Message(role="user", parts=(Text(text=said),))]
    history = _History(words)
    for index, item in enumerate(said or ()):
        _item(item, f"input[{index}]", history)
    return history.messages()


class _History:
    """Messages that grow: what belongs to one turn is joined."""

    def __init__(self, words: dict[str, str]) -> None:
        self.words = words
        self._rows: list[tuple[Role, bool, list[Part]]] = []

    def add(self, role: Role, parts: list[Part], *, joins: bool) -> None:
        if joins and self._rows and self._rows[-1][:2] == (role, True):
            self._rows[-1][2].extend(parts)
        else:
            self._rows.append((role, joins, parts))

    def messages(self) -> list[Message]:
        return [Message(role=role, parts=tuple(parts)) for role, _, parts in self._rows]


def _item(raw: msgspec.Raw, place: str, history: _History) -> None:
    head = read_at(raw, _read_head, place)
    kind = head.type or ("message" if head.role else "item_reference")
    if kind == "message":
        _message(raw, place, history)
    elif kind in _CALLS:
        history.add("assistant", _call(kind, read_at(raw, _read_call, place), place), joins=True)
    elif kind in _OUTPUTS:
        history.add("user", [_output(read_at(raw, _read_output, place), place, history.words)], joins=True)
    elif kind == "reasoning":
        if parts := _reasoning(read_at(raw, _read_reasoning, place)):
            history.add("assistant", parts, joins=True)
    else:
        known = row("input[].type", kind)
        if known is None or known.how == "refused":
            why = f": {known.why}" if known is not None else ""
            raise BadRequest(f"Unsupported item for a translated request at '{place}': {kind!r}{why}.", param=place)


def _message(raw: msgspec.Raw, place: str, history: _History) -> None:
    message = read_at(raw, _read_message, place)
    role = _ROLES.get(message.role)
    if role is None:
        raise BadRequest(f"Invalid value for '{place}.role': {message.role!r}.", param=f"{place}.role")
    if message.content is ABSENT:
        raise BadRequest(f"Missing required parameter: '{place}.content'.", param=f"{place}.content")
    parts: list[Part] = list(read_content(message.content, f"{place}.content", history.words))
    history.add(role, parts, joins=role == "assistant")


def _call(kind: str, call: _Call, place: str) -> list[Part]:
    said = call.call_id or call.id
    if not said:
        raise BadRequest(f"Missing required parameter: '{place}.call_id'.", param=f"{place}.call_id")
    bare, sealed = split_id(said)
    name = join_name(call.namespace or "", call.name or kind.removesuffix("_call"))
    arguments = call.arguments or ""
    if kind == "custom_tool_call":
        arguments = msgspec.json.encode({"input": call.input or ""}).decode()
    elif kind != "function_call":
        action = call.operation if call.action is ABSENT else call.action
        arguments = bytes(action).decode("utf-8", "replace")
    return [*sealed, ToolUse(id=bare, name=name, arguments=arguments)]


def _output(output: _Output, place: str, words: dict[str, str]) -> ToolResult:
    said = output.call_id or output.id
    if not said:
        raise BadRequest(f"Missing required parameter: '{place}.call_id'.", param=f"{place}.call_id")
    parts = _output_parts(output.output, f"{place}.output", words)
    return ToolResult(call_id=split_id(said)[0], parts=parts, is_error=output.status == "failed")


def _output_parts(raw: msgspec.Raw, place: str, words: dict[str, str]) -> tuple[Text | Media, ...]:
    """A text, content parts, a screenshot; anything else is what the tool's own JSON says."""
    if raw is ABSENT or raw == NULL:
        return ()
    start = bytes(raw).lstrip()[:1]
    if start == b'"':
        return tuple(_no_refusal(part) for part in read_content(raw, place, words))
    rows = read_at(raw, _read_rows, place) if start == b"[" else [raw]
    if rows and all(_is_object(one) and read_at(one, _read_head, place).type for one in rows):
        TABLE.within(raw, place, "input[].content" if start == b"[" else "input[].content[]")
        return tuple(_no_refusal(read_part(one, f"{place}[{index}]", words)) for index, one in enumerate(rows))
    return (Text(text=bytes(raw).decode("utf-8", "replace")),) if rows else ()


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(raw).lstrip()[:1] == b"{"


def _no_refusal(part: ContentPart) -> Text | Media:
    return Text(text=part.text) if isinstance(part, Refusal) else part


def _reasoning(item: _Reasoning) -> list[Part]:
    """The summary, else the reasoning's own text; the seal is whoever's it was."""
    text = "\n\n".join(part.text for part in item.summary or item.content or ())
    if not item.encrypted_content:
        return [Reasoning(text)] if text else []
    seal = unwrap(item.encrypted_content, MODULE_ID)
    if seal.origin == MODULE_ID and not seal.id and item.id:
        seal = msgspec.structs.replace(seal, id=item.id)
    return [Reasoning(text, seal)]
