"""The whole of a client's request, for a provider of another dialect. The table in facts.py is what it runs on."""

import msgspec

from sluice.chat.content import Message, Text
from sluice.chat.conversation import Conversation, Effort, OutputFormat, Thinking, with_tool_names
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_responses.facts import TABLE, WORDS
from sluice.dialects.openai_responses.history_read import read_input
from sluice.dialects.openai_responses.places import read_at
from sluice.dialects.openai_responses.tools_read import read_choice, read_tools
from sluice.dialects.reading import ABSENT, NULL
from sluice.errors import BadRequest


class _Reasoning(msgspec.Struct):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _Format(msgspec.Struct):
    type: str = "text"
    name: str = ""
    description: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class _Output(msgspec.Struct):
    format: _Format | None = None
    verbosity: str | None = None


class _Body(msgspec.Struct):
    """The members that are read, but for the messages and the tools."""

    instructions: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    parallel_tool_calls: bool | None = None
    include: list[str] | None = None
    reasoning: _Reasoning | None = None
    text: _Output | None = None
    user: str | None = None
    safety_identifier: str | None = None


_read_body = msgspec.json.Decoder(_Body)

_EFFORTS: dict[str, Effort] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "xhigh",
}
_SILENCE = Text(text="")
_LOGPROBS = "message.output_text.logprobs"


def read(request: ChatRequest) -> Conversation:
    """Read a request.

    Raises:
        BadRequest: a member is unknown, refused by the table, or malformed; `param` names the place.
    """
    fields = request.fields
    known = {name: raw for name, raw in fields.items() if name in _Body.__struct_fields__}
    body = read_at(msgspec.Raw(msgspec.json.encode(known)), _read_body, "")
    words = WORDS | ({"user": "safety_identifier"} if not body.user else {})
    messages = read_input(fields.get("input", NULL), words)
    if body.instructions:
        messages.insert(0, Message(role="system", parts=(Text(text=body.instructions),)))
    tools, choice = read_choice(fields.get("tool_choice", NULL), read_tools(fields.get("tools", NULL)))
    TABLE.judge(fields)
    if all(part == _SILENCE for message in messages for part in message.parts):
        raise BadRequest("'input' must hold at least one item that says something.", param="input")
    return Conversation(
        messages=with_tool_names(tuple(messages)),
        tools=tuple(tools),
        tool_choice=choice,
        parallel_tool_calls=body.parallel_tool_calls if tools else None,
        output=_format(body.text),
        thinking=_thinking(body.reasoning),
        temperature=body.temperature,
        top_p=body.top_p,
        max_tokens=body.max_output_tokens,
        logprobs=bool(body.top_logprobs) or _LOGPROBS in (body.include or ()),
        top_logprobs=body.top_logprobs or None,
        verbosity=(body.text.verbosity if body.text else None) or "",
        user=body.user or body.safety_identifier or "",
        words=words,
    )


def _format(output: _Output | None) -> OutputFormat | None:
    said = output.format if output is not None else None
    if said is None or said.type == "text":
        return None
    if said.type == "json_object":
        return OutputFormat()
    if said.type != "json_schema":
        raise BadRequest(f"Invalid value for 'text.format.type': {said.type!r}.", param="text.format.type")
    if said.schema is ABSENT or said.schema == NULL:
        raise BadRequest("Missing required parameter: 'text.format.schema'.", param="text.format.schema")
    return OutputFormat(schema=said.schema, name=said.name, description=said.description or "", strict=said.strict)


def _thinking(reasoning: _Reasoning | None) -> Thinking | None:
    if reasoning is None:
        return None
    if reasoning.effort is not None and reasoning.effort not in _EFFORTS:
        raise BadRequest(f"Invalid value for 'reasoning.effort': {reasoning.effort!r}.", param="reasoning.effort")
    effort = None if reasoning.effort is None else _EFFORTS[reasoning.effort]
    show = True if reasoning.summary or reasoning.generate_summary else None
    return None if effort is None and show is None else Thinking(effort=effort, show=show)
