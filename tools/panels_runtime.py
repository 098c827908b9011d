"""The page about the process: its event loop, its connections, its memory, and what it could not say."""

from tools.grafana import Dashboard, Panel, Query, Row
from tools.panels import part, quantile, quantiles, rate

_NOW = Row(
    "Now",
    (
        Panel(
            title="Version",
            about="Processes by version. Two for longer than a roll-out takes means that one did not finish.",
            queries=(Query("count by (tag) (agentgateway_build_info{@node})", "{{tag}}"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Up since",
            about="Of the youngest process. Short again and again: it dies, or is killed for its memory.",
            queries=(Query("time() - max (agentgateway_process_start_time_seconds{@node})"),),
            unit="s",
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Workers",
            about="Processes that serve. Fewer than you started: one has died and waits to be replaced.",
            queries=(Query("sum (agentgateway_tokio_num_workers{@node})"),),
            kind="stat",
            width=4,
            height=4,
        ),
        Panel(
            title="Event loop lag (p99)",
            about="How late the loop wakes a timer. Every token of every stream waits as long: above 20 ms it can be "
            "seen, above 100 ms give it more workers.",
            queries=(Query(quantile(0.99, "event_loop_lag_seconds", "@node")),),
            unit="s",
            kind="stat",
            worry=0.1,
            width=4,
            height=4,
        ),
        Panel(
            title="Waiting for a place",
            about="Requests that wait for another exchange to end: `admission.maxConcurrent` is reached.",
            queries=(Query("sum (agentgateway_admission_waiting{@node})"),),
            kind="stat",
            worry=1,
            width=4,
            height=4,
        ),
        Panel(
            title="Log lines lost",
            about="In this range, because stdout was closed or too slow. The access log has holes.",
            queries=(Query("sum (increase(agentgateway_log_lines_dropped_total{@node}[@range]))"),),
            kind="stat",
            worry=1,
            width=4,
            height=4,
        ),
    ),
)

_PROCESS = Row(
    "Process",
    (
        Panel(
            title="Event loop lag",
            about="One loop serves all streams of a worker. Spikes are work in one piece: a large body, a slow "
            "expression.",
            queries=quantiles("event_loop_lag_seconds", "@node", 0.5, 0.95, 0.99),
            unit="s",
            worry=0.1,
        ),
        Panel(
            title="CPU",
            about="Cores in use, by worker. A worker cannot use more than one: at 0.8 add workers.",
            queries=(
                Query(rate("process_cpu_seconds_total", "@node", by="instance, worker"), "{{instance}} {{worker}}"),
            ),
            worry=0.8,
        ),
        Panel(
            title="Memory",
            about="Resident, of each process and of the container that they share. It follows the number of open "
            "streams; one that grows at a steady load is a leak: report it.",
            queries=(
                Query(
                    "sum by (instance, worker) (agentgateway_process_resident_memory_bytes{@node})",
                    "{{instance}} {{worker}}",
                ),
                Query("sum by (instance) (agentgateway_cgroup_working_set{@node})", "{{instance}} container"),
            ),
            unit="bytes",
        ),
        Panel(
            title="File descriptors in use",
            about="Share of what the process may open; an exchange takes two. At 1 nobody is accepted any more.",
            queries=(
                Query(
                    "max (agentgateway_process_open_fds{@node} / agentgateway_process_max_fds{@node})",
                    "fullest process",
                ),
            ),
            unit="percentunit",
            worry=0.8,
        ),
        Panel(
            title="Tasks",
            about="asyncio tasks alive: about one an exchange that has not begun to answer. They fall back with the "
            "load.",
            queries=(Query("sum by (instance) (agentgateway_tokio_num_alive_tasks{@node})", "{{instance}}"),),
            worry=10_000,
        ),
        Panel(
            title="Exchanges under way",
            about="Open streams are among the exchanges. `reading on` are answers whose client has left.",
            queries=(
                Query("sum (agentgateway_exchanges{@node})", "exchanges"),
                Query("sum (agentgateway_active_streams{@node})", "open streams"),
                Query("sum (agentgateway_admission_waiting{@node})", "waiting"),
                Query("sum (agentgateway_reading_on{@node})", "reading on"),
            ),
        ),
    ),
)

_NETWORK = Row(
    "Connections",
    (
        Panel(
            title="New connections of clients",
            about="A second. As many as requests: the clients keep none alive.",
            queries=(
                Query(
                    rate("downstream_connections_total", "@node", by="listener, protocol"), "{{listener}} {{protocol}}"
                ),
            ),
            unit="cps",
        ),
        Panel(
            title="Bytes from and to clients",
            about="On the wire, heads included. Sent without received is streams that run; both at 0 is nobody.",
            queries=(
                Query(rate("downstream_received_bytes_total", "@node"), "received"),
                Query(rate("downstream_sent_bytes_total", "@node"), "sent"),
            ),
            unit="Bps",
        ),
        Panel(
            title="TLS handshakes (p95)",
            about="With clients, by listener. They share the event loop: slow ones come with its lag.",
            queries=(Query(quantile(0.95, "tls_handshake_duration_seconds", "@node", by="listener"), "{{listener}}"),),
            unit="s",
            worry=0.5,
        ),
        Panel(
            title="Connections to providers",
            about="`busy` have an exchange on them, `idle` wait for the next.",
            queries=(Query("sum by (state) (agentgateway_upstream_pool_connections{@node})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            title="Requests on a new connection",
            about="Share. Each pays for a connect and a handshake: high at a steady load means that the provider "
            "closes connections, or that `poolIdleTimeout` is shorter than its pauses.",
            queries=(
                Query(
                    part("upstream_requests_total", 'connection="new"', "@node"),
                    "new",
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            title="Connecting to providers (p95)",
            about="TLS included; connections that are reused are not counted.",
            queries=(
                Query(quantile(0.95, "upstream_connect_duration_seconds", "@node", by="transport"), "{{transport}}"),
            ),
            unit="s",
            worry=1.0,
        ),
    ),
)

_SAYING = Row(
    "What it says about itself",
    (
        Panel(
            title="Spans of traces",
            about="By what became of them. `failed` and `dropped` mean that the collector is down or too slow; "
            "streams never wait for it.",
            queries=(Query(rate("traces_exported_total", "@node", by="result"), "{{result}}"),),
            unit="ops",
            stacked=True,
            width=12,
        ),
        Panel(
            title="Log lines lost",
            about="A second, because stdout was closed or too slow.",
            queries=(Query(rate("log_lines_dropped_total", "@node"), "lost"),),
            unit="ops",
            worry=0.001,
            width=12,
        ),
    ),
)

RUNTIME = Dashboard(
    uid="sluice-runtime",
    title="Sluice: runtime",
    about="The process: event loop, connections, memory, and what it could not say.",
    rows=(_NOW, _PROCESS, _NETWORK, _SAYING),
)
