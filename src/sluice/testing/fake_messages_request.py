"""What the fake provider makes of an Anthropic Messages request, and how it refuses one in that vendor's words.

Pure. Source: docs.claude.com/en/api/messages, /api/errors and /build-with-claude/extended-thinking, read 2026-11-21.
"""

from typing import Literal

import msgspec

from sluice.testing import fake_talk
from sluice.testing.fake_asked import Asked, Function, Turn, wanted
from sluice.testing.fake_messages_schema import Body, Inner, Tool
from sluice.testing.fake_refusal import UNREADABLE, Refusal, members, misfit, seed
from sluice.testing.fake_talk import Wrong

MAX_MARKS = 4
"""Blocks with `cache_control` in one request."""

_decode = msgspec.json.Decoder(Body).decode
_CHOICES: dict[str, Literal["none", "auto", "required"]] = {"any": "required", "tool": "required", "none": "none"}


def read(body: bytes, model: str = "") -> Asked:
    """Return the request. `model`: the one that Vertex' address names; the body then has to name the API's version.

    Raises:
        Refusal: 400; the body is not JSON, a member is missing, of the wrong type or out of bounds, a tool's result
            answers no call, or thinking comes back changed.
    """
    asked, once = _opened(body)
    _check_model(asked, vertex=bool(model))
    if asked.max_tokens is None:
        raise Refusal(400, "max_tokens: Field required")
    _check_thinking(asked)
    return _asked(asked, once, model)


def read_count(body: bytes, model: str = "") -> Asked:
    """Return a request whose tokens are to be counted: it needs no `max_tokens`. Raises as `read` does."""
    asked, once = _opened(body)
    if not asked.model:
        raise Refusal(400, "model: Field required")
    return _asked(asked, once, model)


def _opened(body: bytes) -> tuple[Body, bytes]:
    try:
        found = members(body)
        return _decode(body), seed(found)
    except UNREADABLE as error:
        raise in_anthropic_words(error) from None


def _asked(asked: Body, once: bytes, model: str) -> Asked:
    _check_tools(asked)
    _check_marks(asked)
    messages = [message.said for message in asked.messages]
    budgeted = asked.thinking is not None and asked.thinking.type == "enabled"
    found = fake_talk.wrong(messages, thinks=budgeted)
    if found is not None:
        raise Refusal(400, _worded(found, messages[found.message].role))
    turns, marked = _turns(asked, messages)
    choice = asked.tool_choice
    wish = asked.output_format or (asked.output_config.format if asked.output_config else None)
    return Asked(
        model=model or asked.model or "",
        turns=turns,
        seed=once,
        stream=bool(asked.stream),
        max_output=asked.max_tokens,
        functions=tuple(_function(tool) for tool in asked.tools or () if tool.type in (None, "custom")),
        tool_choice=_CHOICES.get(choice.type, "auto") if choice else "auto",
        only=(choice.name or "") if choice else "",
        parallel=not (choice and choice.disable_parallel_tool_use),
        schema=None if wish is None else wish.schema or {"type": "object"},
        stop=tuple(asked.stop_sequences or ()),
        reasons=asked.thinks,
        shows_reasoning=not (asked.thinking and asked.thinking.display == "omitted"),
        marked=marked,
        wanted=wanted(turns, asked.fake if asked.fake is not None else asked.httpbun),
    )


def _function(tool: Tool) -> Function:
    return Function(name=tool.name, description=tool.description or "", parameters=tool.input_schema)


def _turns(asked: Body, messages: list[fake_talk.Message]) -> tuple[tuple[Turn, ...], int | None]:
    """What was said, the system prompt first, and where the prompt cache ends."""
    blocks = [Inner(type="text", text=asked.system)] if isinstance(asked.system, str) else asked.system or []
    system = [Turn(role="system", text=block.text or "") for block in blocks]
    said, marked = fake_talk.turns(messages)
    if asked.cache_control is not None:
        return (*system, *said), len(system) + len(said)
    if marked is not None:
        return (*system, *said), len(system) + marked
    in_system = [place for place, block in enumerate(blocks, 1) if block.cache_control is not None]
    on_tools = any(tool.cache_control is not None for tool in asked.tools or ())
    return (*system, *said), in_system[-1] if in_system else 0 if on_tools else None


# -- what the vendor checks -------------------------------------------------------------------------------------------


def _check_model(asked: Body, *, vertex: bool) -> None:
    if vertex and not asked.anthropic_version:
        raise Refusal(400, "anthropic_version: Field required")
    if vertex and asked.model is not None:
        raise Refusal(400, "model: Extra inputs are not permitted")
    if not vertex and not asked.model:
        raise Refusal(400, "model: Field required")


def _check_thinking(asked: Body) -> None:
    if asked.thinking is None or not asked.thinks:
        return
    if asked.thinking.type == "enabled":
        if asked.thinking.budget_tokens is None:
            raise Refusal(400, "thinking.enabled.budget_tokens: Field required")
        if asked.thinking.budget_tokens >= (asked.max_tokens or 0):
            raise Refusal(400, _BUDGET)
    if asked.temperature not in (None, 1):
        raise Refusal(400, _TEMPERATURE)
    if asked.tool_choice is not None and asked.tool_choice.type in ("any", "tool"):
        raise Refusal(400, "Thinking may not be enabled when tool_choice forces tool use.")


def _check_tools(asked: Body) -> None:
    for place, tool in enumerate(asked.tools or ()):
        where = f"tools.{place}.custom.input_schema"
        if tool.type in (None, "custom") and tool.input_schema is None:
            raise Refusal(400, f"{where}: Field required")
        if tool.input_schema is not None and tool.input_schema.get("type") != "object":
            what = "Input should be 'object'" if "type" in tool.input_schema else "Field required"
            raise Refusal(400, f"{where}.type: {what}")
    names = [tool.name for tool in asked.tools or ()]
    if len(set(names)) < len(names):
        raise Refusal(400, "tools: Tool names must be unique.")
    choice = asked.tool_choice
    if choice is None:
        return
    if not names and choice.type != "none":
        raise Refusal(400, "tool_choice may only be specified while providing tools.")
    if choice.type == "tool" and choice.name not in names:
        raise Refusal(400, f"Tool '{choice.name}' not found in provided tools")


def _check_marks(asked: Body) -> None:
    blocks = [block.cache_control for message in asked.messages for block in message.blocks]
    blocks += [block.cache_control for block in asked.system or () if isinstance(block, Inner)]
    blocks += [tool.cache_control for tool in asked.tools or ()]
    marks = sum(mark is not None for mark in (*blocks, asked.cache_control))
    if marks > MAX_MARKS:
        raise Refusal(400, f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {marks}.")


def _worded(found: Wrong, role: str) -> str:
    place = f"messages.{found.message}"
    ids = ", ".join(found.ids)
    match found.kind:
        case "no_content" if role == "user":
            return f"{place}: user messages must have non-empty content"
        case "no_content":
            last = "except for the optional final assistant message"
            return f"{place}: all messages must have non-empty content {last}"
        case "blank_text":
            return f"{place}.content.{found.piece}: text content blocks must contain non-whitespace text"
        case "seal":
            what = "`data` in `redacted_thinking`" if found.found == "redacted" else "`signature` in `thinking`"
            return f"{place}.content.{found.piece}: Invalid {what} block"
        case "unanswered":
            return (
                f"{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {ids}. "
                "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
            )
        case "uncalled":
            return (
                f"{place}.content.{found.piece}: unexpected `tool_use_id` found in `tool_result` blocks: {ids}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        case "no_thought":
            tag = {"call": "tool_use"}.get(found.found, found.found)
            return f"{place}.content.0.type: {_THOUGHT_FIRST.format(tag=tag)}"


_THOUGHT_FIRST = (
    "Expected `thinking` or `redacted_thinking`, but found `{tag}`. When `thinking` is enabled, a final `assistant` "
    "message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). "
    "We recommend you include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. "
    "Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
)
_BUDGET = (
    "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at "
    "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size"
)
_TEMPERATURE = (
    "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation at "
    "https://docs.claude.com/en/docs/build-with-claude/extended-thinking#important-considerations-when-using-extended-thinking"
)
_TYPES = {
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "str": "string",
    "array": "list",
    "object": "dictionary",
}


def in_anthropic_words(error: Exception) -> Refusal:
    """Return the refusal for a body that does not fit."""
    found = misfit(error)
    place = found.dotted
    match found.kind:
        case "missing":
            return Refusal(400, f"{place}: Field required")
        case "type" if place:
            want = " or ".join(_TYPES.get(word, word) for word in found.want)
            return Refusal(400, f"{place}: Input should be a valid {want}")
        case "empty":
            return Refusal(400, f"{place}: at least one message is required")
        case "range":
            than = "greater than or equal to" if found.sign == ">" else "less than or equal to"
            return Refusal(400, f"{place}: Input should be {than} {found.bound}")
        case "other" if place:
            return Refusal(400, f"{place}: Input should be valid: {found.what}")
    return Refusal(400, f"The request body is not valid JSON: {found.what}")
