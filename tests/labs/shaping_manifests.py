"""Manifests of labs, read as files are, as far as they shape: `traffic` and `backend.ai` of policies, filters."""

from typing import TypeVar

import msgspec

from sluice.config.core_api import Schema
from sluice.config.decode import decode
from sluice.config.expressions import members
from sluice.config.faults import Faults, Path
from sluice.config.filter_api import Filters
from sluice.config.filter_policy import filtered
from sluice.config.layers import Said
from sluice.config.shaping_api import FieldExpressions, PromptCachingSettings
from sluice.config.shaping_policy import prompt_caching, shaping
from sluice.config.source import Document, Source, read
from sluice.gateway.ports import Request
from sluice.gateway.shaper import OwnReply, Shaper
from sluice.gateway.shaping import Shape
from sluice.policies.prompt_caching import PromptCaching
from sluice.policies.shaping import NO_SHAPING, Shaping
from tests.config.shaping_texts import TrafficPart
from tests.gateway.shapes import never, shape

T = TypeVar("T")


class AiPart(Schema):
    """The members of `backend.ai` that shape."""

    transformations: FieldExpressions | None = None
    final_transformations: FieldExpressions | None = None
    prompt_caching: PromptCachingSettings | None = None


class RulePart(Schema):
    filters: Filters = ()


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifests of a lab come to."""

    shaping: Shaping = NO_SHAPING
    prefix: str = ""
    transformations: tuple[tuple[str, str], ...] = ()
    caching: PromptCaching | None = None

    def ask(self, request: Request, **known: object) -> tuple[Shape, OwnReply | None]:
        """Lead a request through the route."""
        found = shape(request, **known)
        reply = found.at_rule(Shaper(self.shaping), self.prefix)
        return found, reply or found.before(never)


def lab(text: str, rule: int = 0) -> Lab:
    """Load manifests; of an HTTPRoute the filters of one rule.

    Raises:
        ConfigError: something in them is wrong.
    """
    faults = Faults()
    layers: list[Said[TrafficPart]] = []
    own, prefix, ai = NO_SHAPING, "", AiPart()
    fields: tuple[tuple[str, str], ...] = ()
    for document in read(Source("lab.yaml", text), faults):
        spec = _mapping(document.value, "spec")
        if "traffic" in spec:
            layers.append(
                Said(_part(document, TrafficPart, ("spec", "traffic"), faults), document, _TRAFFIC, "default")
            )
        if "backend" in spec:
            ai = _part(document, AiPart, ("spec", "backend", "ai"), faults)
            said = Said(ai, document, ("spec", "backend", "ai", "transformations"), "default")
            fields = members(ai.transformations, said.place, faults)
        if "rules" in spec:
            own, prefix = _rule(document, rule, faults)
    found = shaping(layers, faults, own)
    faults.check()
    return Lab(shaping=found, prefix=prefix, transformations=fields, caching=prompt_caching(ai.prompt_caching))


_TRAFFIC: Path = ("spec", "traffic")


def _rule(document: Document, index: int, faults: Faults) -> tuple[Shaping, str]:
    rules = _mapping(document.value, "spec")["rules"]
    assert isinstance(rules, list)
    rule = rules[index]
    path: Path = ("spec", "rules", index)
    filters = decode(document.part({"filters": rule.get("filters", [])}, *path), RulePart, faults)
    assert filters is not None
    matches = [match["path"] for match in rule["matches"]]
    place = Said(filters, document, (*path, "filters"), "default").place
    prefixes = all(match["type"] == "PathPrefix" for match in matches)
    found = filtered(filters.filters, place, faults, prefixes=prefixes, forwards="backendRefs" in rule)
    return found, matches[0]["value"] if prefixes else ""


def _part(document: Document, schema: type[T], path: Path, faults: Faults) -> T:
    value: object = document.value
    for step in path:
        value = _mapping(value, str(step))
    part = decode(document.part(value, *path), schema, faults)
    faults.check()
    assert part is not None
    return part


def _mapping(value: object, name: str) -> dict[str, object]:
    assert isinstance(value, dict)
    inner = value[name]
    assert isinstance(inner, dict)
    return inner
