"""Filters of an HTTPRoute: what they compile to, which contradict each other or their rule."""

import pytest

from sluice.config.decode import decode
from sluice.config.faults import Faults
from sluice.config.filter_policy import mirrors
from sluice.config.source import Source, read
from sluice.policies.cors import Cors
from sluice.policies.guards import HeaderChange
from sluice.policies.redirect import Redirect
from sluice.policies.rewrite import PathChange, Rewrite
from sluice.policies.shaping import Shaping

from .shaping_texts import FiltersPart, backend_filters, filters, refusals

REWRITE = "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1/chat/completions}}}"
MIRROR_TWICE = """
- type: RequestMirror
  requestMirror: {backendRef: {name: a, port: 1}, percent: 1, fraction: {numerator: 1}}
"""
REDIRECT = "{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}"


def test_every_filter() -> None:
    found = filters(
        f"""
        filters:
        - type: RequestHeaderModifier
          requestHeaderModifier: {{set: [{{name: X-A, value: "1"}}], remove: [x-api-key, authorization]}}
        - type: ResponseHeaderModifier
          responseHeaderModifier: {{add: [{{name: Retry-After, value: "60"}}]}}
        - {REWRITE}
        - type: CORS
          cors: {{allowOrigins: ["https://app.example"]}}
        """
    )
    assert found == Shaping(
        request_headers=HeaderChange(set=(("x-a", "1"),), remove=("x-api-key", "authorization")),
        response_headers=HeaderChange(add=(("retry-after", "60"),)),
        rewrite=Rewrite(path=PathChange("prefix", "/v1/chat/completions")),
        cors=Cors(allow_origins=("https://app.example",)),
    )


def test_redirects_and_rewrites() -> None:
    text = """
    filters:
    - type: RequestRedirect
      requestRedirect:
        {hostname: new.example, port: 8443, path: {type: ReplaceFullPath, replaceFullPath: /new}, statusCode: 308}
    """
    assert filters(text, forwards=False).redirect == Redirect(
        hostname="new.example", port=8443, path=PathChange("full", "/new"), status=308
    )
    assert filters("filters: [{type: RequestRedirect, requestRedirect: {}}]", forwards=False).redirect == Redirect()
    hostname = "filters: [{type: URLRewrite, urlRewrite: {hostname: api.example}}]"
    assert filters(hostname, prefixes=False).rewrite == Rewrite(hostname="api.example")


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (f"[{REWRITE}, {REWRITE}]", "filters[1].type", "two filters of the type URLRewrite"),
        (f"[{REDIRECT}]", "filters[0].type", "has no backends"),
        ("[{type: URLRewrite}]", "filters[0]", "needs `urlRewrite`"),
        (
            "[{type: URLRewrite, urlRewrite: {}, cors: {}}]",
            "filters[0]",
            "`cors` does not belong to the type URLRewrite",
        ),
        ("[{type: Nonsense}]", "filters[0].type", "Nonsense"),
        ("[{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath}}}]", "filters[0].urlRewrite.path", "needs"),
        (
            "[{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: 'a b'}}}]",
            "filters[0].urlRewrite.path.replaceFullPath",
            "matching regex",
        ),
        (
            "[{type: RequestMirror, requestMirror: {backendRef: {name: a}}}]",
            "filters[0].requestMirror.backendRef",
            "`port`",
        ),
        (
            MIRROR_TWICE,
            "filters[0].requestMirror",
            "not both",
        ),
        (
            "[{type: RequestHeaderModifier, requestHeaderModifier: {remove: [host]}}]",
            "filters[0].requestHeaderModifier.remove[0]",
            "cannot be changed",
        ),
    ],
)
def test_what_is_refused_and_where(text: str, place: str, what: str) -> None:
    (line,) = refusals(filters, f"filters: {text}")
    assert line.startswith(f"{place}: ")
    assert what in line


def test_what_the_rule_does_not_allow() -> None:
    (line,) = refusals(filters, f"filters: [{REWRITE}]", prefixes=False)
    assert line.startswith("filters[0].urlRewrite.path: ReplacePrefixMatch needs matches of the type PathPrefix")
    lines = refusals(filters, f"filters: [{REDIRECT}, {REWRITE}]", forwards=False)
    assert lines == [
        "filters[0].type: a request that is redirected is not rewritten: RequestRedirect stands beside URLRewrite"
    ]


def test_a_backend_ref_changes_headers() -> None:
    text = "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: {x-a: b}}}]"
    assert backend_filters(text) == Shaping(request_headers=HeaderChange(set=(("x-a", "b"),)))
    (line,) = refusals(backend_filters, f"filters: [{REWRITE}]")
    assert line.startswith("filters[0].type: the filter URLRewrite of a backendRef is not implemented")


def test_mirrors_are_found_with_their_places() -> None:
    faults = Faults()
    mirror = "{type: RequestMirror, requestMirror: {backendRef: {name: m, port: 80}, percent: 10}}"
    (document,) = read(Source("f", f"filters: [{REWRITE}, {mirror}, {mirror}]"), faults)
    part = decode(document, FiltersPart, faults)
    assert part is not None
    found = [(index, item.backend_ref.name, item.share) for index, item in mirrors(part.filters)]
    assert found == [(1, "m", 0.1), (2, "m", 0.1)]
