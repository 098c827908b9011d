"""Base URLs and addresses: what is understood, and that nothing wrong is repeated."""

import pytest

from sluice.config.addresses import base_url, host_port
from sluice.config.plan import Endpoint, Tls


@pytest.mark.parametrize(
    ("text", "endpoint", "path"),
    [
        ("https://api.example.com/v1", Endpoint(host="api.example.com", port=443, tls=Tls()), "/v1"),
        ("http://localhost:11434/v1/", Endpoint(host="localhost", port=11434), "/v1"),
        ("http://localhost", Endpoint(host="localhost", port=80), ""),
        ("https://h:8443/", Endpoint(host="h", port=8443, tls=Tls()), ""),
        (" http://[::1]:9000/a/b ", Endpoint(host="::1", port=9000), "/a/b"),
    ],
)
def test_base_url(text: str, endpoint: Endpoint, path: str) -> None:
    assert base_url(text) == (endpoint, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "ftp://canary",
        "http://",
        "http://u:canary@h",
        "http://canary@h/v1",
        "http://h/?k=canary",
        "http://h/#canary",
        "http://h:canary",
        "http://h:99999",
        "http://h:0",
        "http://[canary",
        "http://h/a b",
        "http://h\r\nx: canary/",
        "http://cana ry/",
        "http://h/\u00e9canary",
        "http://h/?",
        "//h/canary",
    ],
)
def test_what_is_not_a_base_url_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"base URL|not a URL|a port is") as caught:
        base_url(text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("h", ("h", 5)), ("h:80", ("h", 80)), ("[::1]:80", ("::1", 80)), ("127.0.0.1:1", ("127.0.0.1", 1))],
)
def test_host_port(text: str, expected: tuple[str, int]) -> None:
    assert host_port(text, 5) == expected


@pytest.mark.parametrize("text", ["", "h:", ":80", "h:0", "h:65536", "http://h", "h:80/x", "u@h", "h h"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"host:port|a port is"):
        host_port(text, 5)
