"""policies.scene: what is converted when, and what becomes of what cannot be had."""

from collections.abc import Mapping

import pytest

from sluice.policies.condition import Condition
from sluice.policies.scene import ANSWERED, ASKED, VARIABLES, Scene
from sluice.policies.value import Value

BODY = {"model": "gpt-4", "stream": True, "messages": [{"role": "user", "content": "x"}]}


def value(text: str, scene: Scene) -> object:
    return Value(text).value(scene)


def test_a_fact_is_got_once_and_only_if_an_expression_names_it() -> None:
    calls: list[str] = []

    def fact(name: str, result: object) -> object:
        calls.append(name)
        return result

    headers = {"x-a": "1"}
    scene = Scene(
        {
            "request": {"path": "/", "headers": lambda: fact("headers", headers), "body": lambda: fact("body", "")},
            "llmRequest": lambda: fact("llmRequest", BODY),
        }
    )
    assert value("request.path", scene) == "/"
    assert not calls
    assert value('request.headers["x-a"] + request.path', scene) == "1/"
    assert value('request.headers["x-a"]', scene) == "1"
    assert calls == ["headers"]
    assert value("llmRequest.model", scene) == "gpt-4"
    assert value("llmRequest.stream && size(llmRequest.messages) == 1", scene) is True
    assert value("size(llmRequest)", scene) == 3
    assert calls == ["headers", "llmRequest"]
    assert value("size(request)", scene) == 3
    assert calls == ["headers", "llmRequest", "body"]


def test_what_is_learned_replaces_what_was_known() -> None:
    scene = Scene()
    claims = {"sub": "alice", "nested": {"a": [1]}}
    assert not Condition("has(jwt.sub)").holds(scene)
    scene.learn("jwt", claims)
    assert value("jwt.sub", scene) == "alice"
    scene.learn("jwt", {"sub": "bob"})
    assert value("jwt.sub", scene) == "bob"
    assert value("jwt", scene) == {"sub": "bob"}
    assert claims == {"sub": "alice", "nested": {"a": [1]}}


def test_what_is_added_stands_beside_what_was_known_and_is_got_only_if_an_expression_names_it() -> None:
    asked: list[str] = []
    scene = Scene({"llm": {"requestModel": "m", "provider": "old"}})
    assert value("llm.provider", scene) == "old"
    scene.add("llm", {"provider": "new", "responseModel": lambda: asked.append("model") or "m-1"})
    assert value("llm.requestModel + llm.provider", scene) == "mnew"
    assert asked == []
    assert value("llm.responseModel", scene) == "m-1"
    assert asked == ["model"]
    scene.add("jwt", {"sub": "ada"})
    assert value("jwt.sub", scene) == "ada"


@pytest.mark.parametrize("name", list(VARIABLES))
def test_a_variable_of_which_nothing_is_known_has_no_members(name: str) -> None:
    member = next(iter(VARIABLES[name]), "x")  # type: ignore[call-overload]
    scene = Scene()
    assert value(f"has({name}.{member})", scene) is False
    assert value(f'default({name}.{member}, "none")', scene) == "none"
    with pytest.raises(LookupError):
        value(f"{name}.{member}", scene)


def test_a_condition_before_the_answer_knows_everything_but_the_answer() -> None:
    assert set(VARIABLES) - set(ASKED) == {"response", "exchange", "proxy"}
    with pytest.raises(ValueError, match="there is no `response`"):
        Condition("response.code == 200")
    assert Condition("response.code == 200", sees=VARIABLES).holds(Scene({"response": {"code": 200}}))


@pytest.mark.parametrize("error", [ValueError(), LookupError(), RecursionError()])
def test_a_member_that_cannot_be_had_is_not_there_and_the_others_are(error: Exception) -> None:
    def broken() -> object:
        raise error

    scene = Scene({"request": {"path": "/", "body": broken}, "llmRequest": broken})
    assert value("request", scene) == {"path": "/"}
    assert value("has(request.body) || has(llmRequest.model)", scene) is False


def test_what_could_not_be_had_is_not_asked_for_again() -> None:
    calls: list[int] = []

    def broken() -> object:
        calls.append(1)
        raise ValueError

    scene = Scene({"llmRequest": broken})
    for text in ("has(llmRequest.model)", "has(llmRequest.stream)", "size(llmRequest) > 0"):
        assert value(text, scene) is False
    assert len(calls) == 1


def test_a_fault_of_ours_is_not_hidden() -> None:
    def broken() -> object:
        raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        value("llmRequest.model", Scene({"llmRequest": broken}))


@pytest.mark.parametrize("strange", [{"a": object()}, object()])
def test_a_value_that_is_none_of_the_language_is_not_there(strange: object) -> None:
    scene = Scene({"llmRequest": {"x": strange}, "jwt": {"sub": "a"}})
    with pytest.raises(LookupError):
        value("llmRequest.x", scene)
    assert value("jwt.sub", scene) == "a"


def test_default_looks_on_where_something_fails_or_is_null() -> None:
    text = 'default(jwt.org, default(request.headers["x-org"], "public-tier"))'
    assert value(text, Scene()) == "public-tier"
    assert value(text, Scene({"request": {"headers": {"x-org": "h"}}})) == "h"
    assert value(text, Scene({"jwt": {"org": "j"}, "request": {"headers": {"x-org": "h"}}})) == "j"
    assert value(text, Scene({"jwt": {"org": None}})) == "public-tier"
    assert value('default(json(request.body).model, "none")', Scene({"request": {"body": "no json"}})) == "none"
    assert value("coalesce(jwt.a, jwt.b, jwt.c)", Scene({"jwt": {"c": 3}})) == 3
    with pytest.raises(LookupError):
        value("default(jwt.a, jwt.b)", Scene())


def test_default_sees_what_macros_around_it_bind() -> None:
    scene = Scene({"llmRequest": {"messages": [{"a": 1}, {"b": 2}, {}]}, "jwt": {"n": 7}})
    assert value("llmRequest.messages.map(m, default(m.a, default(m.b, jwt.n)))", scene) == [1, 2, 7]
    assert value("default([1, 2].map(x, x + 1), [])", scene) == [2, 3]
    assert value("[1].map(x, [2].map(y, default(jwt.none, x + y)))", scene) == [[3]]


def test_default_is_refused_where_it_could_never_give_anything() -> None:
    with pytest.raises(ValueError, match="there is no `jtw`"):
        Value('default(jtw.org, "x")')
    with pytest.raises(ValueError, match="`request` has no `header`"):
        Value('default(request.header["x"], "x")')
    with pytest.raises(ValueError, match="64 times at most"):
        Value(" + ".join(['default(jwt.a, "x")'] * 65))
    with pytest.raises(ValueError, match="64 times at most"):
        Value("default(jwt.a, " * 500 + "1" + ")" * 500)


def test_what_is_known_only_at_the_end_cannot_be_named_before() -> None:
    for text in ("exchange.outcome", "proxy.bind"):
        assert Value(text) is not None
        for sees in (ASKED, ANSWERED):
            with pytest.raises(ValueError, match="there is no"):
                Value(text, sees=sees)
    assert set(VARIABLES) - set(ANSWERED) == {"exchange", "proxy"}


def test_members_are_added_to_a_variable_that_nobody_has_looked_at_yet() -> None:
    asked: list[str] = []

    def request() -> Mapping[str, object]:
        asked.append("request")
        return {"path": "/a", "method": "GET"}

    scene = Scene({"request": request, "source": {"port": 1}})
    scene.add("request", {"path": "/b", "startTime": "now"})
    scene.add("source", {"address": "::1"})
    scene.add("response", {"code": 200})
    assert not asked
    assert value("[request.path, request.method, request.startTime]", scene) == ["/b", "GET", "now"]
    assert value("source.address + string(source.port + response.code)", scene) == "::1201"
    assert asked == ["request"]
