"""The objects of all manifests, decoded and found by kind, namespace and name.

PURE. Unknown kinds are refused: an object that nobody reads would be a setting silently ignored.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from sluice.config import (
    access_enterprise_api,
    backend_api,
    core_api,
    gateway_api,
    legacy_api,
    limit_config_api,
    model_api,
    parameters_api,
    policy_api,
    route_option_api,
)
from sluice.config.backend_policy_api import AGENTGATEWAY
from sluice.config.core_api import Object
from sluice.config.decode import closest, decode
from sluice.config.faults import Faults, Place
from sluice.config.gateway_api import GATEWAY
from sluice.config.source import Document
from sluice.config.unserved import refuse_unserved

_KINDS: dict[str, tuple[str, tuple[str, ...], type[Object]]] = {
    "Gateway": (GATEWAY, ("v1", "v1beta1"), gateway_api.Gateway),
    "GatewayClass": (GATEWAY, ("v1", "v1beta1"), gateway_api.GatewayClass),
    "HTTPRoute": (GATEWAY, ("v1", "v1beta1"), gateway_api.HttpRoute),
    "ReferenceGrant": (GATEWAY, ("v1", "v1beta1"), gateway_api.ReferenceGrant),
    "AgentgatewayBackend": (AGENTGATEWAY, ("v1alpha1",), backend_api.AgentgatewayBackend),
    "AgentgatewayPolicy": (AGENTGATEWAY, ("v1alpha1",), policy_api.AgentgatewayPolicy),
    "EnterpriseAgentgatewayPolicy": (policy_api.ENTERPRISE, ("v1alpha1",), policy_api.EnterpriseAgentgatewayPolicy),
    "AgentgatewayModel": (AGENTGATEWAY, ("v1alpha1",), model_api.AgentgatewayModel),
    "AgentgatewayParameters": (AGENTGATEWAY, ("v1alpha1",), parameters_api.AgentgatewayParameters),
    "EnterpriseAgentgatewayParameters": (
        policy_api.ENTERPRISE,
        ("v1alpha1",),
        parameters_api.EnterpriseAgentgatewayParameters,
    ),
    "TrafficPolicy": ("gateway.kgateway.dev", ("v1alpha1",), legacy_api.TrafficPolicy),
    "GlooTrafficPolicy": ("gloo.solo.io", ("v1alpha1",), legacy_api.GlooTrafficPolicy),
    "RouteOption": ("gateway.solo.io", ("v1",), route_option_api.RouteOption),
    "VirtualHostOption": ("gateway.solo.io", ("v1",), route_option_api.VirtualHostOption),
    "AuthConfig": (access_enterprise_api.GROUP, ("v1",), access_enterprise_api.AuthConfig),
    "RateLimitConfig": (limit_config_api.GROUP, ("v1alpha1",), limit_config_api.RateLimitConfig),
    "Secret": ("", ("v1",), core_api.SecretObject),
    "ConfigMap": ("", ("v1",), core_api.ConfigMap),
    "Service": ("", ("v1",), core_api.Service),
    "Namespace": ("", ("v1",), core_api.Namespace),
}
"""Kind -> API group, versions, schema."""

_HINTS = {
    "Deployment": "only what configures the gateway is read",
}

T = TypeVar("T", bound=Object)
T_co = TypeVar("T_co", bound=Object, covariant=True)


class Resource(Generic[T_co]):
    """One object and the document it came from. Never changed."""

    __slots__ = ("body", "document", "kind")

    def __init__(self, kind: str, body: T_co, document: Document) -> None:
        self.kind, self.body, self.document = kind, body, document

    @property
    def name(self) -> str:
        return self.body.metadata.name

    @property
    def namespace(self) -> str:
        return self.body.metadata.namespace

    @property
    def label(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def labels(self) -> dict[str, str]:
        return self.body.metadata.labels or {}

    def place(self, *path: str | int) -> Place:
        return self.document.place(*path)


class Objects:
    """What the manifests hold. Filled once by `read_objects`, then only asked."""

    def __init__(self) -> None:
        self._by_schema: dict[type[Object], dict[str, Resource[Object]]] = {}

    def add(self, resource: Resource[Object], faults: Faults) -> None:
        """Take one object in; a second one of the same kind and name is a fault at the second place."""
        same = self._by_schema.setdefault(type(resource.body), {})
        if resource.label in same:
            first = same[resource.label].place("metadata", "name")
            text = f"{resource.kind} {resource.label} is defined twice"
            faults.add(resource.place("metadata", "name"), text, f"first in {first.file}:{first.line}")
        else:
            same[resource.label] = resource

    def of(self, schema: type[T]) -> list[Resource[T]]:
        """Return all objects of a kind in the order of the files."""
        return list(self._by_schema.get(schema, {}).values())  # type: ignore[arg-type]  # filed by its schema

    def get(self, schema: type[T], namespace: str, name: str) -> Resource[T] | None:
        """Return one object, or None."""
        return self._by_schema.get(schema, {}).get(f"{namespace}/{name}")  # type: ignore[return-value]  # filed by its schema


class _Head(msgspec.Struct, rename="camel"):
    """What tells an object's kind, before its schema is known."""

    kind: str
    api_version: str


def read_objects(documents: Iterable[Document], faults: Faults) -> Objects:
    """Decode every document, `kind: List` unpacked; each mistake goes to `faults`."""
    objects = Objects()
    for document in documents:
        for item in _items(document):
            head = decode(item, _Head, faults)
            schema = _schema(item, head, faults) if head is not None else None
            body = decode(item, schema, faults) if schema is not None else None
            if head is not None and body is not None:
                refuse_unserved(item, body, faults)
                objects.add(Resource(head.kind, body, item), faults)
    return objects


def _items(document: Document) -> list[Document]:
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        return [inner for i, item in enumerate(value["items"]) for inner in _items(document.part(item, "items", i))]
    return [document]


def _schema(document: Document, head: _Head, faults: Faults) -> type[Object] | None:
    if head.kind not in _KINDS:
        current = [kind for kind, (group, _, _) in _KINDS.items() if group in (GATEWAY, AGENTGATEWAY, "")]
        hint = _HINTS.get(head.kind) or closest(head.kind, current)
        faults.add(document.place("kind"), f"unknown kind `{head.kind}`", hint)
        return None
    group, versions, schema = _KINDS[head.kind]
    known = [f"{group}/{version}" if group else version for version in versions]
    if head.api_version not in known:
        message = f"unknown apiVersion `{head.api_version}` for {head.kind}"
        faults.add(document.place("apiVersion"), message, f"expected `{known[0]}`")
        return None
    return schema
