"""What becomes of a request's and an answer's address, headers and body by the operator's wish, on one route.

Of requests in this order: preflight; identity; transformation; cross-site check; headers; redirect; path and host;
limits; delay; abort; an answer of the gateway's own; then, for each backend that is asked, its own transformation and
headers. Of answers: the backend's, then the route's transformation and headers, then cross-origin headers.
Source: labs 2.3, compat-agentgateway 2.5 (what wins).
"""

from typing import Final

import msgspec

from sluice.policies.cors import Cors
from sluice.policies.csrf import Csrf
from sluice.policies.direct_response import DirectResponse
from sluice.policies.fault_injection import Abort, Delay
from sluice.policies.guards import HeaderChange
from sluice.policies.redirect import Redirect
from sluice.policies.rewrite import HostMode, Rewrite
from sluice.policies.transformation import Transformation


class Shaping(msgspec.Struct, frozen=True, kw_only=True):
    """Of a route, a backendRef, a backend or a target; the last three have transformations and headers only. Empty and
    None say nothing."""

    cors: Cors | None = None
    csrf: Csrf | None = None
    transformations: tuple[Transformation, ...] = ()
    """The first whose condition holds is made."""
    request_headers: HeaderChange | None = None
    response_headers: HeaderChange | None = None
    redirect: Redirect | None = None
    rewrite: Rewrite | None = None
    host: HostMode | None = None
    """None = plain HTTP keeps the client's host, a provider gets its own."""
    delays: tuple[Delay, ...] = ()
    """The first whose condition holds counts."""
    abort: Abort | None = None
    direct: tuple[DirectResponse, ...] = ()
    """The first whose condition holds answers."""


NO_SHAPING: Final = Shaping()


def merged(*layers: Shaping) -> Shaping:
    """Return what the layers, the weakest first, come to: each member is decided on its own, by the strongest layer
    that says something about it."""
    said = [layer for layer in layers if layer != NO_SHAPING]
    if len(said) < 2:
        return said[0] if said else NO_SHAPING
    decided = {
        name: value
        for layer in said
        for name in Shaping.__struct_fields__
        if (value := getattr(layer, name)) is not None and value != ()
    }
    return Shaping(**decided)
