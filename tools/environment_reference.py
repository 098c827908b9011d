"""The variables of the environment that Sluice reads, each with what it says and who reads it.

Those of providers and of traffic are told from the code; the rest stands here, and a test looks for others in the
sources (tests/tools/test_environment_reference.py).
"""

from collections.abc import Sequence

from sluice.config import environment_settings
from sluice.config.targets import providers
from sluice.config.traffic_api import TrafficSettings
from sluice.providers.provider import Provider
from sluice.standard import STANDARD
from tools.markdown import code, table

PROCESS: dict[str, tuple[str, str]] = {
    "ADMIN_ADDR": ("`serve`", "where the admin door listens, `host:port` or `off`; wins over `config.adminAddr`"),
    "STATS_ADDR": ("`serve`", "the same of metrics; wins over `config.statsAddr`"),
    "READINESS_ADDR": ("`serve`", "the same of readiness; wins over `config.readinessAddr`"),
    "LOG_FORMAT": ("`serve`, `agent`", "`json` or `text`; `--log-format` wins"),
    "DRAIN_TIMEOUT": ("`serve`", "what running streams get at the end, as `60s`; `--drain-timeout` wins"),
    "WORKERS": ("`serve`", "processes that share the ports, or `auto`; `--workers` wins"),
    "WORKER_THREADS": ("`serve`", "the same, in agentgateway's word"),
    "PORT": ("`agent`", "where agents answer; `--port` wins"),
    "SLUICE_DATABASE": ("`serve`, `keys`", "the ledger; wins over `config.database.url`"),
    "SLUICE_STORE": ("`serve`", "the Redis in which replicas count together; wins over `config.sharedStore.url`"),
    "XDG_STATE_HOME": ("`serve`", "where the ledger is kept that nobody named; `$HOME/.local/state` without it"),
    "HOME": ("`serve`", "see `XDG_STATE_HOME`"),
    "NO_COLOR": ("all", "set: nothing is coloured"),
    "OTLP_ENDPOINT": ("`serve`", "the collector that spans go to; wins over `config.tracing.otlpEndpoint`"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": ("`serve`", "the same, in OpenTelemetry's word"),
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": ("`serve`", "the same, with its path"),
    "OTEL_EXPORTER_OTLP_PROTOCOL": ("`serve`", "`grpc` or `http/protobuf`"),
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": ("`serve`", "the same; wins"),
    "OTEL_TRACES_SAMPLER": ("`serve`", "which exchanges are traced, as `parentbased_traceidratio`"),
    "OTEL_TRACES_SAMPLER_ARG": ("`serve`", "the ratio of it, 0 to 1"),
    "OTEL_TRACES_EXPORTER": ("`serve`", "`none`: nothing is traced"),
    "OTEL_SDK_DISABLED": ("`serve`", "`true`: nothing is traced"),
    "OTEL_SERVICE_NAME": ("`serve`", "the process's name in spans, where `resources` says none"),
    "OTEL_BSP_MAX_QUEUE_SIZE": ("`serve`", "spans that wait to be sent, at most"),
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": ("`serve`", "spans that are sent at once, at most"),
    "OTEL_EXPORTER_OTLP_COMPRESSION": ("`serve`", "`gzip` or `none`"),
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": ("`serve`", "the same; wins"),
    "LLM_PROVIDER": ("no file", "who takes the models that nobody claims"),
}
"""Of the process: variable -> which command reads it, and what it says."""
CLOUDS = {
    "GOOGLE_APPLICATION_CREDENTIALS": "the key file of a service account",
    "GOOGLE_APPLICATION_CREDENTIALS_JSON": "its text",
    "AWS_ACCESS_KEY_ID": "with the secret key: requests are signed (SigV4)",
    "AWS_SECRET_ACCESS_KEY": "the secret key",
    "AWS_SESSION_TOKEN": "of temporary keys",
}


def process_table() -> str:
    """Return the variables of the process."""
    return table(("variable", "read by", "meaning"), [(f"`{name}`", *told) for name, told in PROCESS.items()])


def traffic_table() -> str:
    """Return the variables of traffic, of a process that was given no file, each with the member that it stands for."""
    rows = [
        (f"`{environment_settings._name(steps)}`", f"`{'.'.join(steps)}`")
        for steps, _ in environment_settings._leaves(TrafficSettings)
    ]
    return table(("variable", "says"), rows)


def provider_table() -> str:
    """Return the variables of every provider: the first that is set counts."""
    rows: list[Sequence[str]] = [("any cloud", f"`{name}`", "", "", what) for name, what in CLOUDS.items()]
    for row in sorted(_rows(), key=lambda row: row.key):
        more = "; ".join(f"{code(item.env)}: {item.name}" for item in row.variables if item.env)
        rows.append((f"`{row.key}`", code(row.key_env), code(row.base_url_env), code(row.model_env), more))
    return table(("provider", "the key", "where it is", "model of requests that name none", "others"), rows)


def known() -> set[str]:
    """Return every variable of these tables."""
    found = {*PROCESS, *CLOUDS}
    found |= {environment_settings._name(steps) for steps, _ in environment_settings._leaves(TrafficSettings)}
    for row in _rows():
        found |= {*row.key_env, *row.base_url_env, *row.model_env, *(name for v in row.variables for name in v.env)}
    return found


def _rows() -> list[Provider]:
    return [row for row in providers(STANDARD) if row.key_env or row.base_url_env or row.model_env]


GENERATORS = {
    "environment-process": process_table,
    "environment-traffic": traffic_table,
    "environment-providers": provider_table,
}
