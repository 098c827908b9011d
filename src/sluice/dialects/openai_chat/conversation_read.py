"""A chat completion request, read whole: for a provider of another dialect.

Every member of the body is looked up in the table of facts.py; what is not in it is refused by name.
"""

from collections.abc import Mapping
from typing import TypeGuard, get_args

import msgspec

from sluice.chat.content import CacheMark
from sluice.chat.conversation import Conversation, Effort, OutputFormat, Thinking
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat.body import Body, ResponseFormat, VendorReasoning, VendorThinking
from sluice.dialects.openai_chat.facts import FACTS, TABLE
from sluice.dialects.openai_chat.messages_read import Reader
from sluice.dialects.openai_chat.tools_read import read_tools
from sluice.dialects.reading import ABSENT, NULL, UNREADABLE, explain
from sluice.errors import BadRequest

_encode = msgspec.json.Encoder().encode
_read_body = msgspec.json.Decoder(Body).decode


def read(request: ChatRequest) -> Conversation:
    """Read the whole of a request.

    Raises:
        BadRequest: it holds what cannot be translated, or what this API does not allow; `param` names the place.
    """
    asked = {name: raw for name, raw in request.fields.items() if raw != NULL}
    raw = _encode(asked)
    try:
        body = _read_body(raw)
    except UNREADABLE as error:
        raise explain(error, raw) from None
    words = _words(asked)
    if body.modalities not in (None, ["text"], []):
        raise BadRequest("Only text can be translated: 'modalities' must be [\"text\"].", param="modalities")
    tools = read_tools(body)
    messages = Reader(words).read(body.messages)
    TABLE.judge(asked)
    return Conversation(
        messages=messages,
        tools=tools.tools,
        tool_choice=tools.choice,
        parallel_tool_calls=body.parallel_tool_calls,
        output=_output(body.response_format, words),
        thinking=_thinking(body),
        choices=request.choices,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=body.top_k,
        max_tokens=request.max_tokens,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        seed=request.seed,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        logit_bias=body.logit_bias or {},
        logprobs=bool(body.logprobs),
        top_logprobs=body.top_logprobs,
        verbosity=body.verbosity or "",
        user=body.safety_identifier or body.user or "",
        cache=cache_mark(body.cache_control.ttl) if body.cache_control is not None else None,
        words=words,
    )


def cache_mark(ttl: str | None) -> CacheMark:
    return CacheMark(ttl=ttl or "")


def _words(asked: Mapping[str, msgspec.Raw]) -> dict[str, str]:
    """What this client calls the features that it asks for by a member of the body."""
    words = {field.feature: name for name, field in FACTS.fields.items() if field.feature and name in asked}
    choice = "tool_choice" if "tool_choice" in asked else "function_call"
    for feature in ("tool_choice_none", "tool_choice_required", "tool_choice_named"):
        words[feature] = choice
    words["output_json"] = words["output_schema"] = "response_format"
    words["tool_strict"] = "tools[].function.strict"
    return words


# -- single members ---------------------------------------------------------------------------------------------------


def _output(form: ResponseFormat | None, words: dict[str, str]) -> OutputFormat | None:
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return OutputFormat()
    if form.type != "json_schema":
        raise BadRequest(f"Invalid value for 'response_format.type': '{form.type}'.", param="response_format.type")
    asked = form.json_schema
    if asked is None:
        place = "response_format.json_schema"
        raise BadRequest(f"Missing required parameter: '{place}'.", param=place)
    schema = msgspec.Raw(b"{}") if asked.schema is ABSENT or asked.schema == NULL else asked.schema.copy()
    words["output_schema"] = "response_format.json_schema"
    return OutputFormat(schema=schema, name=asked.name, description=asked.description or "", strict=asked.strict)


def _thinking(body: Body) -> Thinking | None:
    """The newest way to ask wins: `reasoning_effort`, then the vendors' objects."""
    if body.reasoning_effort is not None:
        return Thinking(effort=_effort(body.reasoning_effort, "reasoning_effort"))
    if body.reasoning is not None:
        return _vendor_reasoning(body.reasoning)
    return None if body.thinking is None else _vendor_thinking(body.thinking)


def _vendor_reasoning(asked: VendorReasoning) -> Thinking | None:
    show = None if asked.exclude is None else not asked.exclude
    if asked.enabled is False:
        return Thinking(effort="none")
    if asked.effort is not None:
        return Thinking(effort=_effort(asked.effort, "reasoning.effort"), show=show)
    if asked.max_tokens is not None:
        return Thinking(budget_tokens=asked.max_tokens, show=show)
    # `enabled` alone is OpenRouter's medium; without any of them the model decides.
    return Thinking(effort="medium", show=show) if asked.enabled else Thinking(adaptive=True, show=show)


def _vendor_thinking(asked: VendorThinking) -> Thinking:
    if asked.type == "disabled":
        return Thinking(budget_tokens=0)
    if asked.type not in ("enabled", "adaptive", "auto"):
        raise BadRequest(f"Invalid value for 'thinking.type': '{asked.type}'.", param="thinking.type")
    return Thinking(budget_tokens=asked.budget_tokens, adaptive=asked.budget_tokens is None)


def _effort(word: str, place: str) -> Effort:
    """OpenAI's `max` is more than the vocabulary knows: its strongest word stands for it."""
    known = "xhigh" if word == "max" else word
    if not _is_effort(known):
        raise BadRequest(f"Invalid value for '{place}': '{word}'.", param=place)
    return known


def _is_effort(word: str) -> TypeGuard[Effort]:
    return word in get_args(Effort)
