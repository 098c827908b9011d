"""policies.csrf: which requests a page of somebody else's may not make."""

import pytest

from sluice.errors import Forbidden
from sluice.policies.csrf import Csrf, check
from sluice.policies.headers import Header

POLICY = Csrf(additional_origins=("https://partner.example", "https://*.trusted.example"))


def headers(site: str = "", origin: str = "") -> list[Header]:
    found: list[Header] = [(b"sec-fetch-site", site.encode())] if site else []
    return [*found, (b"origin", origin.encode())] if origin else found


@pytest.mark.parametrize(
    ("site", "origin"),
    [
        ("", ""),  # no browser
        ("same-origin", ""),
        ("none", "https://anything.example"),
        ("cross-site", "https://partner.example"),
        ("same-site", "https://a.trusted.example"),
        ("", "http://gw.example:8080"),
        ("", "https://GW.example:8080"),  # TLS may end before the gateway
        ("", "https://partner.example"),
    ],
)
def test_these_may_change_something(site: str, origin: str) -> None:
    check(POLICY, "POST", headers(site, origin), "gw.example:8080")


@pytest.mark.parametrize(
    ("site", "origin", "message"),
    [
        ("cross-site", "", "Cross-origin request detected from Sec-Fetch-Site header"),
        ("cross-site", "https://evil.example", "Cross-origin request detected from Sec-Fetch-Site header"),
        ("same-site", "http://gw.example:8080", "Cross-origin request detected from Sec-Fetch-Site header"),
        ("nonsense", "", "Cross-origin request detected from Sec-Fetch-Site header"),
        ("", "https://evil.example", "Cross-origin request detected"),
        ("", "http://gw.example", "Cross-origin request detected"),  # another port is another origin
        ("", "null", "Cross-origin request detected"),
        ("", "https://partner.example.evil", "Cross-origin request detected"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_these_may_not(method: str, site: str, origin: str, message: str) -> None:
    with pytest.raises(Forbidden) as refused:
        check(POLICY, method, headers(site, origin), "gw.example:8080")
    assert (str(refused.value), refused.value.status) == (message, 403)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_never_refused(method: str) -> None:
    check(Csrf(), method, headers("cross-site", "https://evil.example"), "gw.example")


def test_an_origin_that_a_sandboxed_page_hides_can_be_listed() -> None:
    check(Csrf(additional_origins=("null",)), "POST", headers("", "null"), "gw.example")
