"""Schemas of Kubernetes' own objects: what surrounds every object, Secret, ConfigMap, Service, Namespace.

PURE. Obeys: Kubernetes API v1.34, of which only what a gateway reads is looked at; unknown fields are refused.
"""

from typing import Annotated, Literal, dataclass_transform

import msgspec

from sluice.config.unserved import Ignored

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")]
"""A DNS subdomain, as Kubernetes demands of names. It goes into labels, log fields and host names."""
Host = Annotated[
    str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]+|[A-Za-z0-9._-]+)$")
]
"""A host name or an address: no scheme, port or path."""
HeaderName = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9!#$%&'*+\-.^_|~`]+$")]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Expression = Annotated[str, msgspec.Meta(min_length=1, max_length=16384)]
"""CEL. Whether it can be asked, `conditions` finds out."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Schema(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A mapping of a file. Unknown fields are refused, lists become tuples."""


class Metadata(Schema):
    """Who an object is. The rest is written by a Kubernetes server and printed by `kubectl get -o yaml`."""

    name: Name
    namespace: Name = "default"
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    creation_timestamp: str | None = None
    """Decides between routes of equal precedence: the older wins."""
    uid: Ignored = None
    generation: Ignored = None
    resource_version: Ignored = None
    managed_fields: Ignored = None
    owner_references: Ignored = None
    finalizers: Ignored = None
    self_link: Ignored = None
    generate_name: Ignored = None
    deletion_timestamp: Ignored = None
    deletion_grace_period_seconds: Ignored = None


class Object(Schema):
    """The frame of every object. `status` is the server's to write and ignored."""

    api_version: str
    kind: str
    metadata: Metadata
    status: Ignored = None


class SecretObject(Object):
    """`stringData` wins over `data`, as the server does it."""

    type: str = "Opaque"
    data: dict[str, str] | None = None
    """Base64."""
    string_data: dict[str, str] | None = None
    immutable: bool | None = None


class ConfigMap(Object):
    data: dict[str, str] | None = None
    binary_data: Ignored = None
    immutable: bool | None = None


class ServicePort(Schema):
    port: Port
    name: str | None = None
    protocol: str = "TCP"
    target_port: Ignored = None
    node_port: Ignored = None
    app_protocol: Ignored = None


class ServiceSpec(Schema):
    """Outside a cluster only the name matters: `externalName`, or the Service's own name by DNS."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    external_name: Host | None = None
    ports: tuple[ServicePort, ...] = ()
    selector: Ignored = None
    cluster_ip: Ignored = msgspec.field(name="clusterIP", default=None)
    cluster_ips: Ignored = msgspec.field(name="clusterIPs", default=None)
    external_ips: Ignored = msgspec.field(name="externalIPs", default=None)
    load_balancer_ip: Ignored = msgspec.field(name="loadBalancerIP", default=None)
    load_balancer_class: Ignored = None
    load_balancer_source_ranges: Ignored = None
    allocate_load_balancer_node_ports: Ignored = None
    external_traffic_policy: Ignored = None
    internal_traffic_policy: Ignored = None
    ip_families: Ignored = None
    ip_family_policy: Ignored = None
    publish_not_ready_addresses: Ignored = None
    session_affinity: Ignored = None
    session_affinity_config: Ignored = None
    health_check_node_port: Ignored = None
    traffic_distribution: Ignored = None

    def __post_init__(self) -> None:
        if self.type == "ExternalName" and not self.external_name:
            raise ValueError("a Service of type ExternalName needs `externalName`")


class Service(Object):
    spec: ServiceSpec = ServiceSpec()


class Namespace(Object):
    """Its labels are what `allowedRoutes` selects by."""

    spec: Ignored = None
