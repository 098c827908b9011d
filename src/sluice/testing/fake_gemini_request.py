"""What the fake provider makes of a Gemini request, and how it refuses one in that vendor's words.

Pure. Source: ai.google.dev/api/generate-content, /gemini-api/docs/thought-signatures and /function-calling, read
2026-11-21.
"""

import re
from typing import Literal

import msgspec

from sluice.testing import fake_seal
from sluice.testing.fake_asked import Asked, Function, Turn, wanted
from sluice.testing.fake_gemini_schema import (
    Body,
    Content,
    Declaration,
    FunctionCall,
    Part,
    camel,
    is_too_deep,
    unknown_word,
)
from sluice.testing.fake_refusal import UNREADABLE, Refusal, members, misfit, seed

THOUGHT = "gemini.thought_signature"
"""What the sealed values are for (see `fake_seal`)."""
FOREIGN = frozenset({"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"})
"""Signatures that the vendor takes for calls which its models did not make."""

TOO_DEEP = "Invalid JSON payload received. Message too deep. Max recursion depth reached."

_ALWAYS_THINKS = re.compile(r"^(?:models/)?gemini-[3-9]")
_FUNCTION_NAME = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$")
_MODES: dict[str, Literal["none", "auto", "required"]] = {"ANY": "required", "NONE": "none"}


def read(body: bytes, model: str = "") -> Asked:
    """Return the request.

    Raises:
        Refusal: 400; the body is not JSON, a member is of the wrong type or out of bounds, a function's response
            answers no call, or a thought signature is missing or changed.
    """
    try:
        found = members(body)
        once = seed(found)
        asked = msgspec.convert(camel(found), Body)
    except UNREADABLE as error:
        raise in_googles_words(error) from None
    return _asked(asked, once, model)


def read_count(body: bytes, model: str = "") -> Asked:
    """Return a request whose tokens are to be counted: contents, or a whole request. Raises as `read` does."""
    try:
        found = members(body)
        inner = camel(found)
        whole = inner.get("generateContentRequest", inner) if isinstance(inner, dict) else inner
        asked = msgspec.convert(whole, Body)
        return _asked(asked, seed(found), model)
    except UNREADABLE as error:
        raise in_googles_words(error) from None


def _asked(asked: Body, once: bytes, model: str) -> Asked:
    _check(asked, model)
    turns = tuple(_turns(asked))
    config = asked.generation_config
    thinking = config.thinking_config
    allowed = asked.calling.allowed_function_names or []
    always = thinks_always(model)
    return Asked(
        model=model,
        turns=turns,
        seed=once,
        choices=int(config.candidate_count or 1),
        max_output=None if config.max_output_tokens is None else int(config.max_output_tokens),
        functions=tuple(
            Function(name=each.name, description=each.description or "", parameters=each.schema)
            for each in asked.declarations
            if not allowed or each.name in allowed
        ),
        tool_choice=_MODES.get((asked.calling.mode or "").upper(), "auto"),
        only=allowed[0] if len(allowed) == 1 else "",
        schema=config.schema,
        stop=tuple(config.stop_sequences or ()),
        reasons=always or (thinking is not None and thinking.thinking_budget != 0),
        shows_reasoning=bool(thinking and thinking.include_thoughts),
        logprobs=bool(config.response_logprobs),
        top_logprobs=int(config.logprobs or 0),
        wanted=wanted(turns, asked.fake if asked.fake is not None else asked.httpbun),
    )


def thinks_always(model: str) -> bool:
    """Return whether a model is of the families that think unasked and demand their signatures back."""
    return _ALWAYS_THINKS.match(model) is not None


def _turns(asked: Body) -> list[Turn]:
    system = asked.system_instruction
    turns = [Turn(role="system", text=system.text)] if system is not None and system.said else []
    for content in asked.contents:
        results = content.results
        turns += [Turn(role="tool", text=result.text) for result in results]
        if content.role == "model":
            turns.append(Turn(role="assistant", text=content.text))
        elif len(results) < len(content.said):
            turns.append(Turn(role="user", text=content.text))
    return turns


# -- signatures -------------------------------------------------------------------------------------------------------


def signature(call: FunctionCall | None) -> str:
    """Return the signature of a call, or of a part that is none."""
    return fake_seal.enclose(THOUGHT, _signed(call))


def _signed(call: FunctionCall | None) -> str:
    if call is None:
        return "text"
    return call.name + " " + msgspec.json.encode(call.args or {}, order="deterministic").decode()


def _is_genuine(part: Part) -> bool:
    """Whether a signature is the one that this part was given. Base64 comes back in either alphabet."""
    given = part.thought_signature or ""
    if given in FOREIGN:
        return part.function_call is not None
    plain = given.replace("-", "+").replace("_", "/")
    sealed = fake_seal.disclosed(THOUGHT, plain + "=" * (-len(plain) % 4))
    return sealed is not None and (part.function_call is None or sealed == _signed(part.function_call))


def _check_signatures(contents: list[Content], *, demanded: bool) -> None:
    for place, content in enumerate(contents):
        for position, part in enumerate(content.said):
            if part.thought_signature is not None and not _is_genuine(part):
                raise Refusal(400, f"Corrupted thought signature in contents[{place}].parts[{position}].")
    if not demanded:
        return
    for place in range(len(contents) - 1, -1, -1):
        content = contents[place]
        if content.role != "model" and not content.results:
            break  # the turn that is under way began here
        if content.calls and content.calls[0].thought_signature is None:
            call = content.calls[0].function_call
            assert call is not None
            raise Refusal(400, _UNSIGNED.format(name=call.name, place=place + 1))


_UNSIGNED = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "
    "and missing thought_signature may lead to degraded model performance. Additional data, function call "
    "`default_api:{name}` , position {place}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures "
    "for more details."
)

# -- what else the vendor checks --------------------------------------------------------------------------------------


def _check(asked: Body, model: str) -> None:
    if asked.generation_config.response_schema is not None and is_too_deep(asked.generation_config.response_schema):
        raise Refusal(400, TOO_DEEP)
    if not asked.contents:
        raise Refusal(400, "* GenerateContentRequest.contents: contents is not specified\n")
    for place, content in enumerate(asked.contents):
        if content.role not in (None, "user", "model", "function"):
            raise Refusal(400, "Please use a valid role: user, model.")
        if not content.said:
            where = f"* GenerateContentRequest.contents[{place}].parts"
            raise Refusal(400, f"{where}: contents.parts must not be empty.\n")
        for position, part in enumerate(content.said):
            if part.empty and part.thought_signature is None:
                where = f"* GenerateContentRequest.contents[{place}].parts[{position}].data"
                raise Refusal(400, f"{where}: required oneof field 'data' must have one initialized field\n")
    _check_calls(asked.contents)
    _check_declarations(asked.declarations)
    if asked.calling.allowed_function_names and (asked.calling.mode or "").upper() not in ("ANY", "VALIDATED"):
        raise Refusal(400, "Allowed function names should only be set when function calling mode is ANY.")
    _check_signatures(asked.contents, demanded=thinks_always(model))


def _check_calls(contents: list[Content]) -> None:
    for place, content in enumerate(contents):
        before = contents[place - 1] if place else Content()
        after = contents[place + 1] if place + 1 < len(contents) else Content()
        if content.calls and (not place or before.role == "model"):
            raise Refusal(400, _CALL_TURN)
        if content.results and not before.calls:
            raise Refusal(400, _RESPONSE_TURN)
        if content.calls and len(after.results) != len(content.calls):
            raise Refusal(400, _COUNT)
        names = [part.function_call.name for part in content.calls if part.function_call is not None]
        if content.calls and sorted(names) != sorted(result.name for result in after.results):
            raise Refusal(400, "Please ensure that function response parts name the functions that were called.")


_CALL_TURN = (
    "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
)
_RESPONSE_TURN = "Please ensure that function response turn comes immediately after a function call turn."
_COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function call parts of the "
    "function call turn."
)


def _check_declarations(declarations: list[Declaration]) -> None:
    for place, declaration in enumerate(declarations):
        where = f"tools[0].function_declarations[{place}]"
        if not _FUNCTION_NAME.match(declaration.name):
            raise Refusal(400, f"* GenerateContentRequest.{where}.name: Invalid function name.\n")
        if declaration.parameters is None:
            continue
        if is_too_deep(declaration.parameters):
            raise Refusal(400, TOO_DEEP)
        if declaration.parameters_json_schema is not None:
            raise Refusal(400, f"* {where}: parameters and parameters_json_schema cannot both be set.\n")
        unknown = unknown_word(declaration.parameters, f"{where}.parameters")
        if unknown is not None:
            word, path = unknown
            raise Refusal(
                400, f"Invalid JSON payload received. Unknown name \"{word}\" at '{path}': Cannot find field."
            )
    names = [declaration.name for declaration in declarations]
    if len(set(names)) < len(names):
        raise Refusal(400, "Duplicate function declaration found.")


def in_googles_words(error: Exception) -> Refusal:
    """Return the refusal for a body that does not fit."""
    found = misfit(error)
    path = re.sub(r"(?<=[a-z])([A-Z])", lambda match: "_" + match[1].lower(), found.path)
    if found.kind == "type" and path:
        kinds = {"str": "TYPE_STRING", "bool": "TYPE_BOOL", "int": "TYPE_INT32", "float": "TYPE_FLOAT"}
        kind = kinds.get(found.want[0] if found.want else "", "MESSAGE")
        return Refusal(400, f"Invalid value at '{path}' ({kind}), {found.got}")
    if path:
        return Refusal(400, f"* GenerateContentRequest.{path}: {found.what}\n")
    return Refusal(400, f"Invalid JSON payload received. {found.what}")
