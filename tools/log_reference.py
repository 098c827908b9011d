"""The table of the log line's fields: order and types from the code, when and what from here."""

import msgspec

from sluice.chat.usage import Usage
from sluice.errors import TimedOut
from sluice.policies.charge import CostFacts
from sluice.relay.record import ExchangeRecord, RequestParams, Route, StreamFacts
from sluice.relay.tally import GuardFacts
from sluice.telemetry import access_log
from sluice.telemetry.line import Fields
from tools.markdown import table

FULL = ExchangeRecord(
    request_id="req_1",
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
    started_at=0.0,
    duration_s=2.242,
    route=Route(
        bind="8080/ns/gw", gateway="ns/gw", listener="http", route="ns/route", route_rule="chat", backend="ns/b"
    ),
    endpoint="api.example.com:443",
    src_addr="127.0.0.1:60862",
    method="POST",
    host="localhost:8080",
    path="/v1/chat/completions",
    status=200,
    protocol="llm",
    operation="chat",
    provider="openai",
    request_model="m",
    response_model="m-1",
    streaming=True,
    params=RequestParams(temperature=0.7, top_p=0.9, max_tokens=9, frequency_penalty=0.1, presence_penalty=0.1, seed=1),
    usage=Usage(
        input_tokens=9,
        output_tokens=9,
        cache_read_tokens=1,
        cache_write_tokens=1,
        reasoning_tokens=1,
        input_audio_tokens=1,
        output_audio_tokens=1,
    ),
    stream=StreamFacts(first_token_s=0.3, chunks=9, tokens=9),
    tpot_s=0.02,
    finish_reason="stop",
    unrecognised=(("x", 1),),
    client_dialect="dialect.openai_chat",
    provider_dialect="dialect.anthropic_messages",
    outcome="timeout",
    reason=TimedOut.reason,
    error=str(TimedOut("idle")),
    attempts=2,
    tried=(("first", "429"), ("second", "timeout_idle")),
    error_code=TimedOut("idle").code,
    principal="api_key:team-a",
    labels=(("gen_ai.agent.name", "helper"), ("gen_ai.conversation.id", "t-1"), ("sluice.run.id", "r-1")),
    guards=(("regex", "Mask", 1), ("webhook", "FailOpen", 0)),
    guard=GuardFacts(checks=1, blocked_by="regex"),
    money=CostFacts(over=("house",)),
)
"""A record with everything in it, so that its line has every field."""

FIELDS = {
    "level": "`info`",
    "time": "end of the exchange, RFC 3339 UTC with microseconds",
    "scope": "`request`; the server's own messages have other scopes",
    "request.id": "also the header `x-request-id`; the provider's id once it gave one",
    "gateway": "`namespace/name`; when a listener was found",
    "listener": "its name; when one was found",
    "route_rule": "when the rule has a name",
    "route": "`namespace/name`; when a route matched",
    "endpoint": "`host:port` of the provider; when one was chosen",
    "src.addr": "`address:port` of the client",
    "http.method": "of the request",
    "http.host": "the Host header; when there was one",
    "http.path": "without the query string, which may hold secrets",
    "http.version": "of the request",
    "http.status": "as sent; 499 when the client left or was cut for reading too slowly",
    "trace.id": "W3C trace context: the client's, or a new one",
    "span.id": "of this exchange; the provider is told it as parent",
    "jwt.sub": "the subject of the client's token; when one was verified",
    "user.id": "who asked, if no token says it: the name of an API key or of a user",
    "gen_ai.agent.name": "the agent that asked; of this process's own agents only",
    "gen_ai.conversation.id": "its thread; likewise",
    "sluice.run.id": "its run; likewise",
    "protocol": "`llm` or `http`",
    "gen_ai.operation.name": "`chat`, `embeddings`, `rerank`, `count_tokens`; when the request names a model",
    "gen_ai.provider.name": "when a provider was chosen",
    "gen_ai.request.model": "as the client named it",
    "gen_ai.response.model": "as the provider named it",
    "gen_ai.usage.input_tokens": "when the provider reported usage; includes cache reads and writes",
    "gen_ai.usage.cache_creation.input_tokens": "when above 0",
    "gen_ai.usage.cache_read.input_tokens": "when above 0",
    "gen_ai.usage.output_tokens": "when the provider reported usage; includes reasoning",
    "gen_ai.usage.reasoning_tokens": "when above 0",
    "agw.ai.time_to_first_token": "seconds from the request's first byte to the first non-empty token; streams",
    "agw.ai.time_per_output_token": "(last token - first) / (output tokens - 1) in seconds; streams with two tokens",
    "agw.ai.usage.cost.total": "USD; 0 if the model has no price; `llm`",
    "gen_ai.usage.input_audio_tokens": "when above 0",
    "gen_ai.usage.output_audio_tokens": "when above 0",
    "gen_ai.request.temperature": "when the client sent it",
    "gen_ai.request.top_p": "when the client sent it",
    "gen_ai.request.max_tokens": "when the client sent it",
    "gen_ai.request.frequency_penalty": "when the client sent it",
    "gen_ai.request.presence_penalty": "when the client sent it",
    "gen_ai.request.seed": "when the client sent it",
    "llm.streaming": "whether a stream was asked for",
    "llm.translated": "`CLIENT to PROVIDER`, two dialects; when the provider was asked in another than the client's",
    "stream.outcome": "how the exchange ended: one of the twelve outcomes; on every line",
    "timeout.phase": "which clock ran out: `connect`, `headers`, `first_token`, `idle`, `total`; outcome `timeout`",
    "stream.chunks": "events with data that the provider sent, its terminator not counted; streams",
    "stream.unrecognised": "events and parts of the provider that no dialect here has a word for; when there were any",
    "guardrail.masked": "values that guards masked, in what was asked and answered; when there were any",
    "guardrail.blocked_by": "the guard that rejected the request or ended the answer",
    "guardrail.failed_open": "looks of guards that could not be asked, and let pass; when there were any",
    "budget.exceeded": "budgets with `onExceeded: Audit` that were spent when the request came; when there were any",
    "gen_ai.response.finish_reason": "of the first choice, in the words of the vocabulary",
    "retry.attempt": "attempts after the first; when there were any",
    "retry.targets": "`first;429, second;200`: who was asked and what became of it, status or code; when several were",
    "error": "a sentence; every outcome but `completed`, `client_gone` and `slow_reader`",
    "reason": "`Upstream`, `DirectResponse`, `ClientGone`, `SlowReader`, or the error's word: see [errors](errors.md)",
    "duration": "from the request's first byte to the answer's last, as `123ms`",
}


def log_table() -> str:
    """Return the fields of the log line in their order, with their JSON types.

    Raises:
        KeyError: a field has no sentence in FIELDS.
    """
    words = {str: "string", int: "integer", float: "number", bool: "boolean"}
    line = _every_field()
    return table(
        ("field", "type", "when and what"), [(f"`{key}`", words[type(line[key])], FIELDS[key]) for key in line]
    )


def _every_field() -> Fields:
    """Return a line with all fields: who asked is said in one of two."""
    line = access_log.fields(msgspec.structs.replace(FULL, principal="jwt:alice"))
    named = {}
    for key, value in line.items():
        named[key] = value
        if key == "jwt.sub":
            named["user.id"] = "team-a"
    return named
