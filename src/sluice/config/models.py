"""AgentgatewayModels to the models of the Plan.

PURE. Obeys: compat-agentgateway 2.6. A reference that does not resolve is no load error: the model is not served, or
goes without that target, and its conditions say so. Of two models for the same name the older is served.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from sluice.config.access import access, tls
from sluice.config.access_api import AccessSettings
from sluice.config.ai_api import AiSettings
from sluice.config.backends import service_endpoint
from sluice.config.clock_policy import own_clocks
from sluice.config.conditions import check_condition, check_health
from sluice.config.core_api import Service
from sluice.config.credentials import cloud_of, in_environment, in_region
from sluice.config.faults import Faults, Path
from sluice.config.health_policy import health
from sluice.config.layers import Said
from sluice.config.model_api import (
    AgentgatewayModel,
    ConditionalTarget,
    ModelSpec,
    ModelTarget,
    PriorityTarget,
    WeightedTarget,
)
from sluice.config.objects import Objects, Resource
from sluice.config.plan import AiBackend, Endpoint, ModelRoute
from sluice.config.policy import age
from sluice.config.readers import Readers
from sluice.config.references import Unresolved, Values
from sluice.config.struct_fields import fields_of
from sluice.config.targets import TargetSpec, make_target, served_provider, settings
from sluice.config.transform_policy import header_change
from sluice.config.unserved import not_implemented
from sluice.config.virtual import Choice, conditional, failover, narrowed, weighted
from sluice.policies.access import Access
from sluice.policies.ai import AiPolicy
from sluice.policies.shaping import NO_SHAPING, Shaping
from sluice.providers.custom import formats
from sluice.providers.provider import fits
from sluice.registry import Registry

Model = Resource[AgentgatewayModel]
_POLICIES: Path = ("spec", "policies")


class Trouble(msgspec.Struct, frozen=True):
    """Why a model, or one of its targets, cannot be used: a condition's type, reason and message."""

    type: str
    reason: str
    message: str


class Models:
    """All models, compiled once. `routes` are those that are served, by the labels of their objects; `troubles` say
    what is wrong with the others, and with the targets of those that are served without them.
    """

    def __init__(
        self,
        objects: Objects,
        values: Values,
        env: Mapping[str, str],
        readers: Readers,
        registry: Registry,
        faults: Faults,
    ) -> None:
        self._objects, self._values, self._env, self._readers = objects, values, env, readers
        self._registry, self._faults = registry, faults
        self.routes: dict[str, ModelRoute] = {}
        self.troubles: dict[str, Trouble] = {}
        self.models = sorted(objects.of(AgentgatewayModel), key=age)
        for model in self.models:
            if model.body.spec.provider is not None:
                self._guarded(model)
        for model in self.models:
            if model.body.spec.virtual_model is not None:
                self._guarded(model)

    def _guarded(self, model: Model) -> None:
        """Compile one model; what is missing is its trouble."""
        try:
            concrete = model.body.spec.provider is not None
            self.routes[model.label] = self._concrete(model) if concrete else self._virtual(model)
        except Unresolved as error:
            self.troubles[model.label] = Trouble("ResolvedRefs", error.reason, str(error))
        except ValueError as error:
            self._faults.add(model.place("spec"), str(error))

    def _concrete(self, model: Model) -> ModelRoute:
        """Return the route of a model with a provider.

        Raises:
            Unresolved: something that it refers to is missing.
            ValueError: a setting of the provider is missing or wrong.
        """
        spec = model.body.spec
        provider = served_provider(self._registry, spec.provider or "")
        if provider is None:
            text = f"provider {spec.provider} is not served by this version"
            self._faults.add(model.place("spec", "provider"), text)
            raise Unresolved("InvalidProvider", text)
        auth = spec.policies.auth if spec.policies is not None else None
        own_tls = spec.policies.tls if spec.policies is not None else None
        own_health = spec.policies.health if spec.policies is not None else None
        own_timeouts = spec.policies.timeouts if spec.policies is not None else None
        check_health(own_health, model.place, ("spec", "policies", "health"), self._faults)
        where = (model.namespace, self._values, model.document)
        found = access(auth, *where, ("spec", "policies", "auth"), self._faults)
        items = spec.custom.formats if spec.custom is not None else ()
        serves, paths = formats((item.type, item.path or "") for item in items)
        target = make_target(
            TargetSpec(
                name=model.name,
                provider=provider,
                model=_own_model(spec),
                endpoint=self._service(model, spec),
                base_url=spec.base_url or "",
                tls=tls(own_tls, *where, ("spec", "policies", "tls"), self._faults),
                formats=serves,
                paths=paths,
                variables=settings(provider, _said(spec)),
                credential=found.credential,
                passthrough=found.passthrough,
                placement=found.placement,
                credentials=found.credentials,
                clocks=own_clocks(own_timeouts),
                health=health(own_health),
                ai=self._ai(model),
                shaping=self._shaping(model),
            )
        )
        cloud = cloud_of(auth, model.namespace, self._values, self._env)
        if provider.auth != "key" and auth is None:
            held = in_environment(provider, self._env)
            cloud, credential = (None, None) if held is None else (held.cloud, held.credential)
            target = msgspec.structs.replace(target, credential=credential)
        target = msgspec.structs.replace(target, cloud=in_region(cloud, target.variables.get("region", "")))
        backend = AiBackend(name=model.label, groups=((target,),), access=self._access(model))
        return ModelRoute(pattern=pattern(model), backend=backend, public=spec.visibility == "Public")

    def _ai(self, model: Model) -> AiPolicy:
        policies = model.body.spec.policies
        if policies is None or not (
            policies.transformations or policies.final_transformations or policies.prompt_guard
        ):
            return AiPolicy()
        said = AiSettings(
            transformations=policies.transformations,
            final_transformations=policies.final_transformations,
            prompt_guard=policies.prompt_guard,
        )
        return self._readers.ai.policy(Said(said, model.document, _POLICIES, model.namespace), model.label)

    def _access(self, model: Model) -> Access:
        policies = model.body.spec.policies
        said = AccessSettings(authorization=None if policies is None else policies.authorization)
        return self._readers.access.access([Said(said, model.document, _POLICIES, model.namespace)])

    def _shaping(self, model: Model) -> Shaping:
        headers = None if model.body.spec.policies is None else model.body.spec.policies.headers
        if headers is None:
            return NO_SHAPING
        place = partial(model.place, *_POLICIES, "headers")
        return Shaping(
            request_headers=header_change(headers.request, "request", partial(place, "request"), self._faults),
            response_headers=header_change(headers.response, "response", partial(place, "response"), self._faults),
        )

    def _service(self, model: Model, spec: ModelSpec) -> Endpoint | None:
        """Return where a custom provider's Service is.

        Raises:
            Unresolved: there is no such Service, or it is nothing that can be reached here.
        """
        ref = spec.custom.backend_ref if spec.custom is not None else None
        if ref is None:
            return None
        if ref.kind != "Service":
            raise Unresolved("InvalidKind", not_implemented(f"a `backendRef` of kind {ref.kind}"))
        service = self._objects.get(Service, model.namespace, ref.name)
        if service is None:
            raise Unresolved("BackendNotFound", f"Service {model.namespace}/{ref.name} not found")
        ports = [item.port for item in service.body.spec.ports]
        if ref.port is None and len(ports) != 1:
            raise Unresolved("BackendNotFound", f"the `backendRef` to Service {service.label} needs a `port`")
        return service_endpoint(service, ref.port or ports[0])

    def _virtual(self, model: Model) -> ModelRoute:
        """Return the route of a virtual model.

        Raises:
            Unresolved: none of its targets can be used.
        """
        spec = model.body.spec.virtual_model
        assert spec is not None
        name, path = pattern(model), ("spec", "virtualModel")
        if spec.weighted is not None:
            return weighted(name, self._choices(model, spec.weighted.targets, (*path, "weighted", "targets")))
        if spec.failover is not None:
            choices = self._choices(model, spec.failover.targets, (*path, "failover", "targets"))
            return failover(name, model.label, choices)
        assert spec.conditional is not None
        return conditional(name, self._choices(model, spec.conditional.targets, (*path, "conditional", "targets")))

    def _choices(
        self, model: Model, targets: Sequence[WeightedTarget | PriorityTarget | ConditionalTarget], path: Path
    ) -> list[Choice]:
        choices = []
        for index, target in enumerate(targets):
            when = (target.when or "") if isinstance(target, ConditionalTarget) else ""
            check_condition(when, model.place(*path, index, "when"), self._faults)
            try:
                backend = self._backend(model, target, (*path, index))
            except Unresolved as error:
                self.troubles.setdefault(model.label, Trouble("ResolvedRefs", error.reason, str(error)))
                continue
            weight = target.weight if isinstance(target, WeightedTarget) else 1
            priority = target.priority if isinstance(target, PriorityTarget) else 0
            choices.append(Choice(backend=backend, weight=weight, priority=priority, when=when))
        if not choices:
            trouble = self.troubles[model.label]
            raise Unresolved(trouble.reason, trouble.message)
        return choices

    def _backend(self, model: Model, target: ModelTarget, path: Path) -> AiBackend:
        """Return what a target leads to.

        Raises:
            Unresolved: the model that it refers to is missing, virtual, or cannot be used.
        """
        name = target.model_ref.name
        found = self._objects.get(AgentgatewayModel, model.namespace, name)
        if found is None:
            raise Unresolved("BackendNotFound", f"AgentgatewayModel {model.namespace}/{name} not found")
        if found.body.spec.virtual_model is not None:
            raise Unresolved("InvalidKind", f"AgentgatewayModel {found.label} is virtual itself")
        route = self.routes.get(found.label)
        if route is None or route.backend is None:
            raise Unresolved("BackendNotFound", f"AgentgatewayModel {found.label} cannot be used")
        asked = target.model or route.pattern
        if target.model is None and "*" in route.pattern:
            text = f"`model` is needed: {name} stands for every model that `{route.pattern}` fits"
            self._faults.add(model.place(*path), text)
        elif not fits(route.pattern, asked):
            self._faults.add(model.place(*path, "model"), f"{name} stands for no such model")
        return narrowed(route.backend, asked)


def pattern(model: Model) -> str:
    """Return the name, or the pattern of names, that a model answers to."""
    return model.body.spec.match.model or model.name


def _said(spec: ModelSpec) -> dict[str, str | None]:
    """Return the settings that a provider has under its own key, by their names in files."""
    own = spec.azure or spec.vertexai or spec.bedrock
    if own is None:
        return {}
    fields = ((field.encode_name, getattr(own, field.name)) for field in fields_of(own))
    said = {name: value for name, value in fields if name != "model" and isinstance(value, str)}
    if spec.bedrock is not None and (guardrail := spec.bedrock.guardrail) is not None:
        said |= {"guardrail.identifier": guardrail.identifier, "guardrail.version": guardrail.version}
    return dict(said)


def _own_model(spec: ModelSpec) -> str:
    return next((own.model or "" for own in (spec.azure, spec.vertexai, spec.bedrock, spec.custom) if own), "")
