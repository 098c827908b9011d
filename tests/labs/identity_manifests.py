"""Manifests of labs, read as files are, as far as they say who may ask; and requests put to them."""

import msgspec

from sluice.config.access_api import AccessSettings
from sluice.config.access_policy import AccessReader
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.layers import Said
from sluice.config.objects import read_objects
from sluice.config.references import Values
from sluice.config.source import Document, Source, read
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import SluiceError
from sluice.gateway.access import allow_model
from sluice.policies.access import Access
from sluice.policies.principal import Principal
from tests.config.access_texts import where_in
from tests.gateway.identity import Desk

POLICIES = ("AgentgatewayPolicy", "EnterpriseAgentgatewayPolicy")


class Heard(msgspec.Struct, frozen=True):
    """What a client hears: with `errorFormat: text`, and with `json`; or, let in, who it is and what goes on."""

    status: int
    text: str = ""
    body: bytes = b""
    principal: Principal = Principal()
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Lab:
    """A gateway with the policies of a lab. Each policy is a layer, the later the stronger."""

    def __init__(self, desk: Desk, policies: str | Access) -> None:
        self._desk = desk
        self._access = access_of(policies) if isinstance(policies, str) else policies

    async def ask(self, *headers: str, model: str = "gpt-4o", **members: object) -> Heard:
        """Put a chat request to the gateway."""
        body = msgspec.json.encode({"model": model, "messages": []})
        try:
            admitted = await self._desk.admit(self._access, *headers, body=body, **members)
            allow_model(admitted.principal, model)
        except SluiceError as error:
            return Heard(OPENAI_CHAT.error_status(error), str(error), OPENAI_CHAT.write_error(error))
        return Heard(200, principal=admitted.principal, headers=admitted.request.headers)


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
