"""policies.access: of each kind the strongest layer wins whole, and rules add up."""

from sluice.policies.access import OPEN, Access, merged
from sluice.policies.api_key import ApiKeys
from sluice.policies.authorization import Authorization
from sluice.policies.basic_auth import Basic
from sluice.policies.external_auth import ExternalAuth
from sluice.policies.jwt import Issuer, Jwt

WEAK = Access(
    jwt=Jwt(issuers=(Issuer(issuer="weak"),)),
    basic=Basic(realm="weak"),
    authorization=Authorization(require=("weak",)),
)
STRONG = Access(
    jwt=Jwt(issuers=(Issuer(issuer="strong"),)),
    api_keys=ApiKeys(mode="optional"),
    external=(ExternalAuth(server=None),),
    authorization=Authorization(require=("strong",)),
)


def test_of_each_kind_the_strongest_layer_wins_whole_and_rules_add_up() -> None:
    assert merged(STRONG, OPEN, WEAK) == Access(
        jwt=STRONG.jwt,
        basic=WEAK.basic,
        api_keys=STRONG.api_keys,
        external=STRONG.external,
        authorization=Authorization(require=("weak", "strong")),
    )
    assert merged(WEAK, STRONG).jwt == WEAK.jwt
    assert merged(WEAK, STRONG).authorization == Authorization(require=("strong", "weak"))


def test_one_layer_is_itself_and_none_is_open() -> None:
    assert merged(OPEN, WEAK) is WEAK
    assert merged() is OPEN
    assert merged(OPEN, OPEN) == OPEN
