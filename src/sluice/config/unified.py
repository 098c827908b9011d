"""The unified addresses: one place where a client of any dialect asks for any model.

PURE. Obeys: compat-agentgateway 1.2 and 3.1. The short form, AgentgatewayModel and the environment serve the same ones.
"""

from sluice.config.plan import Entry, Match, PathMatch, Rule

PREFIXES = ("/v1", "/v1beta", "/v2")
"""Of the published APIs' paths: `/v1/chat/completions`, `/v1/messages`, `/v1beta/models/{model}:...`, `/v2/rerank`."""
LISTS = ("/v1/models", "/v1beta/models")


def unified_entries(route: str, *, by_model: Rule, model_list: Rule, hostname: str = "") -> tuple[Entry, ...]:
    """Return the entries of a listener that serves `Plan.models`.

    `route` is the label `namespace/name`; `by_model` is the rule of requests that name a model (its backends are not
    asked), `model_list` that of the list of models.
    """
    lists = tuple(_entry("Exact", path, route, model_list, hostname, listed=True) for path in LISTS)
    return (*lists, *(_entry("PathPrefix", path, route, by_model, hostname) for path in PREFIXES))


def _entry(kind: str, path: str, route: str, rule: Rule, hostname: str, *, listed: bool = False) -> Entry:
    match = Match(path=PathMatch(kind=kind, value=path))
    return Entry(hostname=hostname, match=match, route=route, rule=rule, answer="model_list" if listed else "by_model")
