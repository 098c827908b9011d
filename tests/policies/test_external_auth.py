"""policies.external_auth: what an answer brings along, and how long it holds."""

import datetime

import pytest

from sluice.policies.external_auth import ExternalAuth, denied, permitted, redirected, until

POLICY = ExternalAuth(server=None, to_provider=("x-user", "x-team"), to_client=("x-limit",))


def test_a_yes_brings_along_what_the_operator_named() -> None:
    headers = [(b"x-user", b"alice"), (b"x-limit", b"5"), (b"x-user", b"bob"), (b"set-cookie", b"a=1"), (b"date", b"d")]
    said = permitted(POLICY, headers, {"a": 1})
    assert said.to_provider == ((b"x-user", b"alice"), (b"x-user", b"bob"))
    assert said.to_client == ((b"x-limit", b"5"),)
    assert said.metadata == {"a": 1}


def test_a_no_is_passed_on_without_what_belongs_to_its_connection() -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"www-authenticate", b"Bearer"),
        (b"set-cookie", b"a=1"),
        (b"content-length", b"7"),
        (b"connection", b"close"),
        (b"transfer-encoding", b"chunked"),
        (b"date", b"d"),
        (b"x-request-id", b"theirs"),
    ]
    error = denied(403, headers, b'{"a":1}')
    assert (error.status, error.body, error.reason) == (403, '{"a":1}', "ExtAuth")
    assert [name for name, _ in error.headers] == [b"content-type", b"www-authenticate", b"set-cookie"]
    assert denied(403, [], b"\xff").body == "\ufffd"


def test_a_redirect_leads_to_an_address_and_nowhere_else() -> None:
    error = redirected("https://login.example/?back=%2F")
    assert (error.status, error.body) == (302, "")
    assert error.headers == ((b"location", b"https://login.example/?back=%2F"),)
    for wrong in ("", "https://a\r\nset-cookie: x", "https://é/"):
        with pytest.raises(ValueError, match="not an address"):
            redirected(wrong)


@pytest.mark.parametrize(
    ("ttl", "held"),
    [
        (datetime.timedelta(seconds=30), 130.0),
        (datetime.datetime.fromtimestamp(5060, datetime.UTC), 160.0),
        (5010, 110.0),
        (5010.5, 110.5),
        (True, None),
        ("5m", None),
        (None, None),
    ],
)
def test_a_decision_holds_for_a_duration_or_until_a_time(ttl: object, held: float | None) -> None:
    assert until(ttl, 100.0, 5000.0) == held
