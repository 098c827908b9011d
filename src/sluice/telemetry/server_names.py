"""The rows of metrics about this server: its connections, its event loop, its process. See `names.py`.

What the runtime panels of existing dashboards ask is mapped on what an event loop has: asyncio's tasks for Tokio's, the
worker processes for Tokio's threads, and for the depth of the queue the loop's lag in milliseconds: an alert on more
than 10 of either means that callbacks wait for each other (labs 4.1 and 4.5).
"""

from sluice.telemetry.metric import LISTENER_LABELS, ROUTE_LABELS, Metric
from sluice.telemetry.policy_names import BUDGET_USED

CONNECT_BUCKETS_S = (0.0005, 0.0015, 0.0043, 0.0126, 0.0368, 0.108, 0.316, 0.924, 2.71, 8.0)
HTTP_DURATION_BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 80.0)
LOOP_LAG_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

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
TLS_HANDSHAKE = Metric(
    name="tls_handshake_duration_seconds",
    kind="histogram",
    help="Seconds that the TLS handshake with a client took. Handshakes that succeeded.",
    labels=LISTENER_LABELS,
    unit="seconds",
    buckets=CONNECT_BUCKETS_S,
)
UPSTREAM_CONNECTIONS = Metric(
    name="upstream_connections",
    kind="gauge",
    help="Open connections to providers, busy and resting.",
    unit="connections",
)
UPSTREAM_POOL = Metric(
    name="upstream_pool_connections",
    kind="gauge",
    help="Open connections to providers by what they do: busy with an answer, or idle.",
    labels=("state",),
    unit="connections",
)
UPSTREAM_REQUESTS = Metric(
    name="upstream_requests_total",
    kind="counter",
    help="Requests sent to providers and services, by whether their connection is new or reused.",
    labels=("connection",),
    unit="requests",
)
UPSTREAM_CALL = Metric(
    name="upstream_call_duration_seconds",
    kind="histogram",
    help="Seconds that a call took, connecting included, until the head of its answer or its failure. Each attempt.",
    labels=("kind", "subtype"),
    unit="seconds",
    buckets=HTTP_DURATION_BUCKETS_S,
)
MCP_REQUESTS = Metric(
    name="mcp_requests_total",
    kind="counter",
    help="Calls of the Model Context Protocol; none are served here. The name keeps existing dashboards working.",
    labels=(*ROUTE_LABELS, "method", "resource", "server"),
    unit="requests",
)
TRACES_EXPORTED = Metric(
    name="traces_exported_total",
    kind="counter",
    help="Spans of traces by what became of them: sent, failed (not taken by the collector), dropped (no room).",
    labels=("result",),
    unit="spans",
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
    help="How late the event loop is now, in milliseconds, mean of about a second: uvloop does not tell its queue.",
    unit="milliseconds",
)
WORKERS = Metric(
    name="tokio_num_workers",
    kind="gauge",
    help="Worker processes that share the port. There is no Tokio here: the name keeps existing dashboards working.",
    unit="processes",
)
PROCESS_RSS = Metric(name="process_rss", kind="gauge", help="Resident memory of a process.", unit="bytes")
CGROUP_WORKING_SET = Metric(
    name="cgroup_working_set",
    kind="gauge",
    help="Memory of this container without what can be taken back at once, as the kubelet counts it.",
    unit="bytes",
)

LISTENER_FAMILIES = (CONNECTIONS, RECEIVED_BYTES, SENT_BYTES, TLS_HANDSHAKE)
"""Fed by the network, one handle per listener."""
GATEWAY_GAUGES = (EXCHANGES, ADMISSION_WAITING, READING_ON, UPSTREAM_CONNECTIONS)
BY_LABEL = (UPSTREAM_POOL, UPSTREAM_REQUESTS, TRACES_EXPORTED, BUDGET_USED)
"""Each by the values of its one label."""
RUNTIME_GAUGES = (TASKS, QUEUE_DEPTH, WORKERS)
"""Asked for at scrape, as those of the gateway are, and those by their label."""
SERVER_METRICS = (
    *LISTENER_FAMILIES,
    *(ACTIVE_STREAMS, MCP_REQUESTS),
    *(*GATEWAY_GAUGES, *BY_LABEL),
    *(LOOP_LAG, LOG_LINES_DROPPED, BUILD_INFO),
    *RUNTIME_GAUGES,
    *(PROCESS_RSS, CGROUP_WORKING_SET),
)
"""All, in the order of the exposition."""
