"""AgentgatewayModels to listeners: the unified addresses on those that a model names as its parents.

PURE. Obeys: compat-agentgateway 2.6, Gateway API 1.4 (RouteParentStatus). As with routes, a parent Gateway that is not
defined is served on a default listener. A listener whose `allowedRoutes.kinds` lists kinds has to list models too.
"""

from sluice.config.backend_policy_api import AGENTGATEWAY
from sluice.config.faults import Faults
from sluice.config.gateway_api import GATEWAY, ParentReference
from sluice.config.listeners import Slot, Slots
from sluice.config.model_api import AgentgatewayModel
from sluice.config.models import Model, Models, pattern
from sluice.config.objects import Objects
from sluice.config.plan import ModelRoute, Rule
from sluice.config.policy import age
from sluice.config.rule_policies import RulePolicies, Where
from sluice.config.status import Condition, ObjectStatus
from sluice.config.unified import unified_entries
from sluice.config.unserved import not_implemented

KIND = (AGENTGATEWAY, "AgentgatewayModel")


def gateways_of_models(objects: Objects, slots: Slots) -> set[str]:
    """Return the labels of the Gateways that models name and nobody defines."""
    models = objects.of(AgentgatewayModel)
    named = {_gateway(model, ref) for model in models for ref in model.body.spec.parent_refs if ref.kind == "Gateway"}
    return {label for label in named if slots.of(label) is None}


class Attached:
    """What the models of a configuration come to: `routes`, `statuses` and `notes` of the Plan. The entries of the
    unified addresses are added to their slots.
    """

    def __init__(self, models: Models, slots: Slots, holding: RulePolicies, faults: Faults) -> None:
        self._models, self._slots, self._holding, self._faults = models, slots, holding, faults
        self.routes: list[ModelRoute] = []
        self.statuses: list[ObjectStatus] = []
        self.notes: list[str] = []
        self._taken: dict[str, str] = {}
        self._slots_of: dict[str, frozenset[int]] = {}
        for model in models.models:
            self._attach(model)
        self._check_scope()

    def _attach(self, model: Model) -> None:
        found: dict[str, list[Slot]] = {}
        refused: dict[str, Condition] = {}
        for index, ref in enumerate(model.body.spec.parent_refs):
            if (ref.group, ref.kind) != (GATEWAY, "Gateway"):
                self._faults.add(
                    model.place("spec", "parentRefs", index), not_implemented(f"a parent of kind {ref.kind}")
                )
                continue
            gateway = _gateway(model, ref)
            scope = f"{gateway}/{ref.section_name}" if ref.section_name else gateway
            slots, problem = self._parent(model, ref, gateway, scope)
            found[scope] = slots
            if problem is not None:
                refused[scope] = problem
        route, name = self._models.routes.get(model.label), pattern(model)
        attached = [slot for slots in found.values() for slot in slots]
        first = self._taken.setdefault(name, model.label) if route is not None and attached else model.label
        if route is not None and attached and first == model.label:
            self._serve(model, route, attached)
        self._report(model, list(found), refused, first)

    def _parent(
        self, model: Model, ref: ParentReference, gateway: str, scope: str
    ) -> tuple[list[Slot], Condition | None]:
        """Return the listeners that take a model, or why none does."""
        candidates = self._slots.of(gateway)
        if candidates is None:
            return [self._slots.implied(gateway, ref.section_name, ref.port)], None
        wanted = [
            slot
            for slot in candidates
            if ref.section_name in (None, slot.spec.name) and ref.port in (None, slot.spec.port)
        ]
        if not wanted:
            text = f"Gateway {gateway} has no working listener that the reference names"
            return [], _accepted(scope, "NoMatchingParent", text)
        labels = self._slots.namespace_labels(model.namespace)
        allowed = [slot for slot in wanted if slot.admits(model.namespace, labels, KIND)]
        if not allowed:
            return [], _accepted(scope, "NotAllowedByListeners", f"no listener of {gateway} allows this model")
        return allowed, None

    def _serve(self, model: Model, route: ModelRoute, slots: list[Slot]) -> None:
        self.routes.append(route)
        self._slots_of[model.label] = frozenset(id(slot) for slot in slots)
        for slot in slots:
            slot.routes.add(f"{KIND[1]} {model.label}")
            if not any(entry.answer == "by_model" for _, entry in slot.entries):
                where = Where(gateway=slot.gateway, listener=slot.spec.name)
                rule, listed = (self._holding.ruled(Rule(name=name, backends=()), where) for name in ("chat", "models"))
                entries = unified_entries(slot.gateway, by_model=rule, model_list=listed, hostname=slot.hostname)
                slot.entries += [(age(model), entry) for entry in entries]

    def _report(self, model: Model, scopes: list[str], refused: dict[str, Condition], first: str) -> None:
        trouble = self._models.troubles.get(model.label)
        conditions = []
        for scope in scopes:
            accepted = refused.get(scope) or _accepted(scope)
            if first != model.label:
                text = f"AgentgatewayModel {first} answers for the same name"
                accepted = _accepted(scope, "Conflicted", text)
            resolved = Condition(
                type="ResolvedRefs",
                status=trouble is None,
                reason=trouble.reason if trouble is not None else "ResolvedRefs",
                message=trouble.message if trouble is not None else "",
                scope=scope,
            )
            conditions += [accepted, resolved]
        why = [f"{item.message}" for item in conditions if not item.status]
        if why:
            served = "is not served everywhere" if model.label in self._slots_of else "is not served"
            self.notes.append(f"AgentgatewayModel {model.label} {served}: {'; '.join(dict.fromkeys(why))}.")
        place = model.place("metadata", "name")
        self.statuses.append(
            ObjectStatus(
                kind=model.kind, name=model.label, file=place.file, line=place.line, conditions=tuple(conditions)
            )
        )

    def _check_scope(self) -> None:
        """Refuse models that attach to different listeners: the Plan has one list of models, and a model must not be
        reachable where nobody attached it."""
        if len(set(self._slots_of.values())) > 1:
            for model in self._models.models:
                if model.label in self._slots_of:
                    text = not_implemented("models with different listeners as their parents")
                    self._faults.add(model.place("spec", "parentRefs"), text)


def _gateway(model: Model, ref: ParentReference) -> str:
    return f"{ref.namespace or model.namespace}/{ref.name}"


def _accepted(scope: str, reason: str = "Accepted", message: str = "Model was accepted") -> Condition:
    return Condition(type="Accepted", status=reason == "Accepted", reason=reason, message=message, scope=scope)
