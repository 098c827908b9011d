"""The same answer as each provider would stream it: small writers that share nothing with Sluice's own.

Each takes the events of `sequences.answers` and returns a body. What a dialect has no place for stays away.
"""

import json
from collections.abc import Callable, Iterator, Sequence

from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Event,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from sluice.chat.usage import Usage
from tests.dialects.converse import event as message
from tests.dialects.sequences import Run, is_object, runs

Json = dict[str, object]
Writer = Callable[[Sequence[Event]], bytes]


def sse(value: object, kind: str = "") -> bytes:
    head = f"event: {kind}\n" if kind else ""
    return f"{head}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


# -- chat completions -------------------------------------------------------------------------------------------------

_CHAT_MEMBER = {"text": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
_CHAT_FINISH = {"refusal": "stop"}


def chat(events: Sequence[Event]) -> bytes:
    """One chunk for each event, in the order of the events: calls interleave."""
    head: Json = {"id": "", "model": "", "created": 0, "object": "chat.completion.chunk"}
    roles: set[int] = set()
    out = b""
    for event in events:
        if isinstance(event, Started):
            head |= {"id": event.id, "model": event.model, "created": event.created}
        elif isinstance(event, Reported):
            out += sse(head | {"choices": [], "usage": _chat_usage(event.usage)})
        elif (row := _chat_row(event)) is not None:
            index = row["index"]
            assert isinstance(index, int)
            if index not in roles:
                roles.add(index)
                opening = {"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
                out += sse(head | {"choices": [opening]})
            out += sse(head | {"choices": [row]})
    return out + b"data: [DONE]\n\n"


def _chat_row(event: Event) -> Json | None:
    match event:
        case TextDelta():
            delta: Json = {_CHAT_MEMBER[event.channel]: event.text}
        case ToolCallStarted():
            function: Json = {"name": event.name, "arguments": ""}
            delta = {"tool_calls": [{"index": event.index, "id": event.id, "type": "function", "function": function}]}
        case ToolCallDelta():
            delta = {"tool_calls": [{"index": event.index, "function": {"arguments": event.arguments}}]}
        case Cited(citation=found):
            at = {"url": found.url, "title": found.title, "start_index": found.start, "end_index": found.end}
            delta = {"annotations": [{"type": "url_citation", "url_citation": at}]}
        case ChoiceFinished():
            return {
                "index": event.choice,
                "delta": {},
                "finish_reason": _CHAT_FINISH.get(event.reason, event.reason),
            }
        case _:
            return None
    return {"index": event.choice, "delta": delta, "finish_reason": None}


def _chat_usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


# -- Messages ---------------------------------------------------------------------------------------------------------

_MESSAGES_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def messages(events: Sequence[Event]) -> bytes:
    """Block after block; the first usage in `message_start`, the last in `message_delta`."""
    started, end, usage = _facts(events)
    opening = {"id": started.id, "type": "message", "role": "assistant", "model": started.model, "content": []}
    out = sse({"type": "message_start", "message": opening | {"usage": _messages_usage(usage, 1)}}, "message_start")
    index = -1
    for run in runs(events):
        block, deltas = _messages_block(run)
        if block is None:
            continue
        index += 1
        at: Json = {"index": index}
        out += sse({"type": "content_block_start", **at, "content_block": block}, "content_block_start")
        out += sse({"type": "ping"}, "ping") if index == 0 else b""
        for delta in deltas:
            out += sse({"type": "content_block_delta", **at, "delta": delta}, "content_block_delta")
        out += sse({"type": "content_block_stop", **at}, "content_block_stop")
    change = {"stop_reason": _MESSAGES_FINISH.get(end.reason, "refusal"), "stop_sequence": None}
    counts = _messages_usage(usage, usage.output_tokens)
    counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    out += sse({"type": "message_delta", "delta": change, "usage": counts}, "message_delta")
    return out + sse({"type": "message_stop"}, "message_stop")


def _messages_block(run: Run) -> tuple[Json | None, Iterator[Json]]:
    first = run.events[0]
    if run.kind == "redacted":
        assert isinstance(first, Sealed)
        return {"type": "redacted_thinking", "data": first.seal.data}, iter(())
    if run.kind == "call":
        start = next(event for event in run.events if isinstance(event, ToolCallStarted))
        block: Json = {"type": "tool_use", "id": start.id, "name": start.name, "input": {}}
        pieces = [event.arguments for event in run.events if isinstance(event, ToolCallDelta)]
        return block, ({"type": "input_json_delta", "partial_json": piece} for piece in ["", *pieces])
    if run.kind == "reasoning":
        return {"type": "thinking", "thinking": "", "signature": ""}, _thinking(run)
    if all(isinstance(event, Sealed) for event in run.events):
        return None, iter(())  # a text has no proof here
    return {"type": "text", "text": ""}, _messages_text(run)


def _thinking(run: Run) -> Iterator[Json]:
    for event in run.events:
        if isinstance(event, TextDelta):
            yield {"type": "thinking_delta", "thinking": event.text}
        elif isinstance(event, Sealed):  # vendors send it in one piece; no reader may count on that
            for piece in (event.seal.data[:2], event.seal.data[2:]):
                yield {"type": "signature_delta", "signature": piece}


def _messages_text(run: Run) -> Iterator[Json]:
    for event in run.events:
        if isinstance(event, TextDelta):
            yield {"type": "text_delta", "text": event.text}
        elif isinstance(event, Cited):
            place = {"url": event.citation.url, "title": event.citation.title, "encrypted_index": "E"}
            found = {"type": "web_search_result_location", "cited_text": "q", **place}
            yield {"type": "citations_delta", "citation": found}


def _messages_usage(usage: Usage, output_tokens: int) -> Json:
    return {
        "input_tokens": usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "output_tokens": output_tokens,
    }


# -- Converse ---------------------------------------------------------------------------------------------------------

_CONVERSE_FINISH = _MESSAGES_FINISH | {"content_filter": "content_filtered", "refusal": "content_filtered"}


def converse(events: Sequence[Event]) -> bytes:
    """Block after block, in frames of the AWS event stream; only calls have a start."""
    _, end, usage = _facts(events)
    out = message("messageStart", role="assistant")
    for index, run in enumerate(runs(events)):
        for event in run.events:
            name, body = _converse_event(event)
            out += message(name, contentBlockIndex=index, **body) if name else b""
        out += message("contentBlockStop", contentBlockIndex=index)
    out += message("messageStop", stopReason=_CONVERSE_FINISH[end.reason])
    counts = {
        "inputTokens": usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
        "cacheReadInputTokens": usage.cache_read_tokens,
        "cacheWriteInputTokens": usage.cache_write_tokens,
    }
    return out + message("metadata", usage=counts, metrics={"latencyMs": 1})


def _converse_event(event: Event) -> tuple[str, Json]:
    delta: Json
    match event:
        case ToolCallStarted():
            return "contentBlockStart", {"start": {"toolUse": {"toolUseId": event.id, "name": event.name}}}
        case ToolCallDelta():
            delta = {"toolUse": {"input": event.arguments}}
        case TextDelta(channel="reasoning"):
            delta = {"reasoningContent": {"text": event.text}}
        case TextDelta():
            delta = {"text": event.text}
        case Sealed(seal=seal) if seal.kind in ("reasoning", "redacted"):
            member = "signature" if seal.kind == "reasoning" else "redactedContent"
            delta = {"reasoningContent": {member: seal.data}}
        case Cited(citation=found):
            delta = {"citation": {"title": found.title, "location": {"web": {"url": found.url}}}}
        case _:
            return "", {}
    return "contentBlockDelta", {"delta": delta}


# -- Gemini -----------------------------------------------------------------------------------------------------------

_GEMINI_FINISH = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS"}


def gemini(events: Sequence[Event]) -> bytes:
    """A chunk for each part; candidates one after the other; calls whole, and none that was cut off."""
    started, _, usage = _facts(events)
    counts: Json = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cache_read_tokens,
        "totalTokenCount": usage.total_tokens,
    }
    head: Json = {"modelVersion": started.model, "responseId": started.id, "usageMetadata": counts}
    out = b""
    for end in (event for event in events if isinstance(event, ChoiceFinished)):
        for part in [part for run in runs(events, end.choice) for part in _gemini_parts(run)]:
            content = {"role": "model", "parts": [part]}
            out += sse({"candidates": [{"index": end.choice, "content": content}], **head}).replace(b"\n", b"\r\n")
        word = _GEMINI_FINISH.get(end.reason, "SAFETY")
        out += sse({"candidates": [{"index": end.choice, "finishReason": word}], **head})
    return out


def _gemini_parts(run: Run) -> list[Json]:
    if run.kind == "call":
        start = next(event for event in run.events if isinstance(event, ToolCallStarted))
        text = "".join(event.arguments for event in run.events if isinstance(event, ToolCallDelta))
        call: Json = {"name": start.name, "id": start.id}
        if not is_object(text):
            return []
        part: Json = {"functionCall": call | ({"args": json.loads(text)} if text else {})}
        seals = [event.seal.data for event in run.events if isinstance(event, Sealed)]
        return [part | ({"thoughtSignature": seals[0]} if seals else {})]
    parts: list[Json] = []
    for event in run.events:
        if isinstance(event, TextDelta):
            parts.append({"text": event.text} | ({"thought": True} if event.channel == "reasoning" else {}))
        elif isinstance(event, Sealed) and event.seal.kind != "redacted":
            thought: Json = {"thought": True} if event.seal.kind == "reasoning" else {}
            parts.append({"text": "", "thoughtSignature": event.seal.data} | thought)
    return parts


def _facts(events: Sequence[Event]) -> tuple[Started, ChoiceFinished, Usage]:
    """The names, the end of the first choice, and the last usage."""
    started = next(event for event in events if isinstance(event, Started))
    end = next(event for event in events if isinstance(event, ChoiceFinished) and event.choice == 0)
    reported = [event.usage for event in events if isinstance(event, Reported)]
    return started, end, reported[-1] if reported else Usage()
