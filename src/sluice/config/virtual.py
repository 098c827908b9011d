"""Virtual models to routes of the Plan, whichever form they were written in.

PURE. Obeys: compat-agentgateway 1.9, 2.6 and 3.1. Weighted and conditional ones become alternatives; fail-over is one
backend whose groups stand in order of priority, targets of one priority in one group.
"""

from collections.abc import Sequence

import msgspec

from sluice.config.plan import AiBackend, Alternative, ModelRoute
from sluice.policies.access import merged
from sluice.policies.authorization import each_of


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One target of a virtual model. Only the member that its kind of routing looks at is set."""

    backend: AiBackend
    weight: int = 1
    priority: int = 0
    when: str = ""


def narrowed(backend: AiBackend, model: str) -> AiBackend:
    """Return the backend of a model, asked for under a name that it stands for.

    A target without a model of its own would ask for the name that the client wrote, here that of the virtual model.
    """
    groups = tuple(
        tuple(
            target if target.model else msgspec.structs.replace(target, model=model.removeprefix(target.strips))
            for target in group
        )
        for group in backend.groups
    )
    return msgspec.structs.replace(backend, groups=groups)


def weighted(name: str, choices: Sequence[Choice]) -> ModelRoute:
    """Return the route of a model that is chosen by weight."""
    found = tuple(Alternative(backend=choice.backend, weight=choice.weight) for choice in choices)
    return ModelRoute(pattern=name, alternatives=found)


def conditional(name: str, choices: Sequence[Choice]) -> ModelRoute:
    """Return the route of a model that is chosen by the first condition that holds."""
    found = tuple(Alternative(backend=choice.backend, when=choice.when) for choice in choices)
    return ModelRoute(pattern=name, alternatives=found)


def failover(name: str, label: str, choices: Sequence[Choice]) -> ModelRoute:
    """Return the route of a model whose targets are tried in order of priority, lower numbers first; those of one
    priority share its requests by weight, if their weights differ.

    `label` is the name of its backend, `namespace/name`. Who may not ask for one of them may not ask for it.
    """
    groups = []
    for priority in sorted({choice.priority for choice in choices}):
        equal = [choice for choice in choices if choice.priority == priority]
        groups.append(
            tuple(
                target if choice.weight == 1 else msgspec.structs.replace(target, weight=choice.weight)
                for choice in equal
                for group in choice.backend.groups
                for target in group
            )
        )
    accesses = [choice.backend.access for choice in choices]
    rules = each_of(*(access.authorization for access in accesses))  # `allow` rules of several would be alternatives
    access = msgspec.structs.replace(merged(*accesses), authorization=rules)
    return ModelRoute(pattern=name, backend=AiBackend(name=label, groups=tuple(groups), access=access))


def backends_of(route: ModelRoute) -> tuple[AiBackend, ...]:
    """Return all backends that may answer for a model."""
    own = () if route.backend is None else (route.backend,)
    return (*own, *(alternative.backend for alternative in route.alternatives))
