"""gateway.shaping: what a client hears, of whatever answer it is."""

from sluice.gateway.shaper import OwnReply, Shaper
from sluice.policies.cors import Cors
from sluice.policies.guards import HeaderChange
from sluice.policies.shaping import Shaping
from sluice.policies.transformation import Transform, Transformation
from tests.gateway.shapes import never, request, shape, shaped
from tests.support.events import completion
from tests.support.plans import ai, plan, route
from tests.support.raw_client import request as ask
from tests.support.raw_upstream import answering as upstream_answering
from tests.support.raw_upstream import sized
from tests.support.world import World

APP = (b"origin", b"https://app.example")
CORS = Shaping(cors=Cors(allow_origins=("https://app.example",), allow_methods=("PUT",)))


def answering(**expressions: str) -> Shaping:
    pairs = tuple((name.replace("_", "-"), text) for name, text in expressions.items())
    return Shaping(transformations=(Transformation(response=Transform(set=pairs)),))


def test_headers_of_the_answer_are_computed() -> None:
    """Lab A017."""
    shaping = answering(
        x_user_id='default(request.headers["x-user-id"], "anonymous")',
        x_llm_provider="llm.provider",
        x_llm_request_model="llm.requestModel",
        x_request_method="request.method",
        x_request_path="request.path",
    )
    llm = {"provider": "openai", "requestModel": "gpt-4o-mini"}
    found = shaped(shaping, request("POST", "/openai", (b"x-user-id", b"bob")), llm=llm)
    assert found.to_client(200, [(b"content-type", b"application/json")]) == [
        (b"content-type", b"application/json"),
        (b"x-user-id", b"bob"),
        (b"x-llm-provider", b"openai"),
        (b"x-llm-request-model", b"gpt-4o-mini"),
        (b"x-request-method", b"POST"),
        (b"x-request-path", b"/openai"),
    ]
    assert (b"x-user-id", b"anonymous") in shaped(shaping, request(), llm=llm).to_client(200, [])


def test_expressions_see_all_that_the_backend_said() -> None:
    shaping = answering(x_code="response.code", x_theirs='response.headers["x-internal"]')
    found = shaped(shaping, request())
    result = found.to_client(418, [(b"a", b"b")], theirs=[(b"x-internal", b"1"), (b"x-internal", b"2")])
    assert result == [(b"a", b"b"), (b"x-code", b"418"), (b"x-theirs", b"1")]
    assert found.to_client(500, [(b"x-theirs", b"evil")]) == [(b"x-code", b"500")]


def test_the_backend_is_changed_first_and_the_route_has_the_last_word() -> None:
    found = shaped(Shaping(response_headers=HeaderChange(set=(("x-a", "route"),), remove=("x-b",))), request())
    inner = Shaper(Shaping(response_headers=HeaderChange(set=(("x-a", "backend"), ("x-b", "1"), ("x-c", "1")))))
    found.at_backend(inner)
    assert found.to_client(200, []) == [(b"x-a", b"route"), (b"x-c", b"1")]


def test_the_answer_to_who_was_refused_has_the_routes_headers_too() -> None:
    """Identity and limits refuse before `before`."""
    shaping = Shaping(response_headers=HeaderChange(set=(("x-frame-options", "DENY"),)), cors=CORS.cors)
    found = shape(request("POST", "/", APP))
    found.at_rule(Shaper(shaping), "")
    assert found.to_client(401, []) == [
        (b"x-frame-options", b"DENY"),
        (b"access-control-allow-origin", b"https://app.example"),
        (b"vary", b"origin"),
    ]


def test_a_target_that_a_route_says_should_rest_is_heard_so() -> None:
    """Lab A024: the route adds `Retry-After: 60` to a 429."""
    found = shaped(Shaping(response_headers=HeaderChange(add=(("retry-after", "60"),))), request())
    assert found.heard(429, [(b"x", b"y")]) == [(b"x", b"y"), (b"retry-after", b"60")]
    assert found.to_client(429, [(b"x", b"y")]) == [(b"x", b"y"), (b"retry-after", b"60")]


def test_a_preflight_is_answered_before_anybody_is_known() -> None:
    asked = request("OPTIONS", "/openai", APP, (b"access-control-request-method", b"PUT"))
    found = shape(asked)
    reply = found.at_rule(Shaper(CORS), "/openai")
    assert reply is not None
    assert (reply.status, reply.body) == (200, b"")
    assert (b"access-control-allow-methods", b"PUT") in reply.headers
    assert found.to_client(reply.status, list(reply.headers)) == list(reply.headers)


def test_a_preflight_can_be_answered_before_there_is_a_route() -> None:
    asked = request("OPTIONS", "/nowhere", APP, (b"access-control-request-method", b"PUT"))
    assert isinstance(shape(asked).early(Shaper(CORS)), OwnReply)


def test_an_options_that_is_no_preflight_is_a_request() -> None:
    found = shape(request("OPTIONS", "/openai", APP))
    assert found.at_rule(Shaper(CORS), "/openai") is None
    assert found.before(never) is None


def test_cross_origin_headers_are_the_gateways_alone() -> None:
    found = shaped(CORS, request("POST", "/", APP))
    theirs = [(b"access-control-allow-origin", b"*"), (b"access-control-allow-credentials", b"true"), (b"x", b"y")]
    assert found.to_client(200, theirs) == [
        (b"x", b"y"),
        (b"access-control-allow-origin", b"https://app.example"),
        (b"vary", b"origin"),
    ]
    assert shaped(Shaping(), request("POST", "/", APP)).to_client(200, theirs) == theirs


async def test_expressions_know_the_provider_that_was_asked_whether_it_answers_or_refuses(world: World) -> None:
    plays = upstream_answering(sized(completion()), sized(b'{"error": {}}', status="400 Bad Request"))
    upstream = await world.upstream(plays)
    serving = await world.gateway(plan(route("/openai", ai(upstream.port), shaping=answering(x_by="llm.provider"))))
    client = await world.client(serving)
    for status in (200, 400):
        answer = await client.ask(ask())
        assert (answer.status, answer.header("x-by")) == (status, "openai")
