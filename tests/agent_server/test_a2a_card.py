"""One agent card for all versions: each official model reads it whole."""

import httpx
import pytest
from a2a.client.card_resolver import parse_agent_card
from a2a.compat.v0_3 import types

from sluice.agent_server.a2a_card import card
from tests.support.a2a_agents import asker, storyteller
from tests.support.agent_site import AgentSites

WELL_KNOWN = ["/.well-known/agent.json", "/.well-known/agent-card.json"]


@pytest.mark.parametrize("path", WELL_KNOWN)
async def test_both_places_have_the_default_agents_card_and_any_page_may_read_it(
    agent_site: AgentSites, path: str
) -> None:
    site = await agent_site(storyteller(), asker())
    async with httpx.AsyncClient(timeout=5) as http:
        told = await http.get(site.url + path)
        other = await http.get(f"{site.url}/agents/asker{path}")
        assert (await http.post(site.url + path)).status_code == 405
        assert (await http.get(f"{site.url}/agents/nobody{path}")).status_code == 404
    assert told.headers["access-control-allow-origin"] == "*"
    assert (told.json()["name"], told.json()["url"]) == ("storyteller", f"{site.url}/")
    assert (other.json()["name"], other.json()["url"]) == ("asker", f"{site.url}/agents/asker/a2a")


@pytest.mark.parametrize("keyed", [False, True])
def test_each_version_reads_what_is_its_own(keyed: bool) -> None:
    told = card(storyteller(), "http://h", rpc="http://h/", keyed=keyed)
    old = types.AgentCard.model_validate(told)
    assert (old.url, old.preferred_transport, old.protocol_version) == ("http://h/", "JSONRPC", "0.3.0")
    assert old.capabilities.streaming
    assert not old.capabilities.push_notifications
    assert bool(old.security) == keyed
    new = parse_agent_card(told)
    ways = [(one.url, one.protocol_binding, one.protocol_version) for one in new.supported_interfaces]
    assert ways == [
        ("http://h/", "JSONRPC", "1.0"),
        ("http://h", "HTTP+JSON", "1.0"),
        ("http://h/", "JSONRPC", "0.3"),
        ("http://h", "HTTP+JSON", "0.3"),
    ]
    assert (new.name, new.version, new.description) == ("storyteller", "1.2.0", "Tells stories.")
    assert new.skills[0].tags
    assert [one.http_auth_security_scheme.scheme for one in new.security_schemes.values()] == ["bearer"] * keyed
    assert len(new.security_requirements) == keyed
