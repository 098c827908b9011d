"""gateway.scene: what expressions see of a request, and that nothing is decoded before one looks."""

import pytest

from sluice.chat.events import Reported, Started
from sluice.chat.usage import Usage
from sluice.gateway.scene import answer_facts, asked_facts, scene_of
from sluice.policies.authorization import Authorization, Rules
from sluice.policies.value import Value
from sluice.relay.relay import Said
from tests.gateway.identity import request


def value(text: str, *headers: str, **members: object) -> object:
    return Value(text).value(scene_of(request(*headers, **members), scheme="https"))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("request.method", "POST"),
        ("request.path", "/v1/chat/completions"),
        ("request.pathAndQuery", "/v1/chat/completions?a=1&b=%20&a=2&c"),
        ("request.host", "llm.example"),
        ("request.uri", "https://llm.example/v1/chat/completions?a=1&b=%20&a=2&c"),
        ("request.scheme", "https"),
        ("request.version", "HTTP/1.1"),
        ('request.headers["x-a"]', "first, second"),
        ('request.headers["x-bytes"]', "Ã©"),
        ('request.query["a"] + request.query.b + request.query["c"]', "1 "),
        ("json(request.body).model", "gpt-4o"),
        ("source.address", "192.0.2.7"),
        ("source.port", 4711),
        ("llmRequest.model", "gpt-4o"),
        ("llm.requestModel", "gpt-4o"),
        ("llm.streaming", True),
    ],
)
def test_an_expression_sees_the_request_as_it_came(text: str, result: object) -> None:
    assert value(text, "x-a: first", "X-A: second", "x-bytes: é", query="a=1&b=%20&a=2&c") == result


def test_an_address_of_the_newer_kind_is_bare() -> None:
    assert value("source.address", peer="[2001:db8::1]:443") == "2001:db8::1"


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("has(llmRequest.model)", {"body": b"no json"}),
        ("has(llm.requestModel)", {"body": b"[]"}),
        ("has(llm.requestModel)", {"body": b"{}"}),
        ("has(request.body)", {"body": b"\xff"}),
        ("has(request.query)", {"query": "&".join(["a=1"] * 2000)}),
        ("has(llmRequest.model)", {"body": b"[" * 100_000}),
        ("has(llmRequest.model)", {"body": b""}),
    ],
)
def test_what_cannot_be_read_is_not_there(text: str, members: dict[str, object]) -> None:
    assert value(text, **members) is False
    assert value("request.path", **members) == "/v1/chat/completions"


def test_when_a_target_answers_more_is_known_and_what_it_has_not_said_is_not_there() -> None:
    scene, said = scene_of(request()), Said()
    scene.add("llm", answer_facts("openai", said))
    assert Value("[llm.provider, llm.requestModel, llm.streaming]").value(scene) == ["openai", "gpt-4o", True]
    assert Value('default(llm.responseModel, "?") + default(string(llm.totalTokens), "?")').value(scene) == "??"
    said.note(Started("id", "gpt-4o-2024-08-06"))
    said.note(Reported(Usage(input_tokens=30, output_tokens=12, cache_read_tokens=10)))
    scene.add("llm", answer_facts("openai", said))
    assert Value("llm.responseModel").value(scene) == "gpt-4o-2024-08-06"
    counts = "[llm.inputTokens, llm.outputTokens, llm.cachedInputTokens, llm.totalTokens]"
    assert Value(counts).value(scene) == [30, 12, 10, 42]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "m", "x": 100000000000000000000}',
        b'{"model": "m", "seed": 18446744073709551616, "y": [{"z": -10000000000000000000}]}',
        b'{"model": "m", "x": 1' + b"0" * 400 + b"}",
        b'{"model": "m", "user": "\\ud800"}',
        b'\xef\xbb\xbf{"model": "m"}',
        '{"model": "m"}'.encode("utf-16"),
    ],
)
def test_no_member_of_a_body_hides_another(body: bytes) -> None:
    assert value("llmRequest.model + llm.requestModel", body=body) == "mm"


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent", "embedContent"])
def test_a_model_may_stand_in_the_address(verb: str) -> None:
    path = f"/v1beta/models/gemini-x:{verb}"
    assert value("llm.requestModel", path=path, body=b'{"model": "other"}') == "gemini-x"
    scene = scene_of(request(path="/v1/responses"))
    scene.add("llm", asked_facts(request(path=path)))
    assert Value("llm.requestModel").value(scene) == "gemini-x"
    assert value("llm.streaming", path="/v1beta/models/gemini-x:streamGenerateContent", body=b"{}") is True


def denied(rule: str, *headers: str, **members: object) -> bool:
    scene = scene_of(request(*headers, **members))
    return not Rules(Authorization(deny=(rule,))).permit(scene)


@pytest.mark.parametrize("query", ["admin=1", "admin=0&admin=1", "admin=1&admin=0", "admin=1" + "&a=1" * 1001])
def test_no_parameter_hides_another_from_a_rule(query: str) -> None:
    rule = 'request.query["admin"] == "1"'
    assert denied(rule, query=query)
    assert not denied(rule, query="admin=0&admin=0&include[]=a&include[]=b")


def test_no_header_hides_another_from_a_rule() -> None:
    rule = 'request.headers["x-team"] == "admins"'
    for first, second in (("users", "admins"), ("admins", "users")):
        assert denied(rule, f"x-team: {first}", f"x-team: {second}")
    assert not denied(rule, "x-team: users", "accept: a", "accept: b", "cookie: a=1", "cookie: b=2")
    assert value('request.headers["cookie"]', "cookie: a=1", "cookie: b=2") == "a=1; b=2"


@pytest.mark.parametrize("body", [b"DROP\xff", b"\x1f\x8bDROP"])
def test_no_byte_hides_a_body_from_a_rule(body: bytes) -> None:
    assert denied('request.body.contains("DROP")', body=body)
    assert denied('llmRequest.model == "x"', body=body)
    assert not denied('llmRequest.model == "x"', body=b"", method="GET")
