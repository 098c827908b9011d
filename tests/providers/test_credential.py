"""providers.credential: secrets that do not print themselves, and the places where they go."""

import pytest

from sluice.providers.credential import Credential, HeaderPlacement, Placement, Secret


@pytest.mark.parametrize(
    ("placement", "secret", "header"),
    [
        (Placement(), "k", (b"authorization", b"Bearer k")),
        (Placement(), " bearer k\n", (b"authorization", b"Bearer k")),
        (Placement("X-API-Key", ""), "k", (b"x-api-key", b"k")),
        (Placement("x", "Token "), "Token k", (b"x", b"Token k")),
        (Placement("sid", "", "cookie"), "Bearer k", (b"cookie", b"sid=k")),
    ],
)
def test_a_credential_is_rendered_where_it_goes(placement: Placement, secret: str, header: tuple[bytes, bytes]) -> None:
    assert placement.render(Secret(secret)) == header


@pytest.mark.parametrize(
    ("name", "secret", "part"),
    [("key", "k", "key=k"), ("a b", "a+b&c=d/é", "a%20b=a%2Bb%26c%3Dd%2F%C3%A9"), ("key", "Bearer k", "key=k")],
)
def test_a_query_parameter_says_nothing_else(name: str, secret: str, part: str) -> None:
    assert Placement(name, "", "query").parameter(Secret(secret)) == part


def test_the_usual_placement_has_an_older_name() -> None:
    assert HeaderPlacement() == Placement()


def test_a_secret_appears_nowhere_but_where_it_is_revealed() -> None:
    more = Credential(secret=Secret("c4n4ry"), placement=Placement())
    assert "c4n4ry" not in f"{more!r}{more}{more.secret}"
    assert more.secret.reveal() == "c4n4ry"
