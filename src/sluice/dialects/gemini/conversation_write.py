"""The vocabulary to a request of Gemini's, for clients of other dialects.

Source: ai.google.dev/api/generate-content and google.genai.types (GenerateContentConfig), read 2026-11-21.
"""

from collections.abc import Mapping, Sequence

from sluice.chat import carry
from sluice.chat.content import Media, Message, Part, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import (
    Conversation,
    Thinking,
    Tool,
    ToolChoice,
    budget_of,
    effort_of,
    with_tool_names,
)
from sluice.chat.seal import Reasoning
from sluice.dialects import objects
from sluice.dialects.gemini import media, results
from sluice.dialects.gemini.facts import FACTS
from sluice.dialects.gemini.reseal import UNSEALED, wants_seals
from sluice.dialects.gemini.schema import MODULE_ID
from sluice.dialects.writing import to_json
from sluice.errors import BadRequest

MAX_STOPS = 5
"""Stop sequences that the API takes."""

_Row = dict[str, object]
_SILENCE: _Row = {"text": ""}


def write(conversation: Conversation, *, model: str) -> bytes:
    """Write the body for `models/{model}:generateContent` or `:streamGenerateContent`.

    Raises:
        BadRequest: something of it cannot be said to Gemini.
    """
    conversation = carry.fit(conversation, FACTS.carries, FACTS.title)
    if len(conversation.stop) > MAX_STOPS:
        word = conversation.words.get("stop", "stop")
        raise BadRequest(f"'{word}' holds more than {MAX_STOPS} sequences, which Gemini does not take.", param=word)
    system, contents = _contents(conversation, model)
    body: _Row = {}
    if system and contents:
        body["systemInstruction"] = {"parts": system}
    # A request without contents is none: instructions alone are then what the user says.
    spoken = contents or [("user", system)]
    if all(part == _SILENCE for _, parts in spoken for part in parts):
        raise BadRequest("At least one message that says something is needed.", param="messages")
    body["contents"] = [{"role": role, "parts": parts} for role, parts in spoken]
    if conversation.tools:
        body["tools"] = [{"functionDeclarations": [_tool(tool) for tool in conversation.tools]}]
    if conversation.tool_choice is not None:
        body["toolConfig"] = {"functionCallingConfig": _tool_choice(conversation.tool_choice)}
    if config := _config(conversation, model):
        body["generationConfig"] = config
    return to_json(body)


def _tool(tool: Tool) -> _Row:
    row: _Row = {"name": tool.name}
    if tool.description:
        row["description"] = tool.description
    if tool.parameters is not None:
        row["parametersJsonSchema"] = tool.parameters
    return row


def _tool_choice(choice: ToolChoice) -> _Row:
    match choice.mode:
        case "none":
            return {"mode": "NONE"}
        case "required":
            return {"mode": "ANY"}
        case "named":
            return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
        case "auto":
            return {"mode": "AUTO"}


def _config(asked: Conversation, model: str) -> _Row:
    said: _Row = {
        "temperature": asked.temperature,
        "topP": asked.top_p,
        "topK": asked.top_k,
        "maxOutputTokens": asked.max_tokens,
        "seed": asked.seed,
        "presencePenalty": asked.presence_penalty,
        "frequencyPenalty": asked.frequency_penalty,
        "candidateCount": asked.choices if asked.choices > 1 else None,
        "stopSequences": asked.stop or None,
        "responseLogprobs": asked.logprobs or None,
        "logprobs": asked.top_logprobs or None,
    }
    config = {name: value for name, value in said.items() if value is not None}
    if asked.output is not None:
        config["responseMimeType"] = "application/json"
        if asked.output.schema is not None:
            config["responseJsonSchema"] = asked.output.schema
    if asked.thinking is not None and (thinking := _thinking(asked.thinking, model)):
        config["thinkingConfig"] = thinking
    return config


def _thinking(thinking: Thinking, model: str) -> _Row:
    """gemini-3 and later think by level and cannot be kept from it; those before think by budget."""
    config: _Row = {}
    if wants_seals(model):
        effort = effort_of(thinking)
        if effort is not None:
            config["thinkingLevel"] = "high" if effort in ("medium", "high", "xhigh") else "low"
    else:
        budget = budget_of(thinking)
        if budget is None and thinking.adaptive:
            budget = -1  # the API's word for: as the model sees fit
        if budget is not None:
            config["thinkingBudget"] = budget
    if thinking.show is not None or not thinking.off:
        # Who asks for reasoning in another dialect is shown it there unless they say no; here only on request.
        config["includeThoughts"] = thinking.show is not False and not thinking.off
    return config


# -- messages ---------------------------------------------------------------------------------------------------------


def _contents(conversation: Conversation, model: str) -> tuple[list[_Row], list[tuple[str, list[_Row]]]]:
    """The parts of the system instruction, and the contents as (role, parts). Adjacent contents of a role are joined,
    but results of functions keep one of their own: it has to follow the calls, with as many results as there were
    calls."""
    system: list[_Row] = []
    rows: list[tuple[str, list[_Row]]] = []
    for index, message in enumerate(with_tool_names(conversation.messages)):
        if message.role == "system":
            system += [{"text": part.text} for part in message.parts if isinstance(part, Text)]
            continue
        for kind, parts in _spoken(message, conversation.words, model, f"messages[{index}]"):
            if rows and rows[-1][0] == kind:
                rows[-1][1].extend(parts)
            elif parts:
                rows.append((kind, parts))
    return system, [("model" if kind == "model" else "user", parts) for kind, parts in rows]


def _spoken(message: Message, words: Mapping[str, str], model: str, place: str) -> list[tuple[str, list[_Row]]]:
    """A message as (kind, parts): `model`, `results`, `user`."""
    if message.role == "assistant":
        parts = _model_parts(carry.own_seals(message, MODULE_ID), words, place)
        return [("model", _with_dummy(parts) if wants_seals(model) else parts)]
    answers: list[_Row] = []
    beside: list[_Row] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            pictures = [media.write(each, words) for each in part.parts if isinstance(each, Media)]
            within = wants_seals(model)
            answers.append(results.write(part, pictures if within else []))
            beside += [] if within else pictures
    said = [_plain(part, words) for part in message.parts if isinstance(part, Text | Refusal | Media)]
    return [("results", answers), ("user", [*beside, *said])]


def _plain(part: Text | Refusal | Media, words: Mapping[str, str]) -> _Row:
    return media.write(part, words) if isinstance(part, Media) else {"text": part.text}


def _model_parts(parts: Sequence[Part], words: Mapping[str, str], place: str) -> list[_Row]:
    """A model's parts, each signature on the part where Gemini gave it."""
    rows: list[_Row] = []
    signature = ""
    for at, part in objects.placed(parts, place):
        match part:
            case Text(text="") | Refusal(text=""):
                pass
            case Text() | Refusal() | Media():
                rows.append(_plain(part, words))
            case ToolUse():
                call: _Row = {"id": part.id} if part.id else {}
                call |= {"name": part.name, "args": objects.arguments(part, at)}
                rows.append({"functionCall": call} | ({"thoughtSignature": signature} if signature else {}))
                signature = ""
            case Reasoning():
                signature = _thought(part, rows)
            case _:
                pass  # a tool's result is a part of a user's message
    return rows


def _thought(part: Reasoning, rows: list[_Row]) -> str:
    """Write sealed reasoning; return the signature that the next call carries. Without a seal Gemini takes none."""
    if part.seal is None:
        return ""
    signed: _Row = {"thoughtSignature": part.seal.data}
    if part.seal.kind == "text":
        last = rows[-1] if rows else {}
        if "text" in last and "thought" not in last and "thoughtSignature" not in last:
            last |= signed
        else:
            rows.append({"text": ""} | signed)
        return ""
    if part.seal.kind == "call":
        if part.text:
            rows.append({"text": part.text, "thought": True})
        return part.seal.data
    rows.append({"text": part.text, "thought": True} | signed)
    return ""


def _with_dummy(parts: list[_Row]) -> list[_Row]:
    """Mark the first call of a turn that another model made."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None and "thoughtSignature" not in first:
        first["thoughtSignature"] = UNSEALED
    return parts
