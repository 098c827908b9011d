"""The table of metrics: name, kind, labels, unit, buckets, meaning. A new metric begins with a row here.

Names stand without their prefix (`agentgateway_` by default, so that existing dashboards work). Names, labels and
buckets of the compatible part: compat-agentgateway 4.1; which queries must be answerable: labs 4.1. A label without a
value is `unknown`, never empty, because panels exclude `!="unknown"`.
"""

from sluice.relay.record import GAP_BUCKETS_S
from sluice.telemetry.metric import ROUTE_LABELS, Metric
from sluice.telemetry.policy_names import GUARDRAIL_CHECKS, GUARDRAIL_HITS, POLICY_FAMILIES

# -- labels -----------------------------------------------------------------------------------------------------------

HTTP_LABELS = (*ROUTE_LABELS, "backend", "protocol", "method", "status", "reason")
MODEL_LABELS = ("gen_ai_request_model", "gen_ai_response_model")
"""Chosen by clients and providers: these become `other` when a family is full."""
GEN_AI_LABELS = (*ROUTE_LABELS, "gen_ai_operation_name", "gen_ai_system", *MODEL_LABELS)
OUTCOME_LABELS = (*ROUTE_LABELS, "gen_ai_system", *MODEL_LABELS, "outcome")
LISTENER_LABELS = ("bind", "gateway", "listener", "protocol")
ENDED_LABELS = (*ROUTE_LABELS, "backend", "protocol", "outcome")
TIMEOUT_LABELS = (*ROUTE_LABELS, "backend", "gen_ai_system", "phase")
ATTEMPT_LABELS = ("backend", "target", "result")
"""Targets come from the plan; results are statuses and the codes of `sluice.errors`."""

# -- buckets: changing one breaks the quantiles of every dashboard across the change ----------------------------------

TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
LLM_DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TTFT_BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TPOT_BUCKETS_S = (0.001, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
HTTP_DURATION_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 80.0)
PROCESSING_BUCKETS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)
CONNECT_BUCKETS_S = (0.0005, 0.0015, 0.0043, 0.0126, 0.0368, 0.108, 0.316, 0.924, 2.71, 8.0)
LOOP_LAG_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# -- gen_ai_*: exchanges of protocol `llm` with a known operation ----------------------------------------------------

TOKEN_USAGE = Metric(
    name="gen_ai_client_token_usage",
    kind="histogram",
    help="Tokens of one exchange by type. input includes cache reads and writes, output includes reasoning.",
    labels=(*GEN_AI_LABELS, "gen_ai_token_type"),
    unit="tokens",
    buckets=TOKEN_BUCKETS,
)
LLM_DURATION = Metric(
    name="gen_ai_server_request_duration",
    kind="histogram",
    help="Seconds from a request's first byte to its answer's last, LLM exchanges only.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=LLM_DURATION_BUCKETS_S,
)
TTFT = Metric(
    name="gen_ai_server_time_to_first_token",
    kind="histogram",
    help="Seconds from a request's first byte to the first non-empty token of any channel. Streams that had one.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=TTFT_BUCKETS_S,
)
TPOT = Metric(
    name="gen_ai_server_time_per_output_token",
    kind="histogram",
    help="(last token - first token) / (output tokens - 1) in seconds. Streams that had two.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=TPOT_BUCKETS_S,
)
INTER_TOKEN = Metric(
    name="gen_ai_server_inter_token_latency",
    kind="histogram",
    help="Seconds between neighbouring tokens of a stream, one observation per gap.",
    labels=GEN_AI_LABELS,
    unit="seconds",
    buckets=GAP_BUCKETS_S,
)

COST = Metric(
    name="gen_ai_client_cost_usd_total",
    kind="counter",
    help="What exchanges cost, by the catalogue of prices.",
    labels=GEN_AI_LABELS,
    unit="USD",
)
COST_LOOKUPS = Metric(
    name="cost_catalog_lookups_total",
    kind="counter",
    help="Exchanges by whether their model has a price: Exact, Missing, Unpriced, NoCatalog.",
    labels=("status", *GEN_AI_LABELS),
    unit="exchanges",
)

# -- every exchange ---------------------------------------------------------------------------------------------------

REQUESTS = Metric(
    name="requests_total", kind="counter", help="Exchanges that ended.", labels=HTTP_LABELS, unit="requests"
)
REQUEST_DURATION = Metric(
    name="request_duration_seconds",
    kind="histogram",
    help="Seconds from a request's first byte to its answer's last.",
    labels=HTTP_LABELS,
    unit="seconds",
    buckets=HTTP_DURATION_BUCKETS_S,
)
REQUEST_PROCESSING = Metric(
    name="request_processing_seconds",
    kind="histogram",
    help="The gateway's own time before a request left for its provider. Requests that left.",
    labels=(*ROUTE_LABELS, "backend"),
    unit="seconds",
    buckets=PROCESSING_BUCKETS_S,
)
RESPONSE_PROCESSING = Metric(
    name="response_processing_seconds",
    kind="histogram",
    help="The gateway's own time between the provider's head and the first byte to the client. Answers from providers.",
    labels=(*ROUTE_LABELS, "backend"),
    unit="seconds",
    buckets=PROCESSING_BUCKETS_S,
)
RESPONSE_BYTES = Metric(
    name="response_bytes_total", kind="counter", help="Bytes of answers to clients.", labels=HTTP_LABELS, unit="bytes"
)
RETRIES = Metric(
    name="retries_total", kind="counter", help="Attempts after the first.", labels=HTTP_LABELS, unit="attempts"
)
UPSTREAM_CONNECT = Metric(
    name="upstream_connect_duration_seconds",
    kind="histogram",
    help="Seconds that a new connection to a provider took, TLS included. Pooled connections are not counted.",
    labels=("transport",),
    unit="seconds",
    buckets=CONNECT_BUCKETS_S,
)
STREAM_OUTCOMES = Metric(
    name="stream_outcomes_total",
    kind="counter",
    help="How exchanges that asked for a stream ended; every one ends in exactly one outcome.",
    labels=OUTCOME_LABELS,
    unit="streams",
)
EXCHANGE_OUTCOMES = Metric(
    name="exchange_outcomes_total",
    kind="counter",
    help="How all exchanges ended, unread ones too; every one ends in exactly one outcome.",
    labels=ENDED_LABELS,
    unit="exchanges",
)
TIMEOUTS = Metric(
    name="timeouts_total",
    kind="counter",
    help="Exchanges that a clock ended, by clock: connect, headers, first_token, idle, total.",
    labels=TIMEOUT_LABELS,
    unit="exchanges",
)
ABANDONED_ATTEMPTS = Metric(
    name="abandoned_attempts_total",
    kind="counter",
    help="Attempts that failed unseen and were followed by another, by target and by status or error code.",
    labels=ATTEMPT_LABELS,
    unit="attempts",
)
MALFORMED_EVENTS = Metric(
    name="malformed_events_total",
    kind="counter",
    help="Events of providers that their dialect does not allow, forwarded in mirror mode.",
    labels=(*ROUTE_LABELS, "gen_ai_system"),
    unit="events",
)
UNRECOGNISED_EVENTS = Metric(
    name="unrecognised_events_total",
    kind="counter",
    help="Events and parts of providers that no dialect here has a word for: mirrored, left out of translations.",
    labels=(*ROUTE_LABELS, "gen_ai_system"),
    unit="events",
)

# -- this server ------------------------------------------------------------------------------------------------------

CONNECTIONS = Metric(
    name="downstream_connections_total",
    kind="counter",
    help="Connections that clients opened.",
    labels=LISTENER_LABELS,
    unit="connections",
)
RECEIVED_BYTES = Metric(
    name="downstream_received_bytes_total",
    kind="counter",
    help="Bytes read from clients.",
    labels=LISTENER_LABELS,
    unit="bytes",
)
SENT_BYTES = Metric(
    name="downstream_sent_bytes_total",
    kind="counter",
    help="Bytes written to clients.",
    labels=LISTENER_LABELS,
    unit="bytes",
)
ACTIVE_STREAMS = Metric(name="active_streams", kind="gauge", help="Streams that are open now.", unit="streams")
LOOP_LAG = Metric(
    name="event_loop_lag_seconds",
    kind="histogram",
    help="How much later than asked the event loop woke a timer, in seconds.",
    unit="seconds",
    buckets=LOOP_LAG_BUCKETS_S,
)
LOG_LINES_DROPPED = Metric(
    name="log_lines_dropped_total",
    kind="counter",
    help="Log lines given up because stdout was closed or too slow.",
    unit="lines",
)
EXCHANGES = Metric(
    name="exchanges", kind="gauge", help="Exchanges under way, those that wait not counted.", unit="exchanges"
)
ADMISSION_WAITING = Metric(
    name="admission_waiting", kind="gauge", help="Requests that wait for another exchange to end.", unit="requests"
)
READING_ON = Metric(
    name="reading_on", kind="gauge", help="Answers that are read on although their client has left.", unit="answers"
)
UPSTREAM_CONNECTIONS = Metric(
    name="upstream_connections",
    kind="gauge",
    help="Open connections to providers, busy and resting.",
    unit="connections",
)
BUILD_INFO = Metric(name="build_info", kind="info", help="The version that runs.", labels=("tag",))
TASKS = Metric(
    name="tokio_num_alive_tasks",
    kind="gauge",
    help="asyncio tasks alive in this process. There is no Tokio here: the name keeps existing dashboards working.",
    unit="tasks",
)
QUEUE_DEPTH = Metric(
    name="tokio_global_queue_depth",
    kind="gauge",
    help="Callbacks waiting in the event loop; 0 where the loop does not tell (uvloop): see event_loop_lag_seconds.",
    unit="callbacks",
)
WORKERS = Metric(
    name="tokio_num_workers",
    kind="gauge",
    help="Worker processes that share the port. There is no Tokio here: the name keeps existing dashboards working.",
    unit="processes",
)

MODEL_FAMILIES = (TOKEN_USAGE, LLM_DURATION, TTFT, TPOT, INTER_TOKEN, STREAM_OUTCOMES, COST, COST_LOOKUPS)
RECORD_FAMILIES = (
    *MODEL_FAMILIES,
    *(REQUESTS, REQUEST_DURATION, REQUEST_PROCESSING, RESPONSE_PROCESSING, RESPONSE_BYTES, RETRIES),
    *(UPSTREAM_CONNECT, MALFORMED_EVENTS, UNRECOGNISED_EVENTS),
    *(EXCHANGE_OUTCOMES, TIMEOUTS, ABANDONED_ATTEMPTS, GUARDRAIL_CHECKS, GUARDRAIL_HITS),
)
"""Fed by ExchangeRecords."""
LISTENER_FAMILIES = (CONNECTIONS, RECEIVED_BYTES, SENT_BYTES)
"""Fed by the network, one handle per listener."""
GATEWAY_GAUGES = (EXCHANGES, ADMISSION_WAITING, READING_ON, UPSTREAM_CONNECTIONS)
RUNTIME_GAUGES = (TASKS, QUEUE_DEPTH, WORKERS)
"""Asked for at scrape, these and those of the gateway."""
METRICS = (
    *RECORD_FAMILIES,
    *POLICY_FAMILIES,
    *LISTENER_FAMILIES,
    ACTIVE_STREAMS,
    *GATEWAY_GAUGES,
    *(LOOP_LAG, LOG_LINES_DROPPED, BUILD_INFO),
    *RUNTIME_GAUGES,
)
"""All, in the order of the exposition."""
