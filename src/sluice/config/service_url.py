"""URLs of services that policies ask: where they lead, and what is asked for there.

PURE. A URL may carry a password, so no message repeats one.
"""

from urllib.parse import urlsplit

from sluice.config.addresses import base_url, host_port
from sluice.config.plan import Endpoint
from sluice.policies.server import Server


def server_of(endpoint: Endpoint) -> Server:
    """Return an endpoint as policies know it."""
    tls = endpoint.tls
    if tls is None:
        return Server(host=endpoint.host, port=endpoint.port)
    return Server(
        host=endpoint.host,
        port=endpoint.port,
        secure=True,
        server_name=tls.server_name,
        ca_pem=tls.ca_pem,
        verify=tls.verify,
    )


def service_at(url: str) -> tuple[Server, str]:
    """Return the server behind a URL, and the path and query that are asked for there.

    Raises:
        ValueError: it is no http or https URL, or holds credentials or a fragment; the message does not repeat it.
    """
    address, mark, query = url.strip().partition("?")
    endpoint, path = base_url(address)
    if "#" in query or not query.isascii() or not query.isprintable() or " " in query:
        raise ValueError("a URL's query holds no fragment and only characters that a URL may have")
    written = urlsplit(address).path or "/"
    return server_of(endpoint), f"{written if path else '/'}{mark}{query}"


def server_at(text: str) -> Server:
    """Return the server at `host:port`, which is spoken to without TLS; without a port it is 80.

    Raises:
        ValueError: it is neither.
    """
    host, port = host_port(text, 80)
    return Server(host=host, port=port)
