"""What the fake provider makes of a Bedrock Converse request, and how it refuses one in that vendor's words.

Pure. Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, the service model of botocore
(bedrock-runtime, 2023-09-30) and, for thinking, docs.claude.com/en/docs/build-with-claude/extended-thinking, read
2026-11-21. The models behind this door are Claude's: their members stand in `additionalModelRequestFields`.
"""

from itertools import pairwise

import msgspec

from sluice.testing import fake_talk
from sluice.testing.fake_asked import Asked, Function, Turn, wanted
from sluice.testing.fake_converse_schema import Body, CountBody, OutputConfig
from sluice.testing.fake_refusal import UNREADABLE, Refusal, members, misfit, seed
from sluice.testing.fake_schema import Schema
from sluice.testing.fake_talk import Message as Said
from sluice.testing.fake_talk import Wrong

_decode = msgspec.json.Decoder(Body).decode
_decode_count = msgspec.json.Decoder(CountBody).decode


def read(body: bytes, model: str = "") -> Asked:
    """Return the request.

    Raises:
        Refusal: 400; the body is not JSON, a member is missing, of the wrong type or out of bounds, roles do not
            alternate, a tool's result answers no call, or reasoning comes back changed.
    """
    try:
        found = members(body)
        return _asked(_decode(body), seed(found), model)
    except UNREADABLE as error:
        raise in_amazons_words(error) from None


def read_count(body: bytes, model: str = "") -> Asked:
    """Return a request whose tokens are to be counted. Raises as `read` does."""
    try:
        found = members(body)
        return _asked(_decode_count(body).input.converse, seed(found), model)
    except UNREADABLE as error:
        raise in_amazons_words(error) from None


def _asked(asked: Body, once: bytes, model: str) -> Asked:
    fields = asked.additional_model_request_fields
    messages = [message.said for message in asked.messages]
    _check(asked, messages)
    turns, marked = _turns(asked, messages)
    choice = asked.choice
    return Asked(
        model=model,
        turns=turns,
        seed=once,
        max_output=asked.inference_config.max_tokens,
        functions=tuple(
            Function(name=spec.name, description=spec.description or "", parameters=spec.input_schema.json)
            for spec in asked.specs
        ),
        tool_choice="auto" if choice.any is None and choice.tool is None else "required",
        only=choice.tool.name if choice.tool is not None else "",
        parallel=not (fields.tool_choice and fields.tool_choice.disable_parallel_tool_use),
        schema=_schema(asked.output_config),
        stop=tuple(asked.inference_config.stop_sequences or ()),
        reasons=fields.thought is not None,
        marked=marked,
        wanted=wanted(turns, asked.wish),
    )


def _schema(config: OutputConfig | None) -> Schema | None:
    wish = config.text_format if config is not None else None
    if wish is None:
        return None
    if wish.structure.json_schema is None:
        return {"type": "object"}
    return members(wish.structure.json_schema.schema.encode())


def _turns(asked: Body, messages: list[Said]) -> tuple[tuple[Turn, ...], int | None]:
    system: list[Turn] = []
    marked = 0 if asked.tool_config and any(tool.cache_point for tool in asked.tool_config.tools) else None
    for block in asked.system:
        if block.text is not None:
            system.append(Turn(role="system", text=block.text))
        elif block.cache_point is not None:
            marked = len(system)
    said, inside = fake_talk.turns(messages)
    return (*system, *said), marked if inside is None else len(system) + inside


# -- what the vendor checks -------------------------------------------------------------------------------------------

_MODEL_SAYS = "The model returned the following errors: "


def _check(asked: Body, messages: list[Said]) -> None:
    if messages[0].role != "user":
        raise Refusal(400, "A conversation must start with a user message. Try again with a conversation that does so.")
    for before, after in pairwise(messages):
        if before.role == after.role:
            raise Refusal(400, f'{_MODEL_SAYS}messages: roles must alternate between "user" and "assistant"')
    used = any(piece.kind in ("call", "result") for message in messages for piece in message.pieces)
    if used and asked.tool_config is None:
        raise Refusal(400, "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
    names = [block.document.name for message in asked.messages for block in message.content if block.document]
    if len(set(names)) < len(names):
        raise Refusal(400, f"{_MODEL_SAYS}messages: Duplicate document name. Document names must be unique.")
    tool = asked.choice.tool
    if tool is not None and tool.name not in [spec.name for spec in asked.specs]:
        raise Refusal(400, f"{_MODEL_SAYS}tool_choice: Tool '{tool.name}' not found in provided tools")
    _check_thinking(asked)
    thought = asked.additional_model_request_fields.thought
    found = fake_talk.wrong(messages, thinks=thought is not None and thought.type == "enabled")
    if found is not None:
        raise Refusal(400, _worded(found))


def _check_thinking(asked: Body) -> None:
    thought = asked.additional_model_request_fields.thought
    if thought is None:
        return
    most = asked.inference_config.max_tokens
    if thought.budget_tokens is not None and most is not None and thought.budget_tokens >= most:
        raise Refusal(400, f"{_MODEL_SAYS}`max_tokens` must be greater than `thinking.budget_tokens`.")
    if asked.inference_config.temperature not in (None, 1):
        raise Refusal(400, f"{_MODEL_SAYS}`temperature` may only be set to 1 when thinking is enabled.")
    if asked.choice.any is not None or asked.choice.tool is not None:
        raise Refusal(400, f"{_MODEL_SAYS}Thinking may not be enabled when tool_choice forces tool use.")


def _worded(found: Wrong) -> str:
    place, ids = f"messages.{found.message}.content", ", ".join(found.ids)
    match found.kind:
        case "no_content":
            return f"The content field in the Message object at messages.{found.message} is empty. Add a ContentBlock."
        case "blank_text":
            where = f"The text field in the ContentBlock object at {place}.{found.piece}"
            return f"{where} is blank. Add text to the text field, and try again."
        case "unanswered":
            return f"Expected toolResult blocks at messages.{found.message + 1}.content for the following Ids: {ids}"
        case "uncalled":
            return f"The toolResult blocks at {place} contain Ids that no toolUse block of the previous turn has: {ids}"
        case "seal":
            return f"{_MODEL_SAYS}{place}.{found.piece}: Invalid `signature` in `thinking` block"
        case "no_thought":
            return (
                f"{_MODEL_SAYS}{place}.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When "
                "`thinking` is enabled, a final `assistant` message must start with a thinking block."
            )


def in_amazons_words(error: Exception) -> Refusal:
    """Return the refusal for a body that does not fit."""
    found = misfit(error)
    if not found.path:
        return Refusal(400, f"Malformed input request: {found.what}")
    if found.kind == "missing":
        head = "1 validation error detected: Value at"
        return Refusal(400, f"{head} '{found.dotted}' failed to satisfy constraint: Member must not be null")
    return Refusal(400, f"The value at {found.dotted} is not valid: {found.what}")
