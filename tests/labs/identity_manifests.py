"""Manifests of pages, read as files are, as far as they say who may ask."""

from sluice.config.access_api import AccessSettings
from sluice.config.access_policy import AccessReader
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.layers import Said
from sluice.config.objects import read_objects
from sluice.config.references import Values
from sluice.config.source import Document, Source, read
from sluice.policies.access import Access
from tests.config.access_texts import where_in

POLICIES = ("AgentgatewayPolicy", "EnterpriseAgentgatewayPolicy")


def access_of(text: str) -> Access:
    """Compile the policies of manifests.

    Raises:
        ConfigError: something in them is wrong.
    """
    faults = Faults()
    documents = read(Source("lab.yaml", text), faults)
    plain = [document for document in documents if _kind(document) not in POLICIES]
    objects = read_objects(plain, faults)
    reader = AccessReader(objects, Values(objects, {}, faults), where_in(objects), faults)
    layers = []
    for document in documents:
        value = document.value
        if _kind(document) in POLICIES and isinstance(value, dict):
            part = document.part(value["spec"]["traffic"], "spec", "traffic")
            settings = decode(part, AccessSettings, faults)
            if settings is not None:
                layers.append(Said(settings, part, (), value["metadata"].get("namespace", "default")))
    faults.check()
    access = reader.access(layers)
    faults.check()
    assert not reader.notes, reader.notes
    return access


def _kind(document: Document) -> object:
    return document.value.get("kind") if isinstance(document.value, dict) else None
