"""How each dialect asks the fake, reads its answer and goes on with a tool's result; and the fake without a socket."""

from collections.abc import Callable

import msgspec

from sluice.gateway.ports import Request
from sluice.testing import fake_fold, fake_frames
from sluice.testing.fake_desk import Desk, Options
from sluice.testing.fake_script import Script
from sluice.wire.http1 import Header
from sluice.wire.sse import SseDecoder

Json = dict[str, object]
WEATHER: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = ("get_weather", "get_time")
PLAIN = Options()
DIALECTS = ("chat", "messages", "responses", "gemini", "converse")


class Plain(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, whatever the dialect."""

    reasoning: str = ""
    text: str = ""
    calls: tuple[tuple[str, object], ...] = ()


def rows(value: object) -> list[Json]:
    return msgspec.convert(value, list[Json])


def obj(value: object) -> Json:
    return msgspec.convert(value, Json)


# -- how each dialect asks, answers, and goes on ----------------------------------------------------------------------


def ask_chat(question: str, *, tools: bool = False, thinks: bool = False) -> Json:
    body: Json = {"model": "m", "messages": [{"role": "user", "content": question}]}
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": n, "parameters": WEATHER}} for n in TOOLS]
    return body | ({"reasoning_effort": "low"} if thinks else {})


def read_chat(body: Json) -> Plain:
    message = obj(obj(rows(body["choices"])[0])["message"])
    functions = [obj(call["function"]) for call in rows(message.get("tool_calls") or [])]
    return Plain(
        reasoning=str(message.get("reasoning_content") or ""),
        text=str(message["content"] or message["refusal"] or ""),
        calls=tuple((str(f["name"]), msgspec.json.decode(str(f["arguments"]))) for f in functions),
    )


def go_on_chat(body: Json, answer: Json, result: str) -> Json:
    message = obj(obj(rows(answer["choices"])[0])["message"])
    results = [{"role": "tool", "tool_call_id": c["id"], "content": result} for c in rows(message["tool_calls"])]
    return body | {"messages": [*rows(body["messages"]), message, *results]}


def ask_messages(question: str, *, tools: bool = False, thinks: bool = False) -> Json:
    body: Json = {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": question}]}
    if tools:
        body["tools"] = [{"name": n, "input_schema": WEATHER} for n in TOOLS]
    return body | ({"thinking": {"type": "enabled", "budget_tokens": 1024}} if thinks else {})


def read_messages(body: Json) -> Plain:
    blocks = rows(body["content"])
    return Plain(
        reasoning="".join(str(b["thinking"]) for b in blocks if b["type"] == "thinking"),
        text="".join(str(b["text"]) for b in blocks if b["type"] == "text"),
        calls=tuple((str(b["name"]), b["input"]) for b in blocks if b["type"] == "tool_use"),
    )


def go_on_messages(body: Json, answer: Json, result: str) -> Json:
    calls = [b["id"] for b in rows(answer["content"]) if b["type"] == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call, "content": result} for call in calls]
    said = [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": results}]
    return body | {"messages": [*rows(body["messages"]), *said]}


def ask_responses(question: str, *, tools: bool = False, thinks: bool = False) -> Json:
    body: Json = {"model": "m", "input": [{"role": "user", "content": question}], "store": False}
    if tools:
        body["tools"] = [{"type": "function", "name": n, "parameters": WEATHER} for n in TOOLS]
    reasoning = {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    return body | (reasoning if thinks else {})


def read_responses(body: Json) -> Plain:
    items = rows(body["output"])
    summaries = [part for item in items if item["type"] == "reasoning" for part in rows(item["summary"])]
    parts = [part for item in items if item["type"] == "message" for part in rows(item["content"])]
    calls = [item for item in items if item["type"] == "function_call"]
    return Plain(
        reasoning="".join(str(part["text"]) for part in summaries),
        text="".join(str(part.get("text") or part.get("refusal") or "") for part in parts),
        calls=tuple((str(c["name"]), msgspec.json.decode(str(c["arguments"]))) for c in calls),
    )


def go_on_responses(body: Json, answer: Json, result: str) -> Json:
    calls = [item["call_id"] for item in rows(answer["output"]) if item["type"] == "function_call"]
    results = [{"type": "function_call_output", "call_id": call, "output": result} for call in calls]
    return body | {"input": [*rows(body["input"]), *rows(answer["output"]), *results]}


def ask_gemini(question: str, *, tools: bool = False, thinks: bool = False) -> Json:
    body: Json = {"contents": [{"role": "user", "parts": [{"text": question}]}]}
    if tools:
        body["tools"] = [{"functionDeclarations": [{"name": n, "parametersJsonSchema": WEATHER} for n in TOOLS]}]
    return body | ({"generationConfig": {"thinkingConfig": {"includeThoughts": True}}} if thinks else {})


def read_gemini(body: Json) -> Plain:
    parts = rows(obj(rows(body["candidates"])[0]["content"]).get("parts") or [])
    calls = [obj(part["functionCall"]) for part in parts if "functionCall" in part]
    return Plain(
        reasoning="".join(str(part["text"]) for part in parts if part.get("thought")),
        text="".join(str(part.get("text", "")) for part in parts if not part.get("thought")),
        calls=tuple((str(call["name"]), call["args"]) for call in calls),
    )


def go_on_gemini(body: Json, answer: Json, result: str) -> Json:
    content = obj(rows(answer["candidates"])[0]["content"])
    names = [obj(part["functionCall"])["name"] for part in rows(content["parts"]) if "functionCall" in part]
    parts = [{"functionResponse": {"name": name, "response": {"result": result}}} for name in names]
    return body | {"contents": [*rows(body["contents"]), content, {"role": "user", "parts": parts}]}


def ask_converse(question: str, *, tools: bool = False, thinks: bool = False) -> Json:
    body: Json = {"messages": [{"role": "user", "content": [{"text": question}]}]}
    if tools:
        specs = [{"toolSpec": {"name": n, "inputSchema": {"json": WEATHER}}} for n in TOOLS]
        body["toolConfig"] = {"tools": specs}
    fields = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    return body | ({"additionalModelRequestFields": fields} if thinks else {})


def read_converse(body: Json) -> Plain:
    blocks = rows(obj(obj(body["output"])["message"])["content"])
    thoughts = [obj(obj(b["reasoningContent"])["reasoningText"]) for b in blocks if "reasoningContent" in b]
    uses = [obj(b["toolUse"]) for b in blocks if "toolUse" in b]
    return Plain(
        reasoning="".join(str(thought["text"]) for thought in thoughts),
        text="".join(str(b.get("text", "")) for b in blocks),
        calls=tuple((str(use["name"]), use["input"]) for use in uses),
    )


def go_on_converse(body: Json, answer: Json, result: str) -> Json:
    message = obj(obj(answer["output"])["message"])
    uses = [obj(b["toolUse"])["toolUseId"] for b in rows(message["content"]) if "toolUse" in b]
    results = [{"toolResult": {"toolUseId": use, "content": [{"text": result}]}} for use in uses]
    return body | {"messages": [*rows(body["messages"]), message, {"role": "user", "content": results}]}


class Dialect(msgspec.Struct, frozen=True):
    ask: Callable[..., Json]
    read: Callable[[Json], Plain]
    go_on: Callable[[Json, Json, str], Json]
    path: str
    stream_path: str = ""
    headers: tuple[Header, ...] = ()


SPOKEN = {
    "chat": Dialect(ask_chat, read_chat, go_on_chat, "/v1/chat/completions"),
    "messages": Dialect(
        ask_messages, read_messages, go_on_messages, "/v1/messages", headers=((b"anthropic-version", b"2023-06-01"),)
    ),
    "responses": Dialect(ask_responses, read_responses, go_on_responses, "/v1/responses"),
    "gemini": Dialect(
        ask_gemini,
        read_gemini,
        go_on_gemini,
        "/v1beta/models/gemini-3-pro:generateContent",
        "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
    ),
    "converse": Dialect(ask_converse, read_converse, go_on_converse, "/model/m/converse", "/model/m/converse-stream"),
}


def script(path: str, body: Json | bytes, headers: tuple[Header, ...] = (), options: Options = PLAIN) -> Script:
    """What the fake answers."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Desk(options, lambda: 1_744_306_752.0).answer(request(path, content, headers))


def sent(answer: Script) -> bytes:
    return b"".join(chunk for chunk in answer.chunks if isinstance(chunk, bytes))


def whole(name: str, body: Json) -> Json:
    spoken = SPOKEN[name]
    answer = script(spoken.path, body, spoken.headers)
    assert answer.status == 200, sent(answer)
    return msgspec.json.decode(sent(answer), type=Json)


def streamed(name: str, body: Json) -> Json:
    """What the stream adds up to."""
    spoken = SPOKEN[name]
    asked = body if spoken.stream_path else body | {"stream": True, "stream_options": {"include_usage": True}}
    answer = script(spoken.stream_path or spoken.path, asked, spoken.headers)
    assert answer.status == 200
    data = sent(answer)
    if name == "converse":
        return fake_fold.converse([fake_frames.read(message) for message in fake_frames.parted(data)])
    said = [frame.data for frame in SseDecoder().feed(data) if frame.data and frame.data != b"[DONE]"]
    events = [msgspec.json.decode(each, type=Json) for each in said]
    return fake_fold.JSON_FOLDS["openai" if name == "chat" else name](events)  # type: ignore[index]


def request(path: str, body: bytes, headers: tuple[Header, ...] = (), method: str = "POST") -> Request:
    """A request as the fake's desk gets it."""
    path, _, query = path.partition("?")
    return Request(
        method=method,
        path=path,
        query=query,
        headers=headers,
        body=body,
        http_version="1.1",
        peer="127.0.0.1:1",
        port=1,
        received_at=0.0,
    )


# -- histories --------------------------------------------------------------------------------------------------------

ASK = "get_weather"


def loop(name: str, *, thinks: bool = True) -> tuple[Json, Json]:
    """A request, and its answer with a call after a thought."""
    body = SPOKEN[name].ask(ASK, tools=True, thinks=thinks)
    return body, whole(name, body)


def refused(name: str, body: Json) -> str:
    """The error's message."""
    spoken = SPOKEN[name]
    answer = script(spoken.path, body, spoken.headers)
    assert answer.status in (400, 404), sent(answer)
    found = msgspec.json.decode(sent(answer), type=Json)
    return str(found["message"] if name == "converse" else obj(found["error"])["message"])


def accepted(name: str, body: Json) -> None:
    assert script(SPOKEN[name].path, body, SPOKEN[name].headers).status == 200


def altered(seal: object) -> str:
    text = str(seal)
    return text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
