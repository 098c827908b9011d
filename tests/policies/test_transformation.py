"""policies.transformation: what expressions come to, and what failing ones leave. Labs A017, C15, C17, B8."""

import msgspec
import pytest

from sluice.policies.ai import AiPolicy
from sluice.policies.header_change import Change
from sluice.policies.transformation import Transform, Transformer, as_body, as_header, body_fields, final_body
from sluice.policies.value import Value
from tests.policies.scenes import scene


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def fields(**members: object) -> dict[str, msgspec.Raw]:
    return {name: raw(value) for name, value in members.items()}


def plain(members: dict[str, msgspec.Raw]) -> dict[str, object]:
    return {name: msgspec.json.decode(value) for name, value in members.items()}


# -- headers ----------------------------------------------------------------------------------------------------------


def test_headers_are_computed() -> None:
    transform = Transform(
        set=(("x-user-id", 'default(request.headers["x-user-id"], "anonymous")'), ("x-method", "request.method")),
        add=(("x-size", "size(request.path)"),),
        remove=("x-old",),
    )
    found = Transformer(transform, answers=False).of(scene({"x-user-id": "bob"}), {})
    assert found.headers == Change(
        set=((b"x-user-id", b"bob"), (b"x-method", b"POST")), add=((b"x-size", b"7"),), remove=(b"x-old",)
    )
    found = Transformer(transform, answers=False).of(scene(), {})
    assert found.headers.set[0] == (b"x-user-id", b"anonymous")


def test_a_header_whose_expression_fails_is_not_there() -> None:
    """Else a client could choose the value of what an operator sets."""
    transform = Transform(
        set=(("x-role", "jwt.role"), ("x-bad", 'request.headers["x"]')), add=(("x-more", "jwt.role"),)
    )
    found = Transformer(transform, answers=False).of(scene({"x-role": "admin"}), {})
    assert found.headers == Change(remove=(b"x-role", b"x-bad"))


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\0", "x" * 9000])
def test_no_value_begins_a_line_of_its_own(value: str) -> None:
    transform = Transform(set=(("x-echo", "llmRequest.user"),))
    found = Transformer(transform, answers=False).of(scene(body=msgspec.json.encode({"user": value})), {})
    assert found.headers == Change(remove=(b"x-echo",))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  text ", b"text"),
        (b"\xff", b"\xff"),
        ("ü", "ü".encode()),
        (True, b"true"),
        (3, b"3"),
        (2.5, b"2.5"),
        (float("inf"), None),
        (float("nan"), None),
        (["a", 1], b'["a",1]'),
        ({"a": None}, b'{"a":null}'),
        (None, None),
        (object(), None),
        ("\ud800", None),
    ],
)
def test_what_a_value_is_as_a_header(value: object, text: bytes | None) -> None:
    assert as_header(value) == text


@pytest.mark.parametrize(
    ("value", "body"),
    [("a", b"a"), (b"\0", b"\0"), ({"a": [1]}, b'{"a":[1]}'), (None, b""), (7, b"7"), (object(), b""), ("\ud800", b"")],
)
def test_what_a_value_is_as_a_body(value: object, body: bytes) -> None:
    assert as_body(value) == body


def test_an_address_can_be_computed_and_a_body_too() -> None:
    transform = Transform(
        set=((":path", '"/v1" + request.path'), (":method", "jwt.verb"), (":authority", '"other.example"')),
        body='{"model": "m", "was": json(request.body).model}',
    )
    found = Transformer(transform, answers=False).of(scene(body=b'{"model":"old"}'), {})
    assert found.pseudo == {":path": "/v1/openai", ":authority": "other.example"}
    assert found.body == b'{"model":"m","was":"old"}'
    assert found.headers == Change()
    failing = Transformer(Transform(body="jwt.nothing"), answers=False).of(scene(), {})
    assert failing.body == b""


def test_metadata_is_noted_first_and_seen_by_what_follows() -> None:
    transform = Transform(
        metadata=(("team", 'request.headers["x-team"]'), ("gone", "jwt.gone")), set=(("x-t", "metadata.team"),)
    )
    seen = scene({"x-team": "red"})
    found = Transformer(transform, answers=False).of(seen, {"before": 1})
    assert found.metadata == {"before": 1, "team": "red"}
    assert found.headers.set == ((b"x-t", b"red"),)
    assert Value("metadata.team + string(metadata.before)").value(seen) == "red1"


def test_an_answer_is_seen_by_those_of_answers_alone() -> None:
    seen = scene(response={"code": 200, "headers": {"x": "y"}}, llm={"provider": "openai"})
    transform = Transform(set=(("x-code", "response.code"), ("x-by", "llm.provider"), ("x-in", "llm.inputTokens")))
    found = Transformer(transform, answers=True).of(seen, {})
    assert found.headers == Change(set=((b"x-code", b"200"), (b"x-by", b"openai")), remove=(b"x-in",))
    with pytest.raises(ValueError, match="response"):
        Transformer(transform, answers=False)


# -- members of a body ------------------------------------------------------------------------------------------------


def changed(policy: AiPolicy, transformations: tuple[tuple[str, str], ...], **members: object) -> dict[str, object]:
    return plain(body_fields(policy, transformations, fields(**members), scene()))


def test_a_member_is_computed_from_the_body() -> None:
    cap = (("max_completion_tokens", "min(llmRequest.max_completion_tokens, 10)"),)
    assert changed(AiPolicy(), cap, max_completion_tokens=500, a=1) == {"max_completion_tokens": 10, "a": 1}
    strip = (("model", 'llmRequest.model.stripPrefix("openai/")'),)
    assert changed(AiPolicy(), strip, model="openai/gpt-5-mini") == {"model": "gpt-5-mini"}


def test_a_failing_expression_removes_the_member() -> None:
    cap = (("max_tokens", "min(llmRequest.nothing, 10)"), ("metadata.team", "jwt.team"), ("a.b.c", "jwt.x"))
    assert changed(AiPolicy(), cap, max_tokens=5, metadata={"team": "x", "k": 1}, a=3) == {"metadata": {"k": 1}, "a": 3}
    assert changed(AiPolicy(), cap, a={"b": {"c": 1, "d": 2}}) == {"a": {"b": {"d": 2}}}


def test_overrides_come_before_and_defaults_after() -> None:
    policy = AiPolicy(overrides=(("n", raw(1)),), defaults=(("n", raw(7)), ("twice", raw(8)), ("gone", raw(9))))
    computed = (("twice", "llmRequest.n * 2"), ("gone", "llmRequest.absent"))
    assert changed(policy, computed, n=5, gone=1) == {"n": 1, "twice": 2, "gone": 9}


def test_all_expressions_see_the_same_body() -> None:
    swap = (("a", "llmRequest.b"), ("b", "llmRequest.a"))
    assert changed(AiPolicy(), swap, a=1, b=2) == {"a": 2, "b": 1}


def test_nothing_to_do_is_the_same_object() -> None:
    before = fields(a=1)
    assert body_fields(AiPolicy(), (), before, scene()) is before
    assert body_fields(AiPolicy(), (("a", "llmRequest.a"),), before, scene()) is before
    assert body_fields(AiPolicy(), (("gone.deep", "jwt.x"), ("a.x", "jwt.x")), before, scene()) is before


def test_untouched_members_keep_their_bytes() -> None:
    odd = {"a": msgspec.Raw(b'{ "x" : 1.0e3 }'), "b": msgspec.Raw(b"1")}
    result = body_fields(AiPolicy(), (("b", "2"),), odd, scene())
    assert bytes(result["a"]) == b'{ "x" : 1.0e3 }'


def test_a_computed_member_may_use_who_asks() -> None:
    body = fields(max_tokens=500)
    rule = (("max_tokens", 'request.headers["x-user-id"] == "admin" ? 100 : 10'),)
    seen = [body_fields(AiPolicy(), rule, body, scene({"x-user-id": who})) for who in ("admin", "bob")]
    assert [plain(each) for each in seen] == [{"max_tokens": 100}, {"max_tokens": 10}]


def test_the_last_transformations_are_made_on_the_providers_body() -> None:
    last = (("inferenceConfig.maxTokens", "min(llmRequest.inferenceConfig.maxTokens, 5)"), ("gone", "jwt.x"))
    body = final_body(last, b'{"inferenceConfig":{"maxTokens":9},"gone":1}', scene())
    assert body == b'{"inferenceConfig":{"maxTokens":5}}'
    assert final_body((), b"anything", scene()) == b"anything"
    assert final_body(last, b"[1]", scene()) == b"[1]"
    assert final_body((("a", "llmRequest.a"),), b'{ "a": 1 }', scene()) == b'{ "a": 1 }'
