"""What has to be a JSON object in the APIs that take objects: the schema of a tool, the arguments of a call.

In the vocabulary both are JSON text of whoever wrote it. What is no object is a 400 that names the place, in every
dialect alike: a call that is rewritten in silence would be a lie about what the model said.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.chat.content import Part, ToolUse
from sluice.chat.conversation import Tool
from sluice.chat.seal import Reasoning
from sluice.dialects.reading import NULL, UNREADABLE
from sluice.dialects.writing import whole
from sluice.errors import BadRequest

EMPTY = msgspec.Raw(b"{}")
_OBJECT = msgspec.Raw(b'"object"')


class _Object(msgspec.Struct):
    """Any object. What is in it is found to be JSON and skipped: to build it would take a second for the arguments that
    a body has room for."""


_read_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_object = msgspec.json.Decoder(_Object | None).decode


def placed(parts: Sequence[Part], place: str) -> Iterator[tuple[str, Part]]:
    """Each part of a message with its place in a request of chat completions: `messages[2].tool_calls[0]`,
    `messages[2].content[1]`. Reasoning has none of its own."""
    calls = others = 0
    for part in parts:
        if isinstance(part, Reasoning):
            yield place, part
        elif isinstance(part, ToolUse):
            yield f"{place}.tool_calls[{calls}]", part
            calls += 1
        else:
            yield f"{place}.content[{others}]", part
            others += 1


def arguments(call: ToolUse, place: str) -> msgspec.Raw:
    """Return the arguments byte for byte; none at all and null are `{}`, as models write for tools that take none.

    Raises:
        BadRequest: they are not a JSON object; `param` is `place`.
    """
    text = whole(call.arguments).encode()
    if not text.strip():
        return EMPTY
    try:
        return EMPTY if _read_object(text) is None else msgspec.Raw(text)
    except UNREADABLE:
        told = f"'{place}': the arguments of the tool call '{call.id}' ('{call.name}') are not a JSON object."
        raise BadRequest(told, param=place) from None


def schema(tool: Tool, without: msgspec.Raw) -> msgspec.Raw | dict[str, msgspec.Raw]:
    """Return the client's own schema, byte for byte; one that does not say that it is an object's is made to.
    `without`: the schema of a tool that has none.

    Raises:
        BadRequest: it is not a JSON object.
    """
    if tool.parameters is None:
        return without
    try:
        fields = _read_fields(tool.parameters)
    except UNREADABLE:
        raise BadRequest(f"The parameters of the tool '{tool.name}' are not a JSON schema.", param="tools") from None
    return tool.parameters if fields.get("type", NULL) != NULL else fields | {"type": _OBJECT}
