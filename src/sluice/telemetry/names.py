"""The table of metrics: name, kind, labels, unit, buckets, meaning. A new metric begins with a row here.

Names stand without their prefix (`agentgateway_` by default, so that existing dashboards work). Names, labels and
buckets of the compatible part: compat-agentgateway 4.1; which queries must be answerable: labs 4.1. A label without a
value is `unknown`, never empty, because panels exclude `!="unknown"`.
"""

from sluice.telemetry.metric import (
    GEN_AI_LABELS,
    HTTP_LABELS,
    LISTENER_LABELS,
    OUTCOME_LABELS,
    ROUTE_LABELS,
    Metric,
)
from sluice.telemetry.policy_names import GUARDRAIL_CHECKS, GUARDRAIL_HITS, POLICY_FAMILIES
from sluice.telemetry.server_names import (
    CONNECT_BUCKETS_S,
    GATEWAY_GAUGES,
    HTTP_DURATION_BUCKETS_S,
    SERVER_METRICS,
    TASKS,
    UPSTREAM_CALL,
)
from sluice.telemetry.stream_names import EVENT_ADDED, STREAM_FAMILIES

__all__ = ["GATEWAY_GAUGES", "GEN_AI_LABELS", "HTTP_LABELS", "LISTENER_LABELS", "OUTCOME_LABELS", "TASKS"]
"""The sets that the reference names, and what others than the metrics ask for."""

ENDED_LABELS = (*ROUTE_LABELS, "backend", "protocol", "outcome")
TIMEOUT_LABELS = (*ROUTE_LABELS, "backend", "gen_ai_system", "phase")
ATTEMPT_LABELS = ("backend", "target", "result")
"""Targets come from the plan; results are statuses and the codes of `sluice.errors`."""

# -- buckets: changing one breaks the quantiles of every dashboard across the change ----------------------------------

TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
LLM_DURATION_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
PROCESSING_BUCKETS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25)

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
    labels=(*GEN_AI_LABELS, "outcome"),
    unit="seconds",
    buckets=LLM_DURATION_BUCKETS_S,
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

MODEL_FAMILIES = (TOKEN_USAGE, LLM_DURATION, *STREAM_FAMILIES, COST, COST_LOOKUPS)
"""They have labels of models."""
RECORD_FAMILIES = (
    *MODEL_FAMILIES,
    *(REQUESTS, REQUEST_DURATION, REQUEST_PROCESSING, RESPONSE_PROCESSING, EVENT_ADDED, RESPONSE_BYTES, RETRIES),
    *(UPSTREAM_CONNECT, MALFORMED_EVENTS, UNRECOGNISED_EVENTS),
    *(EXCHANGE_OUTCOMES, TIMEOUTS, ABANDONED_ATTEMPTS, GUARDRAIL_CHECKS, GUARDRAIL_HITS),
)
"""Fed by ExchangeRecords. Those of them that have the labels of a route get those that the operator adds."""
METRICS = (*RECORD_FAMILIES, UPSTREAM_CALL, *POLICY_FAMILIES, *SERVER_METRICS)
"""All, in the order of the exposition."""
