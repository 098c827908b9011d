"""The queries of the dashboard that the labs open (labs 4.1), as Grafana would send them."""

from pathlib import Path

NEEDS_KUBERNETES = ("kube_", "container_")
"""What kube-state-metrics and cAdvisor tell: outside Kubernetes such a query only has to be one."""
NEEDS_MCP = "agentgateway_mcp_requests_total"
"""No MCP is served: the family is there, without samples."""

VARIABLES = {
    "$namespace": ".*",
    "$proxy_pod_pattern": "agentgateway-proxy-.*",
    "$control_plane_deployment": "agentgateway",
    "$deployment_exclusion": "none",
    "$route": ".*",
    "$model": ".*",
    "$__rate_interval": "20s",
    "$__range": "40s",
}
"""What Grafana puts in the place of each, with All chosen; windows as short as the test's load."""

PRICED = (
    ("=", "mock-gpt-4o", 2.5, 10.0),
    ("=~", "mock-gpt-5.2", 1.75, 14.0),
    ("=~", "gpt-4o-mini-.*", 0.15, 0.6),
    ("=~", "claude-haiku-4-5-.*", 1.0, 5.0),
    ("=~", "claude-3-5-haiku-.*", 0.8, 4.0),
    ("=~", "claude-sonnet-4-5-.*", 3.0, 15.0),
)
"""How the dashboard names a model, and its prices of a million tokens in and out."""


def labs_queries() -> dict[str, str]:
    """Return every query by its panel and letter."""
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    written = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    return written | _cost_queries()


def _cost_queries() -> dict[str, str]:
    each = [_Model(*row) for row in PRICED]
    rate = "$__rate_interval"
    queries = {f"86{m.name}": f"({m.cost('rate', rate, sure=False)}) * 3600" for m in each}
    queries["82A"] = f"({' + '.join(m.cost('rate', '1h') for m in each)}) * 3600"
    queries["84A"] = " + ".join(m.cost("increase", "24h") for m in each)
    queries["85A"] = " + ".join(m.cost("increase", "7d") for m in each)
    queries["91A"] = f"({' + '.join(m.cost('rate', '24h') for m in each)}) * 3600 * 24 * 30"
    for m in each:
        per_request = f"/ sum(rate(agentgateway_gen_ai_server_request_duration_count{{{m.where}}}[{rate}])) * 1000000"
        queries[f"88{m.name}"] = f"{m.part('input', 'rate', rate)} {per_request}"
        queries[f"89{m.name}"] = f"{m.part('output', 'rate', rate)} {per_request}"
        queries[f"92{m.name}"] = f"({m.cost('rate', rate)}) {per_request}"
    return queries


class _Model:
    def __init__(self, sign: str, name: str, price_in: float, price_out: float) -> None:
        self.name = name
        self.where = f'namespace=~"$namespace", gen_ai_response_model{sign}"{name}"'
        self._prices = {"input": price_in, "output": price_out}

    def cost(self, function: str, window: str, *, sure: bool = True) -> str:
        return f"{self.part('input', function, window, sure=sure)} + {self.part('output', function, window, sure=sure)}"

    def part(self, kind: str, function: str, window: str, *, sure: bool = True) -> str:
        """The cost of the tokens of a kind; `sure`: 0 if there are none."""
        labels = f'{self.where}, gen_ai_token_type="{kind}"'
        tokens = f"sum({function}(agentgateway_gen_ai_client_token_usage_sum{{{labels}}}[{window}]))"
        return f"({tokens}{' or vector(0)' if sure else ''}) * {self._prices[kind]} / 1000000"


def as_sent(query: str) -> str:
    """Return a query with its variables replaced."""
    for name, value in sorted(VARIABLES.items(), key=lambda item: -len(item[0])):
        query = query.replace(name, value)
    return query
