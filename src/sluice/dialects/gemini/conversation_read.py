"""A Gemini client's whole request to the vocabulary, for providers of other dialects.

Each member is looked up in the table (`facts.FIELDS`): read, dropped, refused, or unknown and therefore refused.
"""

import msgspec

from sluice.chat.content import Message, Text
from sluice.chat.conversation import Conversation, Effort, OutputFormat, Thinking, Tool, ToolChoice
from sluice.chat.request import ChatRequest
from sluice.dialects.gemini import history, json_schema
from sluice.dialects.gemini.facts import FIELDS, WORDS
from sluice.dialects.gemini.members import Members, unsupported
from sluice.errors import BadRequest

_EFFORTS: dict[str, Effort] = {
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}


def read(request: ChatRequest) -> Conversation:
    """Read the whole of a request.

    Raises:
        BadRequest: it holds what cannot be translated, or what this API does not allow; `param` names the place.
    """
    body, words = Members(request.fields, ""), dict(WORDS)
    judge(body, "")
    tools = _tools(body)
    choice, tools = _tool_choice(body, tools)
    config = body.object("generationConfig") or Members({}, "generationConfig")
    judge(config, "generationConfig.")
    top = config.whole("logprobs")
    return Conversation(
        messages=(*_system(body), *history.read(body, words)),
        tools=tools,
        tool_choice=choice,
        output=_output(config),
        thinking=_thinking(config),
        choices=config.whole("candidateCount") or 1,
        temperature=config.number("temperature"),
        top_p=config.number("topP"),
        top_k=config.whole("topK"),
        max_tokens=config.whole("maxOutputTokens"),
        stop=tuple(config.texts("stopSequences")),
        seed=config.whole("seed"),
        frequency_penalty=config.number("frequencyPenalty"),
        presence_penalty=config.number("presencePenalty"),
        logprobs=config.flag("responseLogprobs") or False,
        top_logprobs=top,
        words=words,
    )


def judge(known: Members, row: str) -> None:
    """Look up each member in the table, where its name begins with `row`.

    Raises:
        BadRequest: it is refused, or not in the table.
    """
    for name in known:
        # a member's name may hold signs of the table's own, and is then in no row
        field, place = None if "." in name or "[" in name else FIELDS.get(f"{row}{name}"), known.at(name)
        if field is None:
            raise unsupported(place)
        if field.how == "refused":
            raise BadRequest(f"'{place}' cannot be sent to a provider of another API: {field.why}.", param=place)


def _system(body: Members) -> list[Message]:
    """The system instruction. The API's own examples write its `parts` as one object."""
    instruction = body.object("systemInstruction")
    if instruction is None:
        return []
    instruction.only("role", "parts")
    parts = []
    for part in instruction.objects("parts"):
        text = part.text("text")
        if text is None:
            raise BadRequest(f"'{part.place}' is not text: a system instruction is.", param=part.place)
        if text:
            parts.append(Text(text=text))
    return [Message(role="system", parts=tuple(parts))] if parts else []


def _tools(body: Members) -> tuple[Tool, ...]:
    tools: list[Tool] = []
    for row in body.objects("tools"):
        judge(row, "tools[].")
        tools += [_tool(declaration) for declaration in row.objects("functionDeclarations")]
    return tuple(tools)


def _tool(declaration: Members) -> Tool:
    judge(declaration, "tools[].functionDeclarations[].")
    name = declaration.text("name")
    if not name:
        raise BadRequest(f"Missing required parameter: '{declaration.at('name')}'.", param=declaration.at("name"))
    parameters = declaration.raw("parametersJsonSchema")
    schema = declaration.raw("parameters")
    if parameters is None and schema is not None:
        parameters = json_schema.read(schema, declaration.at("parameters"))
    return Tool(name=name, description=declaration.text("description") or "", parameters=parameters)


def _tool_choice(body: Members, tools: tuple[Tool, ...]) -> tuple[ToolChoice | None, tuple[Tool, ...]]:
    """The choice, and the tools it leaves: a list of allowed names takes the others out."""
    config = body.object("toolConfig")
    if config is None:
        return None, tools
    judge(config, "toolConfig.")
    calling = config.object("functionCallingConfig")
    if calling is None:
        return None, tools
    judge(calling, "toolConfig.functionCallingConfig.")
    mode, allowed = calling.text("mode") or "AUTO", calling.texts("allowedFunctionNames")
    known = {tool.name for tool in tools}
    for name in allowed:
        if name not in known:
            place = calling.at("allowedFunctionNames")
            raise BadRequest(f"'{place}' names '{name}', which is no function of this request.", param=place)
    if allowed:
        wanted = frozenset(allowed)
        tools = tuple(tool for tool in tools if tool.name in wanted)
    match mode.upper():
        case "NONE":
            return ToolChoice(mode="none") if tools else None, tools
        case "ANY" if not tools:
            raise BadRequest(f"'{calling.at('mode')}' is ANY, but there is no function.", param=calling.at("mode"))
        case "ANY":
            one = len(allowed) == 1
            return ToolChoice(mode="named", name=allowed[0]) if one else ToolChoice(mode="required"), tools
        case "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED":
            return ToolChoice(mode="auto") if tools else None, tools
        case _:
            raise BadRequest(f"Invalid value for '{calling.at('mode')}': '{mode}'.", param=calling.at("mode"))


def _output(config: Members) -> OutputFormat | None:
    for modality in config.texts("responseModalities"):
        if modality.upper() not in ("TEXT", "MODALITY_UNSPECIFIED"):
            place = config.at("responseModalities")
            raise BadRequest(f"'{place}' asks for {modality}: only TEXT can be translated.", param=place)
    kind, place = config.text("responseMimeType") or "text/plain", config.at("responseMimeType")
    if kind not in ("text/plain", "application/json"):
        raise BadRequest(f"'{place}' asks for {kind}: only text and JSON can be translated.", param=place)
    schema: msgspec.Raw | None = config.raw("responseJsonSchema")
    own = config.raw("responseSchema")
    if schema is None and own is not None:
        schema = json_schema.read(own, config.at("responseSchema"))
    return OutputFormat(schema=schema) if schema is not None or kind == "application/json" else None


def _thinking(config: Members) -> Thinking | None:
    thinking = config.object("thinkingConfig")
    if thinking is None:
        return None
    thinking.only("thinkingBudget", "thinkingLevel", "includeThoughts")
    budget, level = thinking.whole("thinkingBudget"), (thinking.text("thinkingLevel") or "").upper()
    if level not in ("", "THINKING_LEVEL_UNSPECIFIED", *_EFFORTS):
        place = thinking.at("thinkingLevel")
        raise BadRequest(f"Invalid value for '{place}': '{level}'.", param=place)
    return Thinking(
        effort=_EFFORTS.get(level),
        budget_tokens=budget if budget is None or budget >= 0 else None,
        adaptive=budget is not None and budget < 0,
        show=thinking.flag("includeThoughts"),
    )
