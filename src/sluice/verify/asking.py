"""Requests as the clients of each dialect send them, with a prescription for the fake provider in the last message.

Pure. Addresses are those of the published APIs, behind the gateway's own prefix.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify.facts import CLIENTS, PROVIDERS, Client, Provider

NO_FAULT = Fault()
MAX_OUTPUT_TOKENS = 65_536


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway that is verified, as its operator describes it."""

    host: str
    port: int
    tls: bool = False
    prefix: str = ""
    """Before every address; begins with a slash, or empty."""
    headers: tuple[tuple[str, str], ...] = ()
    """On every request."""
    models: Mapping[Provider, str] = {}
    """Which model leads to the provider's dialect; one that is not in here is `verify-` and the dialect's name."""
    clients: tuple[Client, ...] = CLIENTS
    providers: tuple[Provider, ...] = PROVIDERS
    idle_s: float | None = None
    """Its time-out for a provider that is silent; None = not known."""
    keep_alive_s: float = 0.5
    """Its interval of keep-alives, or how long they are waited for."""

    def model(self, provider: Provider) -> str:
        return self.models.get(provider, f"verify-{provider}")

    @property
    def pairs(self) -> list[tuple[Client, Provider]]:
        return [(client, provider) for client in self.clients for provider in self.providers]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for."""

    client: Client
    provider: Provider
    content: str
    """The answer's text."""
    fault: Fault = NO_FAULT
    tag: str
    """By which the provider's side of it is found."""
    stream: bool = True
    shows_usage: bool = False
    """Chat: asks for usage in the stream."""


def request(gateway: Gateway, wish: Wish) -> bytes:
    """Return the request, head and body."""
    path, body = _render(gateway, wish)
    host = gateway.host if gateway.port in (80, 443) else f"{gateway.host}:{gateway.port}"
    own = {"content-type": "application/json", "accept-encoding": "identity", "connection": "close"}
    if wish.client == "messages":
        own["anthropic-version"] = "2023-06-01"
    headers = own | {name.lower(): value for name, value in gateway.headers}
    encoded = msgspec.json.encode(body)
    lines = [f"POST {gateway.prefix}{path} HTTP/1.1", f"host: {host}", f"content-length: {len(encoded)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + encoded


def prompt(wish: Wish) -> str:
    """Return the user's message: it survives every translation."""
    prescription = {"content": wish.content, "fault": msgspec.structs.replace(wish.fault, tag=wish.tag)}
    return f"Say this. [[fake {msgspec.json.encode(prescription).decode()}]]"


def _render(gateway: Gateway, wish: Wish) -> tuple[str, dict[str, object]]:
    model, said = gateway.model(wish.provider), prompt(wish)
    messages = [{"role": "user", "content": said}]
    match wish.client:
        case "chat":
            usage = {"stream_options": {"include_usage": True}} if wish.stream and wish.shows_usage else {}
            return "/v1/chat/completions", {"model": model, "messages": messages, "stream": wish.stream, **usage}
        case "responses":
            return "/v1/responses", {"model": model, "input": said, "stream": wish.stream}
        case "messages":
            bound = {"max_tokens": MAX_OUTPUT_TOKENS}
            return "/v1/messages", {"model": model, "messages": messages, "stream": wish.stream, **bound}
    call = "streamGenerateContent?alt=sse" if wish.stream else "generateContent"
    contents = [{"role": "user", "parts": [{"text": said}]}]
    return f"/v1beta/models/{quote(model, safe='')}:{call}", {"contents": contents}
