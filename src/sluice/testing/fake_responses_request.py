"""What the fake provider reads of an OpenAI Responses request, and how it refuses one in that vendor's words.

Pure. Source: platform.openai.com/docs/api-reference/responses and /docs/guides/reasoning, and the types of the official
client, read 2026-11-21. Unknown members and items are accepted. The fake keeps no responses: reasoning comes back as
`encrypted_content`, or by an id that the fake made.
"""

from typing import Annotated, Literal

import msgspec

from sluice.testing import fake_seal
from sluice.testing.fake_asked import Asked, Function, Turn, Wanted, Wish, wanted
from sluice.testing.fake_refusal import UNREADABLE, Refusal, in_openai_words
from sluice.testing.fake_request import opened
from sluice.testing.fake_schema import Schema

REASONING = "responses.reasoning"
THOUGHTFUL_CALL = "responses.call after reasoning"
"""What the marked ids are for (see `fake_seal`)."""
SEALED = "responses.encrypted_content"


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the request."""


class Part(_Read, frozen=True):
    type: str
    text: str | None = None
    refusal: str | None = None


class Item(_Read, frozen=True):
    """One item of the input; which members it has depends on its type."""

    type: str = "message"
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[Part] | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[Part] | dict[str, object] | None = None
    encrypted_content: str | None = None

    @property
    def text(self) -> str:
        return _text(self.output if self.type.endswith("_output") else self.content)


def _text(said: str | list[Part] | dict[str, object] | None) -> str:
    if isinstance(said, dict):
        return msgspec.json.encode(said).decode()
    if isinstance(said, list):
        return "\n".join(part.text for part in said if part.text is not None)
    return said or ""


class Tool(_Read, frozen=True):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: Schema | None = None


class Format(_Read, frozen=True):
    type: str
    schema: Schema | None = None


class Text(_Read, frozen=True):
    format: Format | None = None


class Reasoning(_Read, frozen=True):
    effort: str | None = None
    summary: str | None = None


class Body(_Read, frozen=True):
    """A Responses request."""

    model: str | None = None
    input: str | list[Item] | None = None
    instructions: str | None = None
    stream: bool | None = None
    store: bool | None = None
    max_output_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | Tool | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    text: Text | None = None
    include: list[str] | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    previous_response_id: str | None = None
    fake: Wish | None = None
    httpbun: Wanted | None = None

    @property
    def items(self) -> list[Item]:
        if isinstance(self.input, str):
            return [Item(role="user", content=self.input)]
        return self.input or []

    @property
    def schema(self) -> Schema | None:
        wish = self.text.format if self.text else None
        if wish is None or wish.type not in ("json_schema", "json_object"):
            return None
        return wish.schema or {"type": "object", "properties": {"answer": {}}}


_decode = msgspec.json.Decoder(Body).decode


def read(body: bytes, model: str = "") -> Asked:
    """Return the request.

    Raises:
        Refusal: 400 or 404; the body is not JSON, a member is missing, of the wrong type or out of bounds, a call's
            output answers no call, or reasoning comes back changed.
    """
    asked, found, once = read_body(body)
    turns = tuple(_turns(asked))
    choice = asked.tool_choice
    effort = asked.reasoning
    return Asked(
        model=asked.model or model,
        turns=turns,
        seed=once,
        stream=bool(asked.stream),
        max_output=asked.max_output_tokens,
        functions=tuple(
            Function(name=tool.name or "", description=tool.description or "", parameters=tool.parameters)
            for tool in asked.tools or ()
            if tool.type == "function"
        ),
        tool_choice="required" if isinstance(choice, Tool) else choice or "auto",
        only=(choice.name or "") if isinstance(choice, Tool) else "",
        parallel=asked.parallel_tool_calls is not False,
        schema=asked.schema,
        reasons=effort is not None and effort.effort != "none" and effort != Reasoning(),
        shows_reasoning=effort is None or effort.summary is not None,
        seals_reasoning="reasoning.encrypted_content" in (asked.include or ()),
        logprobs="message.output_text.logprobs" in (asked.include or ()),
        top_logprobs=asked.top_logprobs or 0,
        wanted=wanted(turns, asked.fake if asked.fake is not None else asked.httpbun),
        echo=_USUAL | {name: value for name, value in found.items() if name in _USUAL and value is not None},
    )


_USUAL: dict[str, object] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""Members of the request that every response repeats, and what they are if they were not sent."""


def read_body(body: bytes) -> tuple[Body, dict[str, object], bytes]:
    """Return a request, checked, its members, and its seed. Raises as `read` does."""
    found, once = opened(body)
    if not found.get("model"):
        raise Refusal(400, "Missing required parameter: 'model'.", code="missing_required_parameter", param="model")
    try:
        asked = _decode(body)
    except UNREADABLE as error:
        raise in_openai_words(error) from None
    if asked.previous_response_id is not None:
        message = f"Previous response with id '{asked.previous_response_id}' not found."
        raise Refusal(400, message, code="previous_response_not_found", param="previous_response_id")
    if not asked.items:
        raise Refusal(400, _NO_INPUT, code="missing_required_parameter", param="input")
    _check_items(asked)
    return asked, found, once


_NO_INPUT = "Missing required parameter: 'input'."


def _turns(asked: Body) -> list[Turn]:
    turns = [Turn(role="system", text=asked.instructions)] if asked.instructions else []
    for item in asked.items:
        if item.type == "message":
            role = item.role or "user"
            turns.append(Turn(role="system" if role == "developer" else role, text=item.text))
        elif item.type.endswith("_call_output"):
            turns.append(Turn(role="tool", text=item.text))
        elif item.type.endswith("_call") and (not turns or turns[-1].role != "assistant"):
            turns.append(Turn(role="assistant", text=""))
    return turns or [Turn(role="user", text="")]


# -- what the vendor checks -------------------------------------------------------------------------------------------


def _check_items(asked: Body) -> None:
    calls: set[str] = set()
    answered = {item.call_id for item in asked.items if item.type == "function_call_output"}
    reasoned = False
    for place, item in enumerate(asked.items):
        match item.type:
            case "message":
                _check_message(item, place)
                reasoned = reasoned and item.role == "assistant"
            case "reasoning":
                _check_reasoning(item, place, stored=asked.store is not False)
                reasoned = True
            case "function_call":
                _check_call(item, place, reasoned=reasoned)
                calls.add(item.call_id or "")
                if item.call_id not in answered:
                    message = f"No tool output found for function call {item.call_id}."
                    raise Refusal(400, message, param="input")
            case "function_call_output":
                if item.call_id not in calls:
                    message = f"No tool call found for function call output with call_id {item.call_id}."
                    raise Refusal(400, message, param="input")


def _check_message(item: Item, place: int) -> None:
    if item.role is None:
        raise _missing(f"input[{place}].role")
    if item.content is None:
        raise _missing(f"input[{place}].content")
    allowed = ("output_text", "refusal") if item.role == "assistant" else ("input_text", "input_image", "input_file")
    parts = item.content if isinstance(item.content, list) else []
    for position, part in enumerate(parts):
        if part.type not in allowed:
            param = f"input[{place}].content[{position}]"
            names = " and ".join(f"'{name}'" for name in allowed)
            message = f"Invalid value: '{part.type}'. Supported values are: {names}."
            raise Refusal(400, message, code="invalid_value", param=param)


def _check_reasoning(item: Item, place: int, *, stored: bool) -> None:
    if item.encrypted_content is not None:
        if fake_seal.disclosed(SEALED, item.encrypted_content) is None:
            message = f"The encrypted content for item {item.id} could not be verified."
            raise Refusal(400, message, code="invalid_encrypted_content")
        return
    if not stored:
        message = (
            f"Item with id '{item.id}' not found. Items are not persisted when `store` is set to false. Try again with "
            "`store` set to true, or remove this item from your input."
        )
        raise Refusal(404, message, param="input")
    if not fake_seal.is_marked(REASONING, item.id or ""):
        raise Refusal(404, f"Item with id '{item.id}' not found.", param="input")


def _check_call(item: Item, place: int, *, reasoned: bool) -> None:
    for name in ("call_id", "name", "arguments"):
        if getattr(item, name) is None:
            raise _missing(f"input[{place}].{name}")
    if not reasoned and fake_seal.is_marked(THOUGHTFUL_CALL, item.id or ""):
        message = f"Item '{item.id}' of type 'function_call' was provided without its required 'reasoning' item."
        raise Refusal(400, message, param="input")


def _missing(param: str) -> Refusal:
    message = f"Missing required parameter: '{param}'."
    return Refusal(400, message, code="missing_required_parameter", param=param)
