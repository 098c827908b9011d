"""Who may ask: the policies of identity on one route.

They run in this order: token, basic, API key, external authorization, authorization (labs 2.3). Of each kind but the
last the strongest layer wins whole; rules of authorization add up.
"""

import msgspec

from sluice.policies.api_key import ApiKeys
from sluice.policies.authorization import EVERYBODY, Authorization, together
from sluice.policies.basic_auth import Basic
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.jwt import Jwt


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask on one route. Nothing said = everybody."""

    jwt: Jwt | None = None
    basic: Basic | None = None
    api_keys: ApiKeys | None = None
    external: tuple[ExternalAuth, ...] = ()
    """The first whose condition holds is asked."""
    authorization: Authorization = EVERYBODY


OPEN = Access()


def merged(*layers: Access) -> Access:
    """Return what the layers come to, the strongest first."""
    said = [layer for layer in layers if layer != OPEN]
    if len(said) < 2:
        return said[0] if said else OPEN
    return Access(
        jwt=next((layer.jwt for layer in said if layer.jwt is not None), None),
        basic=next((layer.basic for layer in said if layer.basic is not None), None),
        api_keys=next((layer.api_keys for layer in said if layer.api_keys is not None), None),
        external=next((layer.external for layer in said if layer.external), ()),
        authorization=together(*(layer.authorization for layer in reversed(said))),
    )
