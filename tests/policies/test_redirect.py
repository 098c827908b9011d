"""policies.redirect: where a client is sent. Obeys: Gateway API, HTTPRequestRedirectFilter."""

from typing import Any

import pytest

from sluice.policies.redirect import Address, Redirect, bare_host, location
from sluice.policies.rewrite import PathChange


def asked(**members: Any) -> Address:
    usual: dict[str, Any] = {"scheme": "http", "host": "gw.example:8080", "port": 8080, "path": "/a/b", "query": ""}
    return Address(**{**usual, "prefix": "/a", **members})


@pytest.mark.parametrize(
    ("redirect", "address", "result"),
    [
        (Redirect(), asked(), "http://gw.example:8080/a/b"),
        (Redirect(), asked(port=80), "http://gw.example/a/b"),
        (Redirect(scheme="https"), asked(), "https://gw.example/a/b"),
        (Redirect(scheme="http"), asked(scheme="https", port=8443), "http://gw.example/a/b"),
        (Redirect(scheme="https", port=8443), asked(), "https://gw.example:8443/a/b"),
        (Redirect(port=80), asked(), "http://gw.example/a/b"),
        (Redirect(port=443), asked(), "http://gw.example:443/a/b"),
        (Redirect(), asked(scheme="https", port=443), "https://gw.example/a/b"),
        (Redirect(hostname="other.example"), asked(port=80), "http://other.example/a/b"),
        (Redirect(hostname="other.example"), asked(), "http://other.example:8080/a/b"),
        (Redirect(path=PathChange("full", "/new")), asked(query="q=1&r"), "http://gw.example:8080/new?q=1&r"),
        (Redirect(path=PathChange("prefix", "/new")), asked(), "http://gw.example:8080/new/b"),
        (Redirect(), asked(host="[::1]:8080"), "http://[::1]:8080/a/b"),
        (Redirect(), asked(host=""), "/a/b"),
        (Redirect(hostname="x.example"), asked(host=""), "http://x.example:8080/a/b"),
    ],
)
def test_what_an_operator_does_not_say_stays_as_the_client_has_it(
    redirect: Redirect, address: Address, result: str
) -> None:
    assert location(redirect, address) == result


def test_a_path_never_names_a_host() -> None:
    """`//evil.example` is a host to a browser."""
    to_root = Redirect(path=PathChange("prefix", ""))
    assert location(to_root, asked(host="", path="/a//evil.example")) == "/evil.example"
    assert location(to_root, asked(host="", path="/a/\\evil.example")) == "/evil.example"
    assert location(to_root, asked(path="/a//evil.example")) == "http://gw.example:8080//evil.example"


def test_a_host_without_its_port() -> None:
    assert [bare_host(host) for host in ("a:1", "a", "[::1]:2", "[::1]", "")] == ["a", "a", "[::1]", "[::1]", ""]
