"""gateway.outbound_keys: each credential goes where it belongs, and what policies say goes along."""

import msgspec
import pytest

from sluice.gateway.outbound_keys import TargetKeys, client_credential
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.credential import AwsKeys, Credential, Placement, Secret
from sluice.providers.provider import Provider
from tests.gateway.identity import request
from tests.support.plans import ai

OWN = "sk-own"


def keys(
    placement: Placement | None = None,
    *extra: Credential,
    key: str | None = OWN,
    passthrough: bool = False,
    provider: Provider | None = None,
) -> TargetKeys:
    target = ai(1, key=key, passthrough=passthrough, placement=placement).groups[0][0]
    if provider is not None:
        target = msgspec.structs.replace(target, provider=provider)
    return TargetKeys(msgspec.structs.replace(target, credentials=extra))


def more(text: str, name: str, kind: str, prefix: str = "") -> Credential:
    return Credential(secret=Secret(text), placement=Placement(name, prefix, kind))  # type: ignore[arg-type]


def test_a_credential_goes_where_the_provider_expects_it_unless_the_operator_says_where() -> None:
    assert keys().headers(None) == [(b"authorization", b"Bearer sk-own")]
    assert keys(provider=ANTHROPIC).headers(None) == [(b"x-api-key", b"sk-own")]
    assert keys(Placement("X-Key", "Token ")).headers(None) == [(b"x-key", b"Token sk-own")]
    assert keys(Placement("sid", "", "cookie")).headers(None) == [(b"cookie", b"sid=sk-own")]
    assert keys(key=None).headers(None) == []
    query = keys(Placement("api key", "", "query"), key="Bearer a+b&c")
    assert query.headers(None) == []
    assert query.query == "api%20key=a%2Bb%26c"


def test_further_credentials_go_to_places_of_their_own() -> None:
    found = keys(
        Placement("sid", "", "cookie"),
        more("b", "other", "cookie"),
        more("Bearer c", "X-Sub", "header"),
        more("d", "k", "query"),
        more("e", "l", "query"),
    )
    assert found.headers(None) == [(b"x-sub", b"Bearer c"), (b"cookie", b"sid=sk-own; other=b")]
    assert found.query == "k=d&l=e"


@pytest.mark.parametrize(
    ("placement", "fields", "query"),
    [
        (None, [(b"authorization", b"Bearer theirs")], ""),
        (Placement("x-token", "T "), [(b"x-token", b"T theirs")], ""),
        (Placement("t", "", "cookie"), [(b"cookie", b"t=theirs")], ""),
        (Placement("t", "", "query"), [], "t=theirs"),
    ],
)
def test_a_clients_own_credential_is_passed_on_where_the_operator_says(
    placement: Placement | None, fields: list[tuple[bytes, bytes]], query: str
) -> None:
    passing = keys(placement, key=None, passthrough=True)
    for asked in (
        request("authorization: Bearer theirs"),
        request("x-api-key: theirs"),
        request(credential=Secret("theirs")),
    ):
        assert passing.passed_on(asked, None) == fields
        assert passing.passed_on_query(asked) == query
    nobody = request()
    assert passing.passed_on(nobody, None) == []
    assert passing.passed_on_query(nobody) == ""
    assert keys(placement).passed_on(request("authorization: Bearer theirs"), None) == []


def test_the_credential_that_was_verified_is_the_clients() -> None:
    asked = request("authorization: Bearer other", credential=Secret("verified"))
    found = client_credential(asked)
    assert found is not None
    assert found.reveal() == "verified"
    assert client_credential(request("x-team: a")) is None


def test_what_policies_say_goes_along_but_for_what_is_ours_to_say() -> None:
    said = (
        (b"x-org", b"developers"),
        (b"authorization", b"Bearer theirs"),
        (b"x-api-key", b"theirs"),
        (b"host", b"evil"),
        (b"content-type", b"text/html"),
        (b"traceparent", b"x"),
    )
    asked = request(added=said)
    assert keys().passed_on(asked, None) == [(b"x-org", b"developers")]
    assert keys(key=None).passed_on(asked, None) == list(said[:3])


def test_what_may_be_quoted_is_every_credential_in_every_form() -> None:
    found = keys(
        Placement("X-Key", "Token "),
        more("b+c", "k", "query"),
        more("sid", "s", "cookie"),
        more("T2 sub", "X-Sub", "header", "T2 "),
        more("sk", "short", "cookie"),
        key="Token sk-own",
    )
    assert found.secrets(request("authorization: Bearer theirs")) == (
        "Token%20sk-own",
        "Token sk-own",
        "sk-own",
        "b%2Bc",
        "b+c",
        "sid",
        "sub",
        "sk",
    )
    assert keys(key=None).secrets(request("authorization: Bearer theirs")) == ()


def test_a_clients_own_credential_may_be_quoted_where_it_is_passed_on() -> None:
    passing = keys(None, more("b", "k", "query"), key=None, passthrough=True)
    assert passing.secrets(request("authorization: Bearer th+eirs")) == ("th%2Beirs", "th+eirs", "b")
    assert passing.secrets(request()) == ("b",)


def test_a_token_of_a_session_in_the_cloud_may_be_quoted() -> None:
    aws = AwsKeys(access_key_id="AK", secret_access_key=Secret("never sent"), session_token=Secret("st"), region="r")
    target = msgspec.structs.replace(ai(1, key=None).groups[0][0], cloud=aws)
    assert TargetKeys(target).secrets(request()) == ("st",)
