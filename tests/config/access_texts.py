"""Policies of identity as an operator writes them, read by themselves."""

import msgspec

from sluice.config.access_api import AccessSettings
from sluice.config.access_policy import AccessReader
from sluice.config.access_short import short_access
from sluice.config.access_short_api import ShortAccessSettings
from sluice.config.backends import service_endpoint
from sluice.config.core_api import Service
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.guard_api import ServiceTarget
from sluice.config.layers import Said
from sluice.config.objects import Objects, read_objects
from sluice.config.plan import Endpoint
from sluice.config.references import Unresolved, Values
from sluice.config.source import Source, read
from sluice.config.unserved import refuse_unserved
from sluice.errors import ConfigError
from sluice.policies.access import Access


class Read(msgspec.Struct):
    """What came out, and the sentences for the operator."""

    access: Access
    notes: list[str]


def manifest(*layers: str, objects: str = "", namespace: str = "default") -> Read:
    """Compile layers of `spec.traffic`, the weakest first, of policies of a namespace.

    Raises:
        ConfigError: something is refused.
    """
    faults = Faults()
    found = read_objects(read(Source("objects.yaml", objects), faults), faults) if objects else Objects()
    reader = AccessReader(found, Values(found, {}, faults), where_in(found), faults)
    said = []
    for index, text in enumerate(layers):
        (document,) = read(Source(f"{'abc'[index]}.yaml", text), faults)
        settings = decode(document, AccessSettings, faults)
        if settings is not None:
            refuse_unserved(document, settings, faults)
            said.append(Said(settings, document, (), namespace))
    faults.check()
    access = reader.access(said)
    assert reader.access(said) is access
    faults.check()
    return Read(access, reader.notes)


def short(text: str) -> Read:
    """Compile what stands under `llm.policies`."""
    faults = Faults()
    (document,) = read(Source("llm.yaml", text), faults)
    settings = decode(document, ShortAccessSettings, faults)
    if settings is not None:
        refuse_unserved(document, settings, faults)
    faults.check()
    assert settings is not None
    notes: list[str] = []
    access = short_access(settings, document.place, faults, notes)
    faults.check()
    return Read(access, notes)


def refused(text: str, *, objects: str = "", form: str = "manifest") -> list[str]:
    """Return the lines of the error that such a text must raise."""
    try:
        _ = short(text) if form == "short" else manifest(text, objects=objects)
    except ConfigError as error:
        return str(error).split("\n")
    raise AssertionError("it was accepted")


def where_in(objects: Objects):  # type: ignore[no-untyped-def]
    def where(target: ServiceTarget, namespace: str) -> Endpoint:
        service = objects.get(Service, target.namespace or namespace, target.name)
        if service is None:
            raise Unresolved("BackendNotFound", f"{target.kind} {namespace}/{target.name} not found")
        return service_endpoint(service, target.port or 80)

    return where


def api_secret(name: str, entries: str, *, labels: str = "{}", namespace: str = "default", kind: str = "Opaque") -> str:
    """Return a Secret of keys."""
    meta = f"{{name: {name}, namespace: {namespace}, labels: {labels}}}"
    return f"---\napiVersion: v1\nkind: Secret\ntype: {kind}\nmetadata: {meta}\nstringData: {entries}\n"


SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: idp}
spec: {ports: [{port: 8080}]}
"""
