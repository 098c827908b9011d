"""What the tests of AgentgatewayModel share: short ways to write models and to look at what they come to."""

from collections.abc import Mapping

from sluice.config.plan import AiBackend, ModelRoute, Plan
from sluice.config.routing import model_route
from sluice.config.status import Condition

from .loading import gateway
from .vendors import loaded, refused

LISTENER = "{name: llm, port: 8080, protocol: HTTP%s}"
GATEWAY = gateway(LISTENER % "")


def model(spec: str, name: str = "m", *, parents: str = "{name: gw}", created: str = "2026-01-01T00:00:00Z") -> str:
    """Return an AgentgatewayModel with this spec, written in flow style."""
    kind = "apiVersion: agentgateway.dev/v1alpha1\nkind: AgentgatewayModel\n"
    meta = f"metadata: {{name: {name}, creationTimestamp: {created}}}"
    return f"---\n{kind}{meta}\nspec: {{parentRefs: [{parents}], {spec}}}\n"


def plan(*texts: str, env: Mapping[str, str] | None = None) -> Plan:
    """Load texts as one file, with every provider."""
    return loaded("".join(texts), env=env)


def refusal(*texts: str) -> list[str]:
    """Return the lines of the error that loading these texts as one file must raise."""
    return refused("".join(texts))


def condition(plan: Plan, name: str, type_: str, scope: str = "default/gw") -> Condition:
    """Return one condition of one model."""
    (status,) = (s for s in plan.statuses if (s.kind, s.name) == ("AgentgatewayModel", f"default/{name}"))
    (found,) = (c for c in status.conditions if (c.type, c.scope) == (type_, scope))
    return found


def found(plan: Plan, name: str) -> ModelRoute:
    """Return who answers for a name."""
    answer = model_route(plan, name)
    assert answer is not None
    return answer


def models(backend: AiBackend | None) -> list[list[str]]:
    """Return the models that a backend asks for, group by group."""
    assert backend is not None
    return [[target.model for target in group] for group in backend.groups]


CONCRETE = (
    GATEWAY,
    model("provider: OpenAI, match: {model: 'openai/*'}, visibility: Internal", "oai"),
    model("provider: Anthropic, match: {model: claude}", "ant"),
)


def virtual(routing: str, name: str = "v") -> str:
    """Return a virtual model over those of CONCRETE."""
    return model(f"virtualModel: {routing}", name)
