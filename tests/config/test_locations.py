"""location_api and credentials: where a provider's credential goes, and its further ones."""

import pytest

from sluice.config.credentials import extra_credentials, placement_of
from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.location_api import CredentialLocation, ExtraCredential
from sluice.config.objects import read_objects
from sluice.config.references import Unresolved, Values
from sluice.config.source import Source, read
from sluice.errors import ConfigError
from sluice.providers.credential import Credential, Placement, Secret
from tests.config.loading import secret


def located(text: str) -> Placement | None:
    faults = Faults()
    (document,) = read(Source("a.yaml", text), faults)
    location = decode(document, CredentialLocation, faults)
    faults.check()
    return placement_of(location)


@pytest.mark.parametrize(
    ("text", "placement"),
    [
        ("header: {name: X-Key}", Placement("x-key", "")),
        ("header: {name: Authorization, prefix: 'Token '}", Placement("authorization", "Token ")),
        ("queryParameter: {name: key}", Placement("key", "", "query")),
        ("cookie: {name: sid}", Placement("sid", "", "cookie")),
    ],
)
def test_a_credential_goes_where_the_operator_says(text: str, placement: Placement) -> None:
    assert located(text) == placement
    assert placement_of(None) is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{}", "expected exactly one of `header`, `queryParameter`, `cookie`"),
        ("{header: {name: a}, cookie: {name: b}}", "expected exactly one of"),
        ("{header: {name: 'a b'}}", "header.name"),
        ('{header: {name: a, prefix: "x\\n"}}', "header.prefix"),
        ("{cookie: {name: 'a;b'}}", "cookie.name"),
        ("{queryParameter: {name: 'a b'}}", "queryParameter.name"),
        ("{queryParameter: {name: ''}}", "queryParameter.name"),
        ("{expression: 'jwt.sub'}", "unknown field"),
    ],
)
def test_a_place_where_nothing_can_stand_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        located(text)
    assert complaint in str(caught.value)


def extra(text: str, *objects: str) -> tuple[Credential, ...]:
    faults = Faults()
    found = read_objects(read(Source("o.yaml", "".join(objects)), faults), faults)
    (document,) = read(Source("a.yaml", text), faults)
    spec = decode(document, ExtraCredential, faults)
    faults.check()
    assert spec is not None
    return extra_credentials((spec, spec), "default", Values(found, {}, faults))


def test_further_credentials_are_secrets_with_a_place() -> None:
    text = "{secretRef: {name: s, key: sub}, location: {header: {name: Ocp-Apim-Subscription-Key}}}"
    one = Credential(secret=Secret("k"), placement=Placement("ocp-apim-subscription-key", ""))
    assert extra(text, secret(string_data="{sub: k}")) == (one, one)


@pytest.mark.parametrize(
    ("value", "location", "complaint"),
    [
        ("'c4n4ry; x'", "{cookie: {name: a}}", "cannot stand in a cookie"),
        ("'c4n4ry x'", "{cookie: {name: a}}", "cannot stand in a cookie"),
        ('"c4n4ry\\nx"', "{header: {name: a}}", "characters that a header cannot carry"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_not_repeated(value: str, location: str, complaint: str) -> None:
    with pytest.raises(Unresolved, match=complaint) as caught:
        extra(f"{{secretRef: {{name: s}}, location: {location}}}", secret(string_data=f"{{Authorization: {value}}}"))
    assert "c4n4ry" not in str(caught.value)
    with pytest.raises(Unresolved, match="Secret default/absent not found"):
        extra("{secretRef: {name: absent}, location: {cookie: {name: a}}}", secret())
