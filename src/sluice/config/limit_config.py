"""A RateLimitConfig to descriptors that the gateway counts itself.

PURE. Each list of actions makes one descriptor of a request, which finds its limit in the tree; lists count apart.
"""

import msgspec

from sluice.config.conditions import Placing
from sluice.config.faults import Faults, Path
from sluice.config.limit_config_api import UNIT_S, Action, DescriptorTree, MetadataAction, RateLimitConfig
from sluice.config.limit_expressions import checked
from sluice.config.limit_names import rate_id
from sluice.policies.limiting import Described, Measure, Node, Part, Rate

_MEASURES: dict[str, Measure] = {"REQUEST": "requests", "TOKEN": "tokens"}


def described(
    config: RateLimitConfig, label: str, place: Placing, faults: Faults, usual: Measure = "requests"
) -> tuple[Described, ...]:
    """Return what a RateLimitConfig says. `label`: its `namespace/name`; `place` begins at its `spec.raw`; `usual`:
    what is counted by a list of actions without a `type`."""
    raw = config.spec.raw
    found = []
    for index, actions in enumerate(raw.rate_limits):
        measure = usual if actions.type is None else _MEASURES[actions.type]
        parts = tuple(
            _part(action, place, ("rateLimits", index, "actions", number), faults)
            for number, action in enumerate(actions.actions)
        )
        found.append(Described(parts=parts, nodes=_nodes(raw.descriptors, f"{label} {raw.domain or ''}", measure)))
    return tuple(found)


def _nodes(trees: tuple[DescriptorTree, ...], label: str, measure: Measure) -> tuple[Node, ...]:
    nodes = []
    for tree in trees:
        name = f"{label}/{tree.key}" + (f"={tree.value}" if tree.value is not None else "")
        rate = None
        if tree.rate_limit is not None:
            count, unit_s = tree.rate_limit.requests_per_unit, UNIT_S[tree.rate_limit.unit]
            rate = Rate(
                id=rate_id(name, measure, count, unit_s),
                name=f"RateLimitConfig {name}",
                measure=measure,
                capacity=count,
                fill=count,
                interval_us=unit_s * 1_000_000,
            )
        inner = _nodes(tree.descriptors, name, measure)
        nodes.append(Node(key=tree.key, value=tree.value, rate=rate, nodes=inner))
    return tuple(nodes)


def _part(action: Action, place: Placing, path: Path, faults: Faults) -> Part:
    if action.generic_key is not None:
        key = action.generic_key
        return Part(key.descriptor_key, _text(key.descriptor_value))
    if action.request_headers is not None:
        headers = action.request_headers
        return Part(headers.descriptor_key, f'request.headers["{headers.header_name.lower()}"]')
    if action.cel is not None:
        return Part(action.cel.key, checked(action.cel.expression, place(*path, "cel", "expression"), faults))
    if action.metadata is not None:
        return Part(action.metadata.descriptor_key, _claim(action.metadata))
    return Part("remote_address", "source.address")


def _claim(spec: MetadataAction) -> str:
    """A claim as CEL; one that is not there is the default, and without one there is no descriptor."""
    _, *steps = spec.metadata_key.path
    claim = "jwt" + "".join(f"[{_text(step.key)}]" for step in steps)
    default = spec.default_value if spec.default_value is not None else spec.default
    return claim if default is None else f"default({claim}, {_text(default)})"


def _text(value: str) -> str:
    return msgspec.json.encode(value).decode()
