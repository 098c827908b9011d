"""The agent card: who the agent is, and where. One card for all versions; each reads the fields it knows.

Public: it says nothing that is not in its addresses. Source: A2A specifications 0.2.5, 0.3.0 and 1.0, sections on
discovery (read 2026-11-21); that clients of 0.3 and 1.0 both take a merged card: agents.md C.3.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sluice.agent_server.server import Server, as_json
from sluice.agents.agent import Agent

JSONRPC, REST = "JSONRPC", "HTTP+JSON"
MODES = ("text/plain", "application/json", "application/octet-stream")
HEADERS = {"access-control-allow-origin": "*", "cache-control": "max-age=60", "vary": "host"}
"""Any page may read who the agent is."""


def card(agent: Agent, base: str, *, rpc: str, keyed: bool) -> dict[str, Any]:
    """Return the card of an agent. `base`: the address of its REST binding, without a slash at the end; `rpc`: of its
    JSON-RPC; `keyed`: whether who asks must say who he is."""
    told: dict[str, Any] = {
        "name": agent.name,
        "description": agent.description,
        "version": agent.version,
        "capabilities": {"streaming": True, "pushNotifications": False, "stateTransitionHistory": False},
        "defaultInputModes": list(MODES),
        "defaultOutputModes": list(MODES),
        "skills": [_skill(agent)],
        # 0.2 and 0.3
        "protocolVersion": "0.3.0",
        "url": rpc,
        "preferredTransport": JSONRPC,
        "additionalInterfaces": [{"url": rpc, "transport": JSONRPC}, {"url": base, "transport": REST}],
        "supportsAuthenticatedExtendedCard": False,
        # 1.0
        "supportedInterfaces": [
            {"url": url, "protocolBinding": binding, "protocolVersion": version}
            for version in ("1.0", "0.3")
            for url, binding in ((rpc, JSONRPC), (base, REST))
        ],
    }
    return told | (_KEYED if keyed else {})


_KEYED: dict[str, Any] = {
    "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "httpAuthSecurityScheme": {"scheme": "bearer"}}},
    "security": [{"bearer": []}],
    "securityRequirements": [{"schemes": {"bearer": {"list": []}}}],
}


def _skill(agent: Agent) -> dict[str, Any]:
    name = agent.name.replace("-", " ").replace("_", " ")
    about = agent.description or f"Answers messages as {agent.name}."
    return {"id": agent.name, "name": name, "description": about, "tags": ["chat", "streaming", *sorted(agent.tools)]}


def endpoint(server: Server, request: Request) -> Response:
    """Return the card of the agent whose path this is.

    Raises:
        NotFound: there is no such agent.
    """
    named = server.agent(request)
    agent = server.service.catalogue.get(named)
    base = str(request.base_url).rstrip("/") + (f"/agents/{named}" if named else "")
    return as_json(card(agent, base, rpc=f"{base}/a2a" if named else f"{base}/", keyed=server.keyed), headers=HEADERS)
