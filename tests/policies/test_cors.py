"""policies.cors: what a browser is told, of preflights and of answers. Obeys: Fetch Standard 3.3, GEP-1767."""

import pytest

from sluice.policies.cors import Cors, answered, is_preflight, preflight
from sluice.policies.headers import Header

APP = "https://app.example"


def asks(origin: str = APP, method: str = "POST", headers: str = "") -> list[Header]:
    found: list[Header] = [(b"origin", origin.encode()), (b"access-control-request-method", method.encode())]
    return [*found, (b"access-control-request-headers", headers.encode())] if headers else found


def told(headers: list[Header]) -> dict[str, str]:
    names = [name for name, _ in headers]
    assert len(names) == len(set(names))
    return {name.decode().removeprefix("access-control-"): value.decode() for name, value in headers}


def test_a_preflight_is_told_who_may_ask_how() -> None:
    cors = Cors(
        allow_origins=(APP,),
        allow_methods=("GET", "PUT"),
        allow_headers=("X-One", "authorization"),
        allow_credentials=True,
        max_age_s=60,
    )
    assert told(preflight(cors, asks())) == {
        "allow-origin": APP,
        "allow-credentials": "true",
        "allow-methods": "GET, PUT",
        "allow-headers": "X-One, authorization",
        "max-age": "60",
        "vary": "origin, access-control-request-method, access-control-request-headers",
    }


def test_an_origin_that_is_not_allowed_is_told_nothing() -> None:
    cors = Cors(allow_origins=("https://*.example",), allow_methods=("*",), allow_credentials=True)
    assert told(preflight(cors, asks("https://evil.test"))).keys() == {"vary"}
    assert told(answered(cors, asks("https://evil.test"))) == {"vary": "origin"}
    assert told(answered(Cors(), asks())) == {"vary": "origin"}


def test_a_star_is_a_star_only_without_credentials() -> None:
    open_to_all = Cors(allow_origins=("*",), expose_headers=("*",))
    assert told(answered(open_to_all, asks())) == {"allow-origin": "*", "expose-headers": "*"}
    with_cookies = Cors(allow_origins=("*",), expose_headers=("*",), allow_credentials=True)
    assert told(answered(with_cookies, asks())) == {"allow-origin": APP, "allow-credentials": "true", "vary": "origin"}


@pytest.mark.parametrize("credentials", [True, False])
def test_wildcards_of_methods_and_headers_say_back_what_was_asked(*, credentials: bool) -> None:
    """Browsers do not take `authorization` for a part of `*`."""
    cors = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",), allow_credentials=credentials)
    answer = told(preflight(cors, asks(method="PATCH", headers="authorization,  x-a ,")))
    assert (answer["allow-methods"], answer["allow-headers"]) == ("PATCH", "authorization, x-a")


def test_nothing_is_said_back_that_is_no_token() -> None:
    cors = Cors(allow_origins=("*",), allow_methods=("*",), allow_headers=("*",))
    answer = told(preflight(cors, asks(method="A B", headers="x-a;evil, x b, ok")))
    assert "allow-methods" not in answer
    assert answer["allow-headers"] == "ok"
    assert told(preflight(cors, asks()))["allow-headers"] == "*"
    with_cookies = Cors(allow_origins=("*",), allow_headers=("*",), allow_credentials=True)
    assert "allow-headers" not in told(preflight(with_cookies, asks()))


def test_a_request_without_an_origin_is_told_only_what_varies() -> None:
    assert told(answered(Cors(allow_origins=(APP,)), [])) == {"vary": "origin"}
    assert told(answered(Cors(allow_origins=("*",)), [])) == {}


def test_what_a_preflight_is() -> None:
    assert is_preflight("OPTIONS", asks())
    assert not is_preflight("POST", asks())
    assert not is_preflight("OPTIONS", [(b"origin", b"https://a")])
    assert not is_preflight("OPTIONS", [(b"access-control-request-method", b"PUT")])


def test_the_default_time_to_remember_is_five_seconds() -> None:
    assert told(preflight(Cors(allow_origins=("*",)), asks()))["max-age"] == "5"
