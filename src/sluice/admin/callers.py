"""Who may ask the admin address: this machine, under its own names, and of web pages none but its own.

Obeys: Fetch, 3.2, "append a request `Origin` header"; Fetch Metadata, 2.3 (read 2026-11-21).
"""

import ipaddress

from starlette.requests import Request

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""No page may rebind a name to the admin's address."""


def of_a_page(request: Request) -> bool:
    """Return whether a browser sends a request for a web page, which may be anybody's: a form reaches this machine
    under its own name. A page's own scripts, when they only read, are none of these."""
    site = request.headers.get("sec-fetch-site", "none")
    return "origin" in request.headers or site not in ("none", "same-origin")


def of_another_page(request: Request) -> bool:
    """Return whether a browser sends a request for another page than ours. Browsers name the origin of every POST."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    return site not in ("none", "same-origin") or (
        origin is not None and origin != f"http://{request.headers.get('host', '')}"
    )


def of_this_machine(request: Request) -> bool:
    """Return whether a request comes from this machine, whatever it says of its host."""
    if request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
