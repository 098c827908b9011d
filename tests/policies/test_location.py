"""policies.location: credentials are found where they stand, and nothing else is taken off with them."""

import pytest

from sluice.policies.location import ANYWHERE, BASIC, BEARER, Ambiguous, Header, Location, found, without

QUERY = Location(kind="query", name="api key")
COOKIE = Location(kind="cookie", name="session")
KEY = Location(name="x-api-key")


def headers(*pairs: str) -> list[Header]:
    return [(name.encode(), value.encode()) for name, _, value in (pair.partition(": ") for pair in pairs)]


@pytest.mark.parametrize(
    ("location", "field", "credential"),
    [
        (BEARER, "authorization: Bearer abc", "abc"),
        (BEARER, "authorization: bearer  abc ", "abc"),
        (BEARER, "authorization: BEARER abc", "abc"),
        (BEARER, "authorization: Basic abc", None),
        (BEARER, "authorization: Bearer", None),
        (BEARER, "authorization: Bearer ", None),
        (BEARER, "authorization: ", None),
        (BEARER, "authorization: Bearerabc", None),
        (BEARER, "x-authorization: Bearer abc", None),
        (BASIC, "authorization: Basic dTpw", "dTpw"),
        (KEY, "x-api-key: abc", "abc"),
        (KEY, "x-api-key: Bearer abc", "Bearer abc"),
        (COOKIE, "cookie: a=1; session=abc; b=2", "abc"),
        (COOKIE, 'cookie: session="abc"', "abc"),
        (COOKIE, "cookie: session=", None),
        (COOKIE, "cookie: xsession=abc", None),
    ],
)
def test_a_credential_is_found_where_it_stands(location: Location, field: str, credential: str | None) -> None:
    assert found(location, headers(field), "") == credential


@pytest.mark.parametrize(
    ("query", "credential"),
    [
        ("api%20key=a%2Bb", "a+b"),
        ("api+key=abc&x=1", "abc"),
        ("x=1&api%20key=first&api%20key=second", "first"),
        ("api%20key=", None),
        ("apikey=abc", None),
        ("", None),
    ],
)
def test_a_credential_is_found_in_a_query(query: str, credential: str | None) -> None:
    assert found(QUERY, [], query) == credential


def test_two_headers_of_one_name_are_ambiguous() -> None:
    two = headers("authorization: Bearer a", "authorization: Basic b")
    with pytest.raises(Ambiguous, match="there are two headers `authorization`"):
        found(BEARER, two, "")
    assert found(KEY, two, "") is None


def test_bytes_that_are_no_text_are_found_as_they_are() -> None:
    assert found(BEARER, [(b"authorization", b"Bearer \xff\xfe")], "") == "\xff\xfe"


def test_without_takes_off_what_stands_there_and_nothing_else() -> None:
    given = headers(
        "host: h", "authorization: Bearer a", "cookie: a=1; session=x; b=2", "cookie: session=y", "x-api-key: k"
    )
    kept, query = without((BEARER, COOKIE), given, "q=1")
    assert kept == tuple(headers("host: h", "cookie: a=1; b=2", "x-api-key: k"))
    assert query == "q=1"
    assert without((QUERY,), given, "a=1&api%20key=x&b=2&api+key=y&c") == (tuple(given), "a=1&b=2&c")
    assert without((Location(kind="expression", name="x"),), given, "q") == (tuple(given), "q")


@pytest.mark.parametrize("location", [*ANYWHERE, COOKIE, QUERY, BASIC])
def test_after_it_was_taken_off_nothing_is_found(location: Location) -> None:
    given = headers(
        f"{location.name if location.kind == 'header' else 'x'}: {location.prefix}abc", "cookie: session=abc", "host: h"
    )
    query = "key=abc&api+key=abc"
    assert found(location, given, query) == "abc"
    assert found(location, *without((location,), given, query)) is None
