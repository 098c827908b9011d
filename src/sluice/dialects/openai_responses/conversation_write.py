"""A request that came in another dialect, as a body for `POST /v1/responses`.

Nothing is stored at the provider, so reasoning comes and goes encrypted with every turn.
"""

import re

from sluice.chat.carry import fit
from sluice.chat.conversation import Conversation, OutputFormat, Thinking, Tool, ToolChoice, effort_of
from sluice.dialects.openai_chat.models import least_effort
from sluice.dialects.openai_responses.facts import FACTS
from sluice.dialects.openai_responses.history_write import write_history
from sluice.dialects.writing import to_json

_REASONS = re.compile(r"(?:^|[/.])(?:o[1-9]|gpt-[5-9]|codex|computer-use)(?!.*chat)")
"""Models that reason whether they are asked to or not, and so hand out what the next turn needs. Others answer 400 to
`reasoning` and to the wish for encrypted content."""

_Members = dict[str, object]


def write(conversation: Conversation, *, model: str, stream: bool) -> bytes:
    """Write the body.

    Raises:
        BadRequest: the request holds what the table refuses, or an assistant's image.
    """
    said = fit(conversation, FACTS.carries, FACTS.title)
    instructions, items = write_history(said.messages)
    body: _Members = {"model": model}
    if instructions:
        body["instructions"] = instructions
    body["input"] = items
    body |= _tools(said) | _parameters(said)
    reasoning = _reasoning(said.thinking, model)
    if reasoning:
        body["reasoning"] = reasoning
    if include := _include(said, model):
        body["include"] = include
    body["store"] = False
    if stream:
        body["stream"] = True
    return to_json(body)


def _parameters(said: Conversation) -> _Members:
    named: _Members = {
        "temperature": said.temperature,
        "top_p": said.top_p,
        "max_output_tokens": said.max_tokens,
        "top_logprobs": said.top_logprobs,
        "user": said.user or None,
    }
    if text := _text(said.output, said.verbosity):
        named["text"] = text
    return {name: value for name, value in named.items() if value is not None}


def _text(output: OutputFormat | None, verbosity: str) -> _Members:
    text: _Members = {"verbosity": verbosity} if verbosity else {}
    if output is not None and output.schema is None:
        text["format"] = {"type": "json_object"}
    elif output is not None:
        named: _Members = {"type": "json_schema", "name": _format_name(output.name), "schema": output.schema}
        if output.description:
            named["description"] = output.description
        if output.strict is not None:
            named["strict"] = output.strict
        text["format"] = named
    return text


def _format_name(name: str) -> str:
    """The API demands a name, of these characters."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "answer"


def _tools(said: Conversation) -> _Members:
    if not said.tools:
        return {}
    members: _Members = {"tools": [_tool(tool) for tool in said.tools]}
    if said.tool_choice is not None:
        members["tool_choice"] = _choice(said.tool_choice)
    if said.parallel_tool_calls is not None:
        members["parallel_tool_calls"] = said.parallel_tool_calls
    return members


def _tool(tool: Tool) -> _Members:
    """`strict` is true here if nobody says otherwise, and false in every other API."""
    named: _Members = {"type": "function", "name": tool.name}
    if tool.description:
        named["description"] = tool.description
    named["parameters"] = {"type": "object", "properties": {}} if tool.parameters is None else tool.parameters
    return named | {"strict": bool(tool.strict)}


def _choice(choice: ToolChoice) -> object:
    return {"type": "function", "name": choice.name} if choice.mode == "named" else choice.mode


def _reasoning(thinking: Thinking | None, model: str) -> _Members:
    if thinking is None:
        return {}
    if thinking.off:
        # Other APIs say "no thinking" to models that cannot think, too: only those that can are told.
        least = least_effort(model)
        return {"effort": least} if least else {}
    effort = effort_of(thinking)
    members: _Members = {} if effort is None else {"effort": effort}
    if thinking.show:
        members["summary"] = "auto"
    return members


def _include(said: Conversation, model: str) -> list[str]:
    asked = said.thinking is not None and not said.thinking.off
    include = ["reasoning.encrypted_content"] if asked or _REASONS.search(model) else []
    return [*include, "message.output_text.logprobs"] if said.logprobs else include
