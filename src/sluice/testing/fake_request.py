"""What the fake provider reads of an OpenAI chat request, and how it refuses one: in the published API's own words.

Pure. Source: platform.openai.com/docs/api-reference/chat and /docs/guides/error-codes, read 2026-11-21. Unknown
members are accepted: a gateway has to pass them on.
"""

from typing import Annotated, Literal

import msgspec

from sluice.testing.fake_asked import Asked, Function, Turn, Wanted, Wish, wanted
from sluice.testing.fake_refusal import UNREADABLE, Refusal, in_openai_words, members, seed
from sluice.testing.fake_schema import Schema


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the request."""


class Part(_Read, frozen=True):
    type: str
    text: str | None = None


class Call(_Read, frozen=True):
    id: str | None = None


class Message(_Read, frozen=True):
    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text of a message, its parts joined; images and files have none."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text is not None)
        return self.content or ""


class NamedFunction(_Read, frozen=True):
    name: str
    description: str | None = None
    parameters: Schema | None = None


class Tool(_Read, frozen=True):
    type: str
    function: NamedFunction | None = None


class StreamOptions(_Read, frozen=True):
    include_usage: bool | None = None


class JsonSchema(_Read, frozen=True):
    schema: Schema | None = None


class ResponseFormat(_Read, frozen=True):
    type: str
    json_schema: JsonSchema | None = None


_Count = Annotated[int, msgspec.Meta(ge=1)]


class _Body(_Read, frozen=True):
    """A chat request."""

    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    model: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    max_tokens: _Count | None = None
    max_completion_tokens: _Count | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    stop: str | Annotated[list[str], msgspec.Meta(max_length=4)] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | Tool | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None
    fake: Wish | None = None
    httpbun: Wanted | None = None

    @property
    def schema(self) -> Schema | None:
        wish = self.response_format
        if wish is None or wish.type not in ("json_schema", "json_object"):
            return None
        found = wish.json_schema.schema if wish.json_schema else None
        return found or {"type": "object", "properties": {"answer": {}}}


class _Named(_Read, frozen=True):
    model: str = ""


_decode_name = msgspec.json.Decoder(_Named).decode


def model_named(body: bytes) -> str:
    """Return the model that any body names, if it does."""
    try:
        return _decode_name(body).model
    except UNREADABLE:
        return ""


_decode = msgspec.json.Decoder(_Body).decode


def read(body: bytes, model: str = "") -> Asked:
    """Return the request. `model`: the deployment that the address names, for a body that names none.

    Raises:
        Refusal: 400; the body is not JSON, a member is missing, of the wrong type or out of bounds, or a tool's
            result answers no call.
    """
    found, once = opened(body)
    if not model and not found.get("model"):
        raise Refusal(400, "you must provide a model parameter")
    try:
        asked = _decode(body)
    except UNREADABLE as error:
        raise in_openai_words(error) from None
    _check_calls(asked.messages)
    turns = tuple(_turn(message) for message in asked.messages)
    choice = asked.tool_choice
    return Asked(
        model=asked.model or model,
        turns=turns,
        seed=once,
        stream=bool(asked.stream),
        wants_usage=bool(asked.stream_options and asked.stream_options.include_usage),
        choices=asked.n or 1,
        max_output=asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens,
        functions=tuple(_function(tool.function) for tool in asked.tools or () if tool.function is not None),
        tool_choice="required" if isinstance(choice, Tool) else choice or "auto",
        only=choice.function.name if isinstance(choice, Tool) and choice.function else "",
        parallel=asked.parallel_tool_calls is not False,
        schema=asked.schema,
        stop=(asked.stop,) if isinstance(asked.stop, str) else tuple(asked.stop or ()),
        reasons=asked.reasoning_effort not in (None, "none"),
        logprobs=bool(asked.logprobs),
        top_logprobs=asked.top_logprobs or 0,
        wanted=wanted(turns, asked.fake if asked.fake is not None else asked.httpbun),
    )


def opened(body: bytes) -> tuple[dict[str, object], bytes]:
    """Return the members of a body for OpenAI, and their seed.

    Raises:
        Refusal: 400; the body is no JSON object.
    """
    try:
        found = members(body)
        return found, seed(found)
    except msgspec.ValidationError:
        raise Refusal(400, "Invalid type for request body: expected an object.", code="invalid_type") from None
    except UNREADABLE:
        raise Refusal(400, _NOT_JSON) from None


def _turn(message: Message) -> Turn:
    name = message.name or ""
    match message.role:
        case "developer" | "system":
            return Turn(role="system", text=message.text, name=name)
        case "tool" | "function":
            return Turn(role="tool", text=message.text, name=name)
        case "user" | "assistant" as role:
            return Turn(role=role, text=message.text, name=name)


def _function(found: NamedFunction) -> Function:
    return Function(name=found.name, description=found.description or "", parameters=found.parameters)


def _check_calls(messages: list[Message]) -> None:
    """Every call is answered at once and nothing else is, as the vendor demands."""
    open_ids: set[str] = set()
    called: set[str] = set()
    """By the last message that is no tool's."""
    for place, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id is None:
                param = f"messages[{place}].tool_call_id"
                sentence = f"Missing required parameter: '{param}'."
                raise Refusal(400, sentence, code="missing_required_parameter", param=param)
            answers = bool(place) and messages[place - 1].role in ("tool", "assistant")
            if not answers or message.tool_call_id not in called:
                raise Refusal(400, _NO_CALL, param=f"messages.[{place}].role")
            open_ids.discard(message.tool_call_id)
        else:
            _check_answered(open_ids, place)
            called = {call.id for call in message.tool_calls or () if call.id is not None}
            open_ids = set(called)
    _check_answered(open_ids, len(messages))


def _check_answered(open_ids: set[str], place: int) -> None:
    if open_ids:
        missing = ", ".join(sorted(open_ids))
        raise Refusal(400, f"{_NO_RESULT}: {missing}", param=f"messages.[{place}].role")


_NO_CALL = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
_NO_RESULT = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
    "The following tool_call_ids did not have response messages"
)
_NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)
