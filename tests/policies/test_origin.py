"""policies.origin: which page an origin is, and which pattern fits it."""

import pytest

from sluice.policies.origin import Origin, check, fits, own, parsed


@pytest.mark.parametrize(
    ("pattern", "origin", "fit"),
    [
        ("*", "https://any.example", True),
        ("*", "null", True),
        ("https://app.example", "https://app.example", True),
        ("https://app.example", "HTTPS://APP.example", True),
        ("https://app.example:443", "https://app.example", True),
        ("http://app.example", "http://app.example:80", True),
        ("https://app.example", "http://app.example", False),
        ("https://app.example", "https://app.example:8443", False),
        ("https://app.example", "https://app.example.evil", False),
        ("https://app.example", "https://evil-app.example", False),
        ("https://*.example", "https://a.example", True),
        ("https://*.example", "https://a.b.example", True),
        ("https://*.example", "https://example", False),
        ("https://*.example", "https://.example", False),
        ("https://*.example", "https://a.example.evil", False),
        ("https://*.example:8443", "https://a.example:8443", True),
        ("https://*.example:8443", "https://a.example", False),
        ("https://*", "https://service.internal", True),
        ("https://*", "http://service.internal", False),
        ("https://*.example", "https://*.example", False),
        ("https://*.b.example", "https://*.example", False),
        ("https://app.example", "null", False),
        ("null", "null", True),
        ("chrome-extension://abcdef", "chrome-extension://abcdef", True),
        ("https://app.example", "https://app.example/path", False),
        ("https://app.example", "https://user@app.example", False),
        ("https://[::1]:8080", "https://[::1]:8080", True),
        ("https://[::1]:8080", "https://[::2]:8080", False),
    ],
)
def test_an_origin_fits_as_a_whole_or_not_at_all(pattern: str, origin: str, *, fit: bool) -> None:
    assert fits(pattern, origin) is fit


def test_what_is_no_origin_is_none() -> None:
    for text in ("", "null", "app.example", "https://", "https://a:0", "https://a:70000", "https://a b", "//a"):
        assert parsed(text) is None
    assert parsed("https://" + "a" * 600) is None
    assert parsed("https://App.Example") == Origin("https", "app.example", 443)


def test_the_own_origin_is_that_of_the_host_header() -> None:
    assert own("http", "gw.example:8080") == Origin("http", "gw.example", 8080)
    assert own("https", "gw.example") == Origin("https", "gw.example", 443)
    assert own("http", "") is None


@pytest.mark.parametrize("pattern", ["app.example", "https://a/path", "https://a.*.b", "https://*a*", "", "https://a*"])
def test_a_pattern_that_would_fit_nothing_or_too_much_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"origin|beginning"):
        check(pattern)


@pytest.mark.parametrize("pattern", ["*", "null", "https://*", "http://*.a.example:8080", "vscode-webview://x"])
def test_the_others_are_taken(pattern: str) -> None:
    check(pattern)
