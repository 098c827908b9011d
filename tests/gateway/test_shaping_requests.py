"""gateway.shaping: what a backend and a client get of one exchange."""

import pytest

from sluice.errors import Forbidden
from sluice.gateway.shaper import OwnReply, Shaper
from sluice.policies.csrf import Csrf
from sluice.policies.direct_response import DirectResponse
from sluice.policies.fault_injection import Abort, Delay
from sluice.policies.guards import HeaderChange
from sluice.policies.redirect import Redirect
from sluice.policies.rewrite import PathChange, Rewrite
from sluice.policies.shaping import Shaping
from sluice.policies.transformation import Transform, Transformation
from tests.gateway.shapes import always, never, request, sent, shape, shaped


def transformed(**members: object) -> Shaping:
    return Shaping(transformations=(Transformation(request=Transform(**members)),))  # type: ignore[arg-type]


# -- what a provider sees ---------------------------------------------------------------------------------------------


def test_nothing_is_changed_that_nobody_mentions() -> None:
    asked = request("POST", "/openai", (b"user-agent", b"u"), (b"x-mine", b"secret"), query="a=1")
    found = shaped(Shaping(), asked)
    assert found.request == asked
    assert sent(found) == [(b"user-agent", b"u")]
    assert found.to_plain("own.example").headers == asked.headers
    assert found.provider_host("own.example") == "own.example"
    assert found.to_client(200, [(b"a", b"b")]) == [(b"a", b"b")]


def test_an_operators_header_reaches_the_provider_and_a_clients_of_that_name_does_not() -> None:
    change = HeaderChange(set=(("x-team", "red"),), add=(("x-tag", "ours"),), remove=("user-agent",))
    asked = request("POST", "/", (b"x-team", b"evil"), (b"x-tag", b"evil"), (b"user-agent", b"u"), (b"x-else", b"1"))
    found = shaped(Shaping(request_headers=change), asked)
    assert sent(found) == [(b"x-team", b"red"), (b"x-tag", b"ours")]
    plain = found.to_plain("own").headers
    assert [value for name, value in plain if name == b"x-tag"] == [b"evil", b"ours"]
    assert (b"x-else", b"1") in plain
    assert (b"x-team", b"evil") not in plain


def test_a_header_that_crosses_anyway_crosses_once() -> None:
    change = HeaderChange(set=(("user-agent", "sluice"),), add=(("accept-language", "de"),))
    asked = request("POST", "/", (b"user-agent", b"u"), (b"accept-language", b"en"))
    found = shaped(Shaping(request_headers=change), asked)
    assert sent(found) == [(b"user-agent", b"sluice"), (b"accept-language", b"en"), (b"accept-language", b"de")]


def test_what_the_gateway_says_itself_is_neither_replaced_nor_doubled() -> None:
    change = HeaderChange(set=(("authorization", "Bearer mine"), ("content-type", "text/x"), ("x-ok", "1")))
    found = shaped(Shaping(request_headers=change), request())
    fixed = ((b"host", b"h"), (b"authorization", b"Bearer key"), (b"content-type", b"application/json"))
    assert sent(found, fixed=fixed) == [(b"x-ok", b"1")]
    assert sent(found, fixed=((b"host", b"h"),)) == [
        (b"authorization", b"Bearer mine"),
        (b"content-type", b"text/x"),
        (b"x-ok", b"1"),
    ]


def test_a_transformation_comes_before_the_headers_and_both_reach_the_backend() -> None:
    both = Shaping(
        transformations=transformed(set=(("x-user", 'request.headers["x-user"]'), ("x-gone", "jwt.x"))).transformations,
        request_headers=HeaderChange(add=(("x-more", "1"),)),
    )
    found = shaped(both, request("POST", "/", (b"x-user", b"bob"), (b"x-gone", b"evil")))
    assert sent(found) == [(b"x-user", b"bob"), (b"x-more", b"1")]
    assert found.request.header(b"x-gone") is None


def test_only_the_first_transformation_whose_condition_holds_is_made() -> None:
    def one(value: str, condition: str) -> Transformation:
        request_side = Transform(set=(("x-tier", f'"{value}"'),))
        answer = Transform(set=(("x-said", f'"{value}"'),))
        return Transformation(request=request_side, response=answer, condition=condition)

    shaping = Shaping(transformations=(one("gold", 'request.headers["x-t"] == "g"'), one("all", "")))
    for header, tier in ((b"g", b"gold"), (b"x", b"all")):
        found = shaped(shaping, request("POST", "/", (b"x-t", header)))
        assert (b"x-tier", tier) in sent(found)
        assert found.to_client(200, []) == [(b"x-said", tier)]


def test_a_backends_own_headers_are_changed_anew_for_each_that_is_asked() -> None:
    found = shaped(Shaping(request_headers=HeaderChange(set=(("x-a", "route"),))), request())
    first = Shaper(Shaping(request_headers=HeaderChange(set=(("x-a", "first"),), add=(("x-b", "1"),))))
    computed = Transformation(request=Transform(set=(("x-by", "backend.name"),)))
    second = Shaper(Shaping(request_headers=HeaderChange(remove=("x-a",)), transformations=(computed,)))
    found.at_backend(first)
    assert sent(found) == [(b"x-a", b"first"), (b"x-b", b"1")]
    found._scene.learn("backend", {"name": "ns/second"})
    found.at_backend(second)
    assert sent(found) == [(b"x-by", b"ns/second")]
    assert found.to_plain("own").header(b"x-a") is None
    found.at_backend()
    assert sent(found) == [(b"x-a", b"route")]


# -- addresses --------------------------------------------------------------------------------------------------------


def test_a_path_is_rewritten_and_the_query_crosses() -> None:
    rewrite = Rewrite(path=PathChange("prefix", "/v1/embeddings"))
    found = shaped(
        Shaping(rewrite=rewrite), request(path="/openai/embeddings", query="a=1"), prefix="/openai/embeddings"
    )
    assert (found.request.path, found.request.query) == ("/v1/embeddings", "a=1")


@pytest.mark.parametrize(
    ("shaping", "plain", "provider"),
    [
        (Shaping(), "gw.example:8080", "own.example"),
        (Shaping(host="auto"), "own.example", "own.example"),
        (Shaping(host="none"), "gw.example:8080", "gw.example:8080"),
        (Shaping(rewrite=Rewrite(hostname="new.example")), "new.example", "new.example"),
        (Shaping(rewrite=Rewrite(hostname="new.example"), host="auto"), "new.example", "new.example"),
        (transformed(set=((":authority", '"t.example:1"'),)), "t.example:1", "t.example:1"),
        (transformed(set=((":authority", '"a b"'),)), "gw.example:8080", "own.example"),
    ],
)
def test_who_names_the_host(shaping: Shaping, plain: str, provider: str) -> None:
    found = shaped(shaping, request())
    headers = found.to_plain("own.example").headers
    assert [value for name, value in headers if name == b"host"] == [plain.encode()]
    assert found.provider_host("own.example") == provider


def test_a_client_without_a_host_gets_the_backends() -> None:
    assert shaped(Shaping(), request(host=b"")).to_plain("own.example").header(b"host") == "own.example"


@pytest.mark.parametrize(
    "path", ["relative", "/a b", "/a#b", "/a\r\nX: y", "", "/v1/../../admin", "/a%2f..%2fb", "/a\\b", "/.?x"]
)
def test_a_computed_path_that_is_none_is_not_taken(path: str) -> None:
    shaping = transformed(set=((":path", 'request.headers["x-p"]'), (":method", '"G T"')))
    found = shaped(shaping, request("POST", "/openai", (b"x-p", path.encode())))
    assert found.request.path == "/openai"
    assert found.request.method == "POST"


def test_a_computed_path_is_spelt_as_a_clients_is() -> None:
    found = shaped(transformed(set=((":path", '"//a//%62?c=//"'),)), request())
    assert (found.request.path, found.request.query) == ("/a/b", "c=//")


@pytest.mark.parametrize(
    ("asked", "method", "sent_with"),
    [
        *(("POST", method, "POST") for method in ("CONNECT", "TRACE", "PRI", "HEAD", "G T", "get")),
        ("HEAD", "POST", "HEAD"),
        ("GET", "POST", "POST"),
        ("POST", "PATCH", "PATCH"),
    ],
)
def test_a_computed_method_is_one_that_a_client_may_use(asked: str, method: str, sent_with: str) -> None:
    found = shaped(transformed(set=((":method", f'"{method}"'),)), request(asked))
    assert found.request.method == sent_with


def test_an_address_and_a_body_are_computed() -> None:
    shaping = transformed(
        set=((":path", '"/v1/chat/completions?" + "b=2"'), (":method", '"PUT"')),
        body='{"was": json(request.body).model}',
    )
    asked = request("POST", "/openai", (b"content-encoding", b"gzip"), query="a=1", body=b'{"model":"m"}')
    found = shaped(shaping, asked)
    now = found.request
    assert (now.method, now.path, now.query, now.body) == ("PUT", "/v1/chat/completions", "b=2", b'{"was":"m"}')
    assert now.header(b"content-encoding") is None


def test_what_is_changed_is_seen_by_what_follows() -> None:
    shaping = Shaping(
        transformations=transformed(set=((":path", '"/new"'), ("x-a", '"1"')), body='{"k": "v"}').transformations,
        direct=(DirectResponse(status=200, body_expression='request.path + request.headers["x-a"] + llmRequest.k'),),
    )
    found = shape(request(body=b'{"k":"old"}'))
    assert found.at_rule(Shaper(shaping), "") is None
    reply = found.before(never)
    assert reply is not None
    assert reply.body == b"/new1v"


def test_before_the_route_is_chosen_a_body_may_choose_it() -> None:
    """Lab B8."""
    early = transformed(set=(("x-gateway-model-name", "json(request.body).model"),))
    found = shape(request("POST", "/v1", (b"x-gateway-model-name", b"evil"), body=b'{"model":"claude"}'))
    assert found.early(Shaper(early)) is None
    assert found.request.header(b"x-gateway-model-name") == "claude"
    nothing = shape(request("POST", "/v1", (b"x-gateway-model-name", b"evil"), body=b"no json"))
    nothing.early(Shaper(early))
    assert nothing.request.header(b"x-gateway-model-name") is None


def test_metadata_is_passed_on_from_phase_to_phase() -> None:
    def noting(name: str, value: str, seen: str) -> Shaping:
        return transformed(metadata=((name, value),), set=((f"x-{name}", seen),))

    found = shape(request())
    found.early(Shaper(noting("a", '"1"', "metadata.a")))
    found.at_rule(Shaper(noting("b", '"2"', "metadata.a + metadata.b")), "")
    found.before(never)
    found.at_backend(Shaper(noting("c", '"3"', "metadata.a + metadata.b + metadata.c")))
    assert sent(found) == [(b"x-a", b"1"), (b"x-b", b"12"), (b"x-c", b"123")]


# -- the gateway answers ----------------------------------------------------------------------------------------------


def test_a_redirect_asks_nobody() -> None:
    shaping = Shaping(
        redirect=Redirect(scheme="https", status=301),
        delays=(Delay(duration_s=9),),
        direct=(DirectResponse(status=500),),
    )
    found = shape(request(path="/a", query="q=1"))
    found.at_rule(Shaper(shaping), "/a")
    assert found.before(always) == OwnReply(301, ((b"location", b"https://gw.example/a?q=1"),))
    assert found.wait_s == 0.0


def test_a_delay_holds_for_what_follows_it() -> None:
    shaping = Shaping(delays=(Delay(duration_s=0.5),), direct=(DirectResponse(status=503, body="injected fault"),))
    found = shape(request())
    found.at_rule(Shaper(shaping), "")
    assert found.before(never) == OwnReply(503, ((b"content-type", b"text/plain"),), b"injected fault")
    assert found.wait_s == 0.5


def test_a_share_is_aborted_in_the_clients_own_dialect() -> None:
    shaping = Shaper(Shaping(delays=(Delay(duration_s=0.1),), abort=Abort(status=529, percent=10, message="too much")))
    for die, hit in ((0.05, True), (0.5, False)):
        found = shape(request())
        found.at_rule(shaping, "")
        if not hit:
            assert found.before(lambda die=die: die) is None  # type: ignore[misc]
            assert found.fault is None
            continue
        assert found.before(lambda die=die: die) is None  # type: ignore[misc]
        error = found.fault
        assert error is not None
        told = (str(error), error.status, error.code, error.reason)
        assert told == ("too much", 529, "fault_injected", "DirectResponse")
        assert found.wait_s == 0.1


def test_a_cross_site_request_is_refused_whatever_a_transformation_says() -> None:
    shaping = Shaping(csrf=Csrf(), transformations=transformed(remove=("origin", "sec-fetch-site")).transformations)
    found = shape(request("POST", "/", (b"sec-fetch-site", b"cross-site")))
    found.at_rule(Shaper(shaping), "")
    with pytest.raises(Forbidden, match="Cross-origin request detected from Sec-Fetch-Site header"):
        found.before(never)


# -- what a rate-limit service adds -----------------------------------------------------------------------------------


def test_what_a_service_adds_stands_in_place_of_the_clients_own_and_of_the_operators() -> None:
    change = HeaderChange(set=(("x-tier", "of-the-operator"),))
    asked = request("POST", "/", (b"user-agent", b"curl"), (b"x-tier", b"mine"))
    found = shaped(Shaping(request_headers=change), asked)
    found.adds([(b"x-tier", b"gold"), (b"user-agent", b"service"), (b"x-two", b"1"), (b"x-two", b"2")])
    expected = [(b"x-tier", b"gold"), (b"user-agent", b"service"), (b"x-two", b"1"), (b"x-two", b"2")]
    # The call was read before the service was asked: what crosses is still the client's.
    assert found.to_provider([(b"user-agent", b"curl")], b"host: p\r\n") == expected
    assert [field for field in found.to_plain("own").headers if field[0] != b"host"] == expected


def test_a_service_can_set_neither_what_frames_a_message_nor_a_second_line() -> None:
    found = shaped(Shaping(), request("POST", "/"))
    before = found.request
    found.adds([(b"host", b"evil"), (b"content-length", b"0"), (b"transfer-encoding", b"x"), (b"x-a", b"1\r\nx-b: 2")])
    assert found.request == before
    assert found.to_provider([], b"") == []
