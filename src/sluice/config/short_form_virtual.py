"""`llm.virtualModels` of the short form: models that stand for others, by weight, by priority or by a condition.

PURE. Obeys: compat-agentgateway 3.1. A target names a model of the file, or something that a pattern there fits; it may
be internal, but not virtual. Virtual models are public.
"""

from collections.abc import Sequence

from sluice.config.conditions import check_condition
from sluice.config.decode import closest
from sluice.config.faults import Faults, Path
from sluice.config.plan import AiBackend, ModelRoute
from sluice.config.routing import best_route
from sluice.config.short_form_api import ConditionalTarget, PriorityTarget, VirtualModelSpec, WeightedTarget
from sluice.config.source import Document
from sluice.config.virtual import Choice, conditional, failover, narrowed, weighted

_Target = WeightedTarget | PriorityTarget | ConditionalTarget


def virtual_routes(
    document: Document, specs: Sequence[VirtualModelSpec], models: Sequence[ModelRoute], faults: Faults
) -> tuple[ModelRoute, ...]:
    """Return the routes of the virtual models, in the order of the file; `models` are those of `llm.models`."""
    compiler = _Compiler(document, models, faults)
    found = (compiler.route(spec, ("llm", "virtualModels", index, "routing")) for index, spec in enumerate(specs))
    return tuple(route for route in found if route is not None)


class _Compiler:
    """One file's virtual models on their way."""

    def __init__(self, document: Document, models: Sequence[ModelRoute], faults: Faults) -> None:
        self._document, self._models, self._faults = document, models, faults

    def route(self, spec: VirtualModelSpec, path: Path) -> ModelRoute | None:
        """Return one route, None if none of its targets is right."""
        routing = spec.routing
        if routing.weighted is not None:
            choices = self._choices(routing.weighted.targets, (*path, "weighted", "targets"))
            return weighted(spec.name, choices) if choices else None
        if routing.failover is not None:
            choices = self._choices(routing.failover.targets, (*path, "failover", "targets"))
            return failover(spec.name, f"default/{spec.name}", choices) if choices else None
        assert routing.conditional is not None
        choices = self._choices(routing.conditional.targets, (*path, "conditional", "targets"))
        return conditional(spec.name, choices) if choices else None

    def _choices(self, targets: Sequence[_Target], path: Path) -> list[Choice]:
        choices = []
        for index, target in enumerate(targets):
            backend = self._backend(target.model, (*path, index, "model"))
            when = (target.when or "") if isinstance(target, ConditionalTarget) else ""
            check_condition(when, self._document.place(*path, index, "when"), self._faults)
            if backend is not None:
                weight = 1 if isinstance(target, ConditionalTarget) else target.weight
                priority = target.priority if isinstance(target, PriorityTarget) else 0
                choices.append(Choice(backend=backend, weight=weight, priority=priority, when=when))
        return choices

    def _backend(self, model: str, path: Path) -> AiBackend | None:
        route = best_route(self._models, model)
        if route is None or route.backend is None or ("*" in model and model != route.pattern):
            names = [item.pattern for item in self._models]
            if model in names:
                text = "a virtual model cannot ask for the headers that this one's `matches` name"
                self._faults.add(self._document.place(*path), text, "`when` of a conditional target may look at them")
                return None
            self._faults.add(self._document.place(*path), "no such model is defined", closest(model, names))
            return None
        if "*" not in model:
            return narrowed(route.backend, model)
        # A pattern is no model's name: its entry has to say which model is asked for.
        if any(not target.model for group in route.backend.groups for target in group):
            text = "this is a pattern without `params.model`"
            self._faults.add(self._document.place(*path), text, "name one of the models that it stands for")
        return route.backend
