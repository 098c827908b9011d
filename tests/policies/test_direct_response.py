"""policies.direct_response: an answer of the gateway's own. Lab A019."""

from sluice.policies.direct_response import Answerer, DirectResponse
from tests.policies.scenes import scene


def test_the_health_page_of_the_lab() -> None:
    answer = Answerer(DirectResponse(status=200, body="Status: Healthy")).answer(scene())
    assert answer == (200, [(b"content-type", b"text/plain")], b"Status: Healthy")
    assert len(b"Status: Healthy") == 15


def test_json_says_that_it_is_json() -> None:
    answer = Answerer(DirectResponse(status=503, body='{"error": {"message": "down"}}')).answer(scene())
    assert answer == (503, [(b"content-type", b"application/json")], b'{"error": {"message": "down"}}')


def test_a_body_is_computed() -> None:
    response = DirectResponse(
        status=200,
        body_expression='{"you": request.headers["x-user"]}',
        headers=(("x-path", "request.path"), ("x-gone", "jwt.x"), ("content-type", '"application/vnd.a+json"')),
    )
    status, headers, body = Answerer(response).answer(scene({"x-user": "bob"})) or (0, [], b"")
    assert (status, body) == (200, b'{"you":"bob"}')
    assert headers == [(b"x-path", b"/openai"), (b"content-type", b"application/vnd.a+json")]
    assert Answerer(response).answer(scene()) == (200, headers, b"")


def test_it_answers_only_if_its_condition_holds() -> None:
    answerer = Answerer(DirectResponse(status=403, condition='request.headers["x-chaos"] == "1"'))
    assert answerer.answer(scene({"x-chaos": "1"})) == (403, [], b"")
    assert answerer.answer(scene({"x-chaos": "2"})) is None
    assert answerer.answer(scene()) is None
