"""What the tests of this room share: a registry, and short ways to load text."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from sluice.config import Source, load
from sluice.config.plan import AiBackend, Entry, ModelRoute, Plan, Target
from sluice.config.status import Condition, ObjectStatus
from sluice.errors import ConfigError
from sluice.providers.fake import FAKE
from sluice.providers.openai import OPENAI
from sluice.registry import Registry

REGISTRY = Registry([OPENAI, FAKE])
LATER = " is not implemented by this version; it is refused rather than silently ignored"
MANIFESTS = Path(__file__).parent / "manifests"


def source(name: str) -> Source:
    """Return a file of `manifests/`."""
    return Source(name, (MANIFESTS / name).read_text())


def plan(*texts: str, env: Mapping[str, str] | None = None) -> Plan:
    """Load texts as the files a.yaml, b.yaml ..."""
    return load([Source(f"{'abcdef'[i]}.yaml", text) for i, text in enumerate(texts)], env or {}, REGISTRY)


def refusal(*texts: str, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines of the error that loading these texts must raise."""
    with pytest.raises(ConfigError) as caught:
        plan(*texts, env=env)
    return str(caught.value).split("\n")


def status(plan: Plan, kind: str, name: str) -> ObjectStatus:
    """Return the status of one object."""
    (found,) = (item for item in plan.statuses if (item.kind, item.name) == (kind, name))
    return found


def condition(plan: Plan, kind: str, name: str, type_: str, scope: str = "") -> Condition:
    """Return one condition of one object."""
    (found,) = (c for c in status(plan, kind, name).conditions if (c.type, c.scope) == (type_, scope))
    return found


def entries(plan: Plan) -> list[Entry]:
    """Return the entries of all listeners."""
    return [entry for listener in plan.listeners for entry in listener.entries]


def target(plan: Plan) -> Target:
    """Return the first target of the first entry's first backend."""
    backend = entries(plan)[0].rule.backends[0].backend
    assert isinstance(backend, AiBackend)
    return backend.groups[0][0]


def answering(route: ModelRoute) -> AiBackend:
    """Return the backend of a model that has one of its own."""
    assert route.backend is not None
    return route.backend


BACKEND = """
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata: {name: llm}
spec:
  ai: {provider: {openai: {}}}
"""


def backend(spec: str, name: str = "llm") -> str:
    """Return a backend with this spec, written in flow style."""
    kind = "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayBackend\n"
    return f"---\n{kind}metadata: {{name: {name}}}\nspec: {spec}\n"


def route(
    spec: str = "{backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]}", **more: str
) -> str:
    """Return an HTTPRoute with one rule; `more` are further fields of its spec, or `name`, `namespace`, `created`."""
    meta = f"name: {more.pop('name', 'r')}, namespace: {more.pop('namespace', 'default')}"
    if "created" in more:
        meta += f", creationTimestamp: {more.pop('created')}"
    fields = "".join(f"  {key}: {value}\n" for key, value in more.items())
    parents = "" if "parentRefs" in fields else "  parentRefs: [{name: gw}]\n"
    kind = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
    return f"---\n{kind}metadata: {{{meta}}}\nspec:\n{parents}{fields}  rules: [{spec}]\n"


def gateway(*listeners: str, name: str = "gw", namespace: str = "default") -> str:
    """Return a Gateway with these listeners, written in flow style."""
    items = "".join(f"  - {item}\n" for item in listeners)
    kind = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
    return (
        f"---\n{kind}metadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec:\n  gatewayClassName: agentgateway\n  listeners:\n{items}"
    )


def policy(spec: str, name: str = "p", created: str = "2026-01-01T00:00:00Z") -> str:
    """Return an AgentgatewayPolicy with this spec, written in flow style."""
    kind = "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayPolicy\n"
    return f"---\n{kind}metadata: {{name: {name}, creationTimestamp: {created}}}\nspec: {spec}\n"


def secret(name: str = "s", *, data: str = "{}", string_data: str = "{}", namespace: str = "default") -> str:
    """Return a Secret."""
    return (
        f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"data: {data}\nstringData: {string_data}\n"
    )
