"""Records to count and to log: a complete stream, and the least that a record can be."""

import msgspec

from sluice.chat.usage import Usage
from sluice.relay.record import ExchangeRecord, RequestParams, Route, StreamFacts

ROUTE = Route(
    bind="8080/agentgateway-system/agentgateway-proxy",
    gateway="agentgateway-system/agentgateway-proxy",
    listener="http",
    route="agentgateway-system/openai",
    route_rule="0",
    backend="agentgateway-system/openai",
)

STREAM = ExchangeRecord(
    request_id="req-1",
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
    started_at=1765576560.566672,
    duration_s=2.24241,
    added_s=0.0004,
    answer_added_s=0.0002,
    route=ROUTE,
    endpoint="api.openai.com:443",
    src_addr="127.0.0.1:60862",
    method="POST",
    host="localhost:8080",
    path="/v1/chat/completions",
    status=200,
    protocol="llm",
    operation="chat",
    provider="openai",
    request_model="gpt-4o-mini",
    response_model="gpt-4o-mini-2024-07-18",
    streaming=True,
    params=RequestParams(temperature=0.7, max_tokens=100),
    usage=Usage(input_tokens=68, output_tokens=298),
    stream=StreamFacts(
        first_byte_s=0.3,
        first_event_s=0.31,
        first_token_s=0.31234567,
        first_content_s=0.32,
        last_token_s=2.2,
        chunks=300,
        tokens=298,
        gap_counts=(0, 0, 290, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1),
        gap_sum_s=18.5,
        first_sent_s=0.35,
        stalls=2,
        stalled_s=16.5,
        stalled_at=((1.0, 4.5), (8.0, 12.0)),
        added_counts=(0, 10, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0),
        added_sum_s=0.0015,
        bytes_from_provider=60_000,
        bytes_to_client=60_000,
    ),
    tpot_s=0.00635574,
    finish_reason="stop",
    outcome="completed",
    connect_s=0.05,
    connect_transport="tls",
    calls_s=(0.04, 0.29),
)

PLAIN = msgspec.structs.replace(
    STREAM, streaming=False, tpot_s=None, stream=StreamFacts(bytes_to_client=900), connect_s=None, calls_s=()
)

NOT_FOUND = ExchangeRecord(
    request_id="req-2",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    span_id="00f067aa0ba902b7",
    started_at=0.0,
    duration_s=0.0004,
    route=Route(),
    method="GET",
    path="/nowhere",
    status=404,
    outcome="rejected",
    reason="NotFound",
    error="no route matches",
)


def stream(**changes: object) -> ExchangeRecord:
    return msgspec.structs.replace(STREAM, **changes)


def plain(**changes: object) -> ExchangeRecord:
    return msgspec.structs.replace(PLAIN, **changes)
