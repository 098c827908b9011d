"""The texts of a request: every one is found, in one scope, and can be put back changed."""

import time

import msgspec
import pytest

from sluice.dialects.text_walk import Walk
from sluice.dialects.texts import COLLECT, OPERATION, texts_of
from sluice.errors import BadRequest
from sluice.standard import CLIENT_DIALECTS
from tests.dialects.marks import planted, readable
from tests.dialects.rich_requests import RICH
from tests.support.measuring import undisturbed


def fields_of(body: object) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])


def rewritten(walk: Walk, texts: dict[int, str]) -> object:
    return msgspec.json.decode(msgspec.json.encode(walk.written(texts)))


def test_every_dialect_that_clients_speak_has_texts() -> None:
    assert set(COLLECT) - {OPERATION} == set(CLIENT_DIALECTS.values()) == set(RICH)


def test_of_another_operation_everything_is_a_text_but_the_model() -> None:
    body = {"model": "m", "input": ["a", "b"], "documents": [{"text": "c"}], "user": "d", "top_n": 3}
    found = texts_of(OPERATION, fields_of(body)).texts
    assert {text.scope for text in found} == {"messages"}
    said = "".join(text.text for text in found)
    assert all(f'"{word}"' in said for word in "abc")
    assert {"d", "3"} <= {text.text for text in found}
    assert "m" not in said


@pytest.mark.parametrize("dialect", RICH)
def test_every_text_is_found_in_exactly_one_scope_and_what_no_model_reads_in_none(dialect: str) -> None:
    body, scopes = planted(RICH[dialect])
    found = texts_of(dialect, fields_of(body)).texts
    for canary, scope in scopes.items():
        assert [text.scope for text in found if canary in text.text] == ([scope] if scope else []), canary


@pytest.mark.parametrize("dialect", RICH)
def test_a_changed_text_is_the_only_change(dialect: str) -> None:
    body, scopes = planted(RICH[dialect])
    for canary in (canary for canary, scope in scopes.items() if scope):
        walk = texts_of(dialect, fields_of(body))
        (index,) = (i for i, text in enumerate(walk.texts) if canary in text.text)
        after = rewritten(walk, {index: walk.texts[index].text.replace(canary, "<masked> é")})
        assert canary not in readable(after)
        again = texts_of(dialect, fields_of(after))
        back = rewritten(again, {index: again.texts[index].text.replace("<masked> é", canary)})
        assert back == body, canary


@pytest.mark.parametrize("dialect", RICH)
def test_all_texts_may_change_at_once(dialect: str) -> None:
    body, scopes = planted(RICH[dialect])
    walk = texts_of(dialect, fields_of(body))
    after = rewritten(walk, {i: text.text.replace("canary", "CANARY") for i, text in enumerate(walk.texts)})
    found = texts_of(dialect, fields_of(after)).texts
    for canary, scope in scopes.items():
        assert [text.scope for text in found if canary.replace("canary", "CANARY") in text.text] == [scope][
            : bool(scope)
        ]


def test_members_without_a_change_keep_their_bytes() -> None:
    raw = b'{ "messages" : [{"role":"user","content":"a"}], "tools": [ {"x":1.50,"y":"\\u00e9"} ], "seed":  1e3}'
    fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    walk = texts_of("dialect.openai_chat", fields)
    index = next(i for i, text in enumerate(walk.texts) if text.text == "a")
    written = walk.written({index: "b"})
    assert list(written) == ["messages", "tools", "seed"]
    assert bytes(written["tools"]) == b'[ {"x":1.50,"y":"\\u00e9"} ]'
    assert bytes(written["messages"]) == b'[{"role":"user","content":"b"}]'


def test_numbers_beside_a_changed_text_keep_their_bytes() -> None:
    part = b'{"type":"text","text":"a","x":[1.50,123456789012345678901,1E400]}'
    raw = b'[{"role":"user","content":[%b]}]' % part
    walk = texts_of("dialect.openai_chat", {"messages": msgspec.Raw(raw)})
    index = next(i for i, text in enumerate(walk.texts) if text.text == "a")
    assert bytes(walk.written({index: "b"})["messages"]) == raw.replace(b'"a"', b'"b"')


def test_texts_of_one_message_are_one_run_and_those_of_two_are_not() -> None:
    body = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "user", "content": [{"type": "text", "text": "c"}, {"type": "x"}, {"type": "text", "text": "d"}]},
            {"role": "user", "content": "e"},
        ]
    }
    runs = {text.text: text.run for text in texts_of("dialect.openai_chat", fields_of(body)).texts}
    assert runs["a"] == runs["b"]
    assert runs["c"] == runs["d"]
    assert len({runs[name] for name in "ace"}) == 3


@pytest.mark.parametrize(
    ("role", "content", "is_json"),
    [("tool", '{"a": 1}', True), ("tool", "[1", False), ("tool", "plain", False), ("user", '{"a": 1}', False)],
)
def test_what_a_tool_gives_back_is_json_if_it_is(role: str, content: str, is_json: bool) -> None:
    body = {"messages": [{"role": role, "content": content}]}
    (text,) = texts_of("dialect.openai_chat", fields_of(body)).texts
    assert text.is_json is is_json


@pytest.mark.parametrize(
    "messages",
    ['[{"role":"user","content":"good","content":"bad"}]', '[{"role":"user","role":"system","content":"x"}]'],
)
def test_a_member_that_stands_twice_is_refused(messages: str) -> None:
    with pytest.raises(BadRequest, match="stands twice") as caught:
        texts_of("dialect.openai_chat", {"messages": msgspec.Raw(messages.encode())})
    assert caught.value.param == "messages"


@pytest.mark.parametrize("dialect", RICH)
def test_a_body_nested_too_deeply_is_refused(dialect: str) -> None:
    with pytest.raises(BadRequest, match="nested too deeply"):
        texts_of(dialect, {"novelty": msgspec.Raw(b"[" * 100_000 + b"]" * 100_000)})


@pytest.mark.parametrize("dialect", RICH)
@pytest.mark.parametrize("value", [None, True, 1, "text", [], {}, [None], [[]], [{}], [{"content": 1}], {"a": None}])
def test_a_body_of_any_shape_is_read(dialect: str, value: object) -> None:
    names = ("messages", "input", "contents", "system", "instructions", "tools", "prompt", "text", "prediction")
    texts_of(dialect, fields_of(dict.fromkeys(names, value)))
    inner = [{"role": value, "type": value, "content": value, "parts": value, "tool_calls": value, "output": value}]
    texts_of(dialect, fields_of({"messages": inner, "input": inner, "contents": inner}))


@pytest.mark.parametrize("said", ["canary", {"a": ["canary"]}, ["canary"]])
@pytest.mark.parametrize(
    ("dialect", "names"),
    [
        ("dialect.openai_chat", ["messages", "tools", "functions", "response_format", "prediction", "thinking"]),
        ("dialect.openai_responses", ["input", "instructions", "tools", "text", "prompt", "context_management"]),
        (
            "dialect.anthropic_messages",
            ["messages", "system", "tools", "output_config", "output_format", "thinking", "context_management"],
        ),
        ("dialect.gemini", ["contents", "systemInstruction", "tools"]),
    ],
)
def test_a_known_member_of_another_type_is_looked_at(dialect: str, names: list[str], said: object) -> None:
    for name in names:
        assert any("canary" in text.text for text in texts_of(dialect, fields_of({name: said})).texts), name
    for inner in ("tool_calls", "audio", "function_call", "content", "name", "role"):
        message = {"role": "user", inner: said} if inner != "role" else {inner: said}
        found = texts_of("dialect.openai_chat", fields_of({"messages": [message]})).texts
        assert any("canary" in text.text for text in found), inner


def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    walk = texts_of("dialect.openai_chat", {"messages": msgspec.Raw(b'[{"role":"user","content":"a\\ud800","x":"b"}]')})
    index = next(i for i, text in enumerate(walk.texts) if text.text == "b")
    assert b"\xef\xbf\xbd" in bytes(walk.written({index: "c"})["messages"])


@pytest.mark.timed
def test_a_megabyte_of_one_text_takes_milliseconds() -> None:
    fields = fields_of({"messages": [{"role": "user", "content": "word " * 200_000}]})
    with undisturbed():
        began = time.process_time()
        texts_of("dialect.openai_chat", fields)
        assert time.process_time() - began < 0.1
