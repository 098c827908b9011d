"""External authorization in manifests: what is asked of whom, and what is refused."""

import pytest

from sluice.policies.external_auth import Cache, ExternalAuth
from sluice.policies.server import Server
from tests.config.access_texts import SERVICE, manifest, refused

AT = "backendRef: {name: idp, port: 8080}"
WHOLE = """
extAuth:
  backendRef: {name: idp, port: 8080}
  timeout: 500ms
  failureMode: FailOpen
  forwardBody: {maxSize: 8Ki}
  cache: {key: ['request.headers["x-user"]', request.path], ttl: 5m, maxEntries: 50}
  http:
    path: '"/check" + request.path'
    redirect: '"https://login.example"'
    allowedRequestHeaders: [X-User, cookie]
    addRequestHeaders: {X-Model: llmRequest.model}
    allowedResponseHeaders: [X-Team]
    allowedClientHeaders: [X-Limit]
    responseMetadata: {user: 'json(response.body).user'}
"""


def services(text: str) -> tuple[ExternalAuth, ...]:
    return manifest(text, objects=SERVICE).access.external


def test_everything_that_is_said_is_done() -> None:
    assert services(WHOLE) == (
        ExternalAuth(
            server=Server(host="idp", port=8080),
            timeout_s=0.5,
            path='"/check" + request.path',
            redirect='"https://login.example"',
            body_bytes=8192,
            request_headers=("x-user", "cookie"),
            add_headers=(("x-model", "llmRequest.model"),),
            to_provider=("x-team",),
            to_client=("x-limit",),
            metadata=(("user", "json(response.body).user"),),
            fails_open=True,
            cache=Cache(key=('request.headers["x-user"]', "request.path"), ttl_s=300.0, max_entries=50),
        ),
    )


def test_nothing_but_the_address_has_to_be_said() -> None:
    assert services('extAuth: {url: "https://auth.example:8443"}') == (
        ExternalAuth(server=Server(host="auth.example", port=8443, secure=True)),
    )
    assert services(f"extAuth: {{{AT}, cache: {{key: [request.path], ttl: 'duration(\"1m\")'}}}}")[0].cache == Cache(
        key=("request.path",), ttl='duration("1m")'
    )


def test_of_several_each_has_its_condition_but_the_last() -> None:
    first, last = services(
        f"""
        extAuth:
          conditional:
          - {{condition: 'request.method == "GET"', policy: {{{AT}}}}}
          - policy: {{url: "http://other:81"}}
        """
    )
    assert (first.condition, first.server) == ('request.method == "GET"', Server(host="idp", port=8080))
    assert (last.condition, last.server) == ("", Server(host="other", port=81))


def test_a_service_that_cannot_be_found_fails() -> None:
    read = manifest("extAuth: {backendRef: {name: absent, port: 1}}")
    assert read.access.external == (ExternalAuth(server=None),)
    assert read.notes == ["External authorization cannot be asked: Service default/absent not found."]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{}", "expected exactly one of `backendRef`, `url`"),
        (f"{{{AT}, url: 'http://x'}}", "expected exactly one of `backendRef`, `url`"),
        ("{url: 'http://x/path'}", "extAuth.url: the URL of an external authorization has no path"),
        ("{url: 'http://u:c4n4ry@x'}", "extAuth.url: a base URL holds no credentials"),
        (f"{{{AT}, grpc: {{}}}}", "`grpc` is not implemented"),
        (f"{{{AT}, timeout: 0s}}", "`timeout` cannot be `0s`"),
        (f"{{{AT}, forwardBody: {{maxSize: 0}}}}", "`maxSize` is 1 at least"),
        (f"{{{AT}, http: {{path: 'request.pth'}}}}", "extAuth.http.path: `request` has no `pth`"),
        (f"{{{AT}, http: {{path: 'response.code'}}}}", "extAuth.http.path: there is no `response`"),
        (f"{{{AT}, http: {{addRequestHeaders: {{x: '1 +'}}}}}}", "extAuth.http.addRequestHeaders.x: not a CEL"),
        (f"{{{AT}, http: {{addRequestHeaders: {{Host: '1'}}}}}}", "`Host` cannot be changed"),
        (f"{{{AT}, http: {{allowedResponseHeaders: [content-length]}}}}", "`content-length` cannot be changed"),
        (f"{{{AT}, http: {{allowedClientHeaders: [x-request-id]}}}}", "`x-request-id` cannot be changed"),
        (f"{{{AT}, http: {{responseMetadata: {{a: 'f()'}}}}}}", "extAuth.http.responseMetadata.a: not a CEL"),
        (f"{{{AT}, cache: {{key: ['jwt.'], ttl: 1s}}}}", "extAuth.cache.key[0]: not a CEL"),
        (f"{{{AT}, cache: {{key: [jwt.sub], ttl: '1 fortnight'}}}}", "extAuth.cache.ttl: not a CEL"),
        (f"{{{AT}, conditional: [{{policy: {{{AT}}}}}]}}", "`conditional` stands alone"),
        (f"{{conditional: [{{policy: {{{AT}}}}}, {{policy: {{{AT}}}}}]}}", "only the last of `conditional`"),
        (f"{{conditional: [{{condition: '1', policy: {{{AT}}}}}]}}", "conditional[0].condition: a condition is true"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_place(text: str, complaint: str) -> None:
    (line, *_) = refused(f"extAuth: {text}", objects=SERVICE)
    assert line.startswith("a.yaml:1: extAuth")
    assert complaint in line
    assert "c4n4ry" not in line


CACHED = "extAuth: {%s, forwardBody: {maxSize: 1}, cache: {key: [%s], ttl: 1s}, http: {%s}}"
HTTP = (
    "path: '\"/check\" + request.path', allowedRequestHeaders: [x-team], addRequestHeaders: {x-model: llmRequest.model}"
)


@pytest.mark.parametrize(
    ("key", "missing"),
    [
        ("jwt.sub", '`request.path`, `llmRequest.model`, `request.headers["x-team"]`, `request.body`'),
        ("request.pathAndQuery, llmRequest", '`request.headers["x-team"]`'),
        ("request.uri, request.body, request.headers", ""),
        ("""'request.path + request.headers["X-Team"]', llm.requestModel""", "`request.body`"),
    ],
)
def test_a_cache_that_does_not_tell_apart_what_the_service_is_told_is_noted(key: str, missing: str) -> None:
    notes = manifest(CACHED % (AT, key, HTTP), objects=SERVICE).notes
    assert [note.partition(" is told ")[2].partition(", and the key ")[0] for note in notes] == [missing] * bool(
        missing
    )


def test_a_cache_whose_key_holds_all_that_is_told_is_not_noted() -> None:
    cached = f"extAuth: {{{AT}, cache: {{key: ['request.headers[\"authorization\"]'], ttl: 1s}}}}"
    assert manifest(cached, objects=SERVICE).notes == []
