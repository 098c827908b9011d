"""What the tests of policies in layers share: a Gateway with two listeners, a route with a named rule, and policies at
each of their places."""

from sluice.config.plan import Listener, Plan, Rule

from .loading import BACKEND, entries, gateway, plan, policy, route

GATEWAY = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw}]"
LISTENER = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw, sectionName: http}]"
ROUTE = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]"
RULE = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r, sectionName: a}]"
BELOW = (GATEWAY, LISTENER, ROUTE, RULE)
"""From the weakest to the strongest."""
TO_LLM = "backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"


def traffic(target: str, said: str, name: str = "p", *, locked: bool = False) -> str:
    """A policy; `said` is what stands in its `traffic`."""
    strategy = ", strategy: {inheritance: Override}" if locked else ""
    return policy(f"{{{target}{strategy}, traffic: {{{said}}}}}", name)


def ai(target: str, said: str, name: str = "p") -> str:
    """A policy; `said` is what stands in its `backend.ai`."""
    return policy(f"{{{target}, backend: {{ai: {{{said}}}}}}}", name)


def loaded(*policies: str, rule: str = "", objects: str = "") -> Plan:
    """A plan with these policies; `rule` is what else stands in the rule."""
    text = BACKEND + gateway("{name: http, port: 8080, protocol: HTTP}") + route(f"{{name: a, {TO_LLM}{rule}}}")
    return plan(text + objects + "".join(policies))


def ruled(*policies: str, rule: str = "", objects: str = "") -> Rule:
    """The one rule of such a plan."""
    (entry,) = entries(loaded(*policies, rule=rule, objects=objects))
    return entry.rule


def listener(*policies: str) -> Listener:
    """The one listener of such a plan."""
    (found,) = loaded(*policies).listeners
    return found
