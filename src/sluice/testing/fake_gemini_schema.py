"""The members of a Gemini request that the fake provider reads, and the two spellings of their names. Pure.

Source: ai.google.dev/api/generate-content and /api/caching#Schema, and the types of the official client, read
2026-11-21. Protobuf's JSON allows camelCase and snake_case; members that nobody knows are accepted.
"""

from typing import Annotated

import msgspec

from sluice.testing.fake_asked import Wanted, Wish
from sluice.testing.fake_schema import Schema

_RAW = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "labels",
        "fake",
        "httpbun",
    }
)
"""Members whose inside is the caller's own."""


def camel(value: object) -> object:
    """Return the same value with the API's names in camelCase."""
    if isinstance(value, list):
        return [camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {_camel(name): inner for name, inner in value.items()}
    return {name: inner if name in _RAW else camel(inner) for name, inner in named.items()}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


class _Read(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An object of the request."""


class FunctionCall(_Read, frozen=True):
    name: str
    id: str | None = None
    args: dict[str, object] | None = None


class FunctionResponse(_Read, frozen=True):
    name: str
    id: str | None = None
    response: dict[str, object] | None = None

    @property
    def text(self) -> str:
        """What the tool said: the one text in it, or all of it as JSON."""
        said = list((self.response or {}).values())
        if len(said) == 1 and isinstance(said[0], str):
            return said[0]
        return msgspec.json.encode(self.response or {}).decode()


class Part(_Read, frozen=True):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    inline_data: dict[str, object] | None = None
    file_data: dict[str, object] | None = None
    executable_code: dict[str, object] | None = None
    code_execution_result: dict[str, object] | None = None

    @property
    def empty(self) -> bool:
        kinds = (self.function_call, self.function_response, self.inline_data, self.file_data)
        return self.text is None and all(
            kind is None for kind in (*kinds, self.executable_code, self.code_execution_result)
        )


class Content(_Read, frozen=True):
    role: str | None = None
    parts: list[Part] | None = None

    @property
    def said(self) -> list[Part]:
        return self.parts or []

    @property
    def calls(self) -> list[Part]:
        return [part for part in self.said if part.function_call is not None]

    @property
    def results(self) -> list[FunctionResponse]:
        return [part.function_response for part in self.said if part.function_response is not None]

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.said if part.text is not None and not part.thought)


class Declaration(_Read, frozen=True):
    name: str
    description: str | None = None
    parameters: Schema | None = None
    parameters_json_schema: Schema | None = None

    @property
    def schema(self) -> Schema | None:
        return self.parameters_json_schema if self.parameters is None else lowered(self.parameters)


class Tool(_Read, frozen=True):
    function_declarations: list[Declaration] | None = None


class CallingConfig(_Read, frozen=True):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(_Read, frozen=True):
    function_calling_config: CallingConfig | None = None


class ThinkingConfig(_Read, frozen=True):
    include_thoughts: bool | None = None
    thinking_budget: float | None = None
    thinking_level: str | None = None


class GenerationConfig(_Read, frozen=True):
    candidate_count: Annotated[float, msgspec.Meta(ge=1, le=8)] | None = None
    max_output_tokens: Annotated[float, msgspec.Meta(ge=1)] | None = None
    stop_sequences: Annotated[list[str], msgspec.Meta(max_length=5)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    response_mime_type: str | None = None
    response_schema: Schema | None = None
    response_json_schema: Schema | None = None
    response_logprobs: bool | None = None
    logprobs: Annotated[float, msgspec.Meta(ge=0, le=20)] | None = None
    thinking_config: ThinkingConfig | None = None

    @property
    def schema(self) -> Schema | None:
        if self.response_mime_type != "application/json":
            return None
        found = self.response_json_schema if self.response_schema is None else lowered(self.response_schema)
        return found or {"type": "object", "properties": {"answer": {}}}


class Body(_Read, frozen=True):
    """A request for content."""

    contents: list[Content] = []
    system_instruction: Content | None = None
    tools: list[Tool] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig = GenerationConfig()
    fake: Wish | None = None
    httpbun: Wanted | None = None

    @property
    def declarations(self) -> list[Declaration]:
        return [each for tool in self.tools or () for each in tool.function_declarations or ()]

    @property
    def calling(self) -> CallingConfig:
        found = self.tool_config.function_calling_config if self.tool_config else None
        return found or CallingConfig()


def lowered(schema: Schema) -> Schema:
    """Return a schema of Google's as JSON schema: types in small letters, `nullable` as a type."""
    return {name: _lowered(name, value) for name, value in schema.items()}


def _lowered(name: str, value: object) -> object:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name == "properties" and isinstance(value, dict):
        return {each: lowered(inner) if isinstance(inner, dict) else inner for each, inner in value.items()}
    if isinstance(value, dict) and name != "default":
        return lowered(value)
    if isinstance(value, list) and name == "anyOf":
        return [lowered(inner) if isinstance(inner, dict) else inner for inner in value]
    return value


MAX_SCHEMA_DEPTH = 100
"""Levels of a schema of Google's own; its JSON parser takes no more (`Max recursion depth reached`)."""


def is_too_deep(schema: Schema) -> bool:
    """Whether a schema has more levels than the parser takes. Needs no stack of its own."""
    level: list[object] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return False
    return True


def _within(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


KNOWN_WORDS = frozenset(
    {"additionalProperties", "anyOf", "default", "defs", "description", "enum", "example", "format", "items"}
    | {"maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum"}
    | {"nullable", "pattern", "properties", "propertyOrdering", "ref", "required", "title", "type"}
)
"""The words of Google's own schemas; `parametersJsonSchema` has those of JSON schema."""


def unknown_word(schema: Schema, path: str) -> tuple[str, str] | None:
    """Return the first word that Google's schemas do not know, and where it stands."""
    for name, value in schema.items():
        word = _camel(name)
        if word not in KNOWN_WORDS:
            return name, path
        inner: list[tuple[object, str]] = []
        if word == "properties" and isinstance(value, dict):
            inner = [(each, f"{path}.properties[{place}].value") for place, each in enumerate(value.values())]
        elif word == "anyOf" and isinstance(value, list):
            inner = [(each, f"{path}.any_of[{place}]") for place, each in enumerate(value)]
        elif word == "items":
            inner = [(value, f"{path}.items")]
        for each, place_ in inner:
            found = unknown_word(each, place_) if isinstance(each, dict) else None
            if found is not None:
                return found
    return None
