"""openai_responses/request.py and foreign.py: what is read for routing, what is patched, what is taken out."""

import json

import pytest

from sluice.chat.seal import Reasoning, Seal, join_id, pack, wrap
from sluice.dialects.openai_responses import OPENAI_RESPONSES
from sluice.errors import BadRequest
from tests.dialects.test_openai_responses_kit import obj, rows

OWN = "dialect.openai_responses"
BODY = b"""{"model": "m", "stream":true, "input" : [ {"role":"user", "content":"h\\u00e9"} ],
  "temperature":0.0, "unknown": {"a" : 1e2}}"""


def test_what_routing_needs_is_read_and_the_rest_kept() -> None:
    request = OPENAI_RESPONSES.read_request(b'{"input": "x", "model": "m", "max_output_tokens": 9, "top_p": 0.5}')
    assert (request.model, request.stream, request.max_tokens, request.top_p) == ("m", False, 9, 0.5)
    assert request.wants_usage
    assert list(request.fields) == ["input", "model", "max_output_tokens", "top_p"]


def test_the_address_may_say_model_and_stream() -> None:
    request = OPENAI_RESPONSES.read_request(b'{"input": "x"}', model="addr", stream=True)
    assert (request.model, request.stream) == ("addr", True)
    written = json.loads(OPENAI_RESPONSES.write_request(request, model="addr", ask_usage=True))
    assert written == {"input": "x", "model": "addr", "stream": True}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"[]", None),
        (b"[" * 100_000, None),
        (b'{"input": "\xff"}', None),
        (b"{}", "input"),
        (b'{"input": null}', "input"),
        (b'{"input": 5}', "input"),
        (b'{"input": "x", "stream": "true"}', "stream"),
        (b'{"input": "x", "model": 5}', "model"),
        (b'{"input": "x", "max_output_tokens": 1.5}', "max_output_tokens"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, param: str | None) -> None:
    with pytest.raises(BadRequest) as raised:
        OPENAI_RESPONSES.read_request(body)
    assert raised.value.param == param


@pytest.mark.parametrize("member", ["previous_response_id", "prompt", "conversation"])
def test_state_at_the_provider_stands_for_input(member: str) -> None:
    body = json.dumps({member: "x"}).encode()
    request = OPENAI_RESPONSES.read_request(body)
    assert OPENAI_RESPONSES.write_request(request, model="", ask_usage=True) == body.replace(b": ", b":")


def test_only_the_model_and_the_stream_are_patched() -> None:
    request = OPENAI_RESPONSES.read_request(BODY)
    same = OPENAI_RESPONSES.write_request(request, model="m", ask_usage=True)
    assert same == (
        b'{"model":"m","stream":true,"input":[ {"role":"user", "content":"h\\u00e9"} ],'
        b'"temperature":0.0,"unknown":{"a" : 1e2}}'
    )
    assert OPENAI_RESPONSES.write_request(request, model="n", ask_usage=False) == same.replace(b'"m"', b'"n"')
    assert OPENAI_RESPONSES.write_request(request, model="", ask_usage=True) == same


def test_what_other_providers_sealed_is_taken_out_and_all_else_keeps_its_bytes() -> None:
    seal = Seal("dialect.other", "reasoning", "sig")
    foreign = Reasoning("", seal)
    own = Reasoning("mine", Seal(OWN, "reasoning", "gAA=", "rs_7"))
    items: list[dict[str, object]] = [
        {"role": "user", "content": "x"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": wrap(seal, OWN)},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBB="},
        {"type": "reasoning", "id": "rs_3", "summary": [], "encrypted_content": pack([own]), "future": 1},
        {"type": "function_call", "call_id": join_id("t", [foreign, own]), "name": "f", "arguments": "{}", "z": 2},
        {"type": "function_call_output", "call_id": join_id("t", [foreign, own]), "output": "ok"},
        {"role": "user", "content": f"the word {pack([foreign])} in a text"},
    ]
    request = OPENAI_RESPONSES.read_request(json.dumps({"input": items, "metadata": {"a": 1}}).encode())
    got = obj(json.loads(OPENAI_RESPONSES.write_request(request, model="", ask_usage=True)))
    sealed = {"type": "reasoning", "id": "rs_7", "summary": [{"type": "summary_text", "text": "mine"}]}
    assert rows(got["input"]) == [
        items[0],
        items[2],
        items[3] | {"id": "rs_7", "encrypted_content": "gAA="},
        sealed | {"encrypted_content": "gAA="},
        items[4] | {"call_id": "t"},
        items[5] | {"call_id": "t"},
        items[6],
    ]
    assert got["metadata"] == {"a": 1}


def test_items_that_make_no_sense_are_left_to_the_provider() -> None:
    token = pack([Reasoning("", Seal("o", "call", "s"))])
    odd = [5, [token], {"type": 5, "call_id": token}, {"type": "reasoning", "encrypted_content": [token]}]
    request = OPENAI_RESPONSES.read_request(json.dumps({"input": odd}).encode())
    assert json.loads(OPENAI_RESPONSES.write_request(request, model="", ask_usage=True)) == {"input": odd}


def test_a_text_that_looks_like_a_token_is_a_text() -> None:
    token = pack([Reasoning("", Seal("o", "call", "s"))])
    request = OPENAI_RESPONSES.read_request(json.dumps({"input": token}).encode())
    assert json.loads(OPENAI_RESPONSES.write_request(request, model="", ask_usage=True)) == {"input": token}


# -- enrich ------------------------------------------------------------------------------------------------------------


def enriched(body: object, prepend: list[tuple[str, str]], append: list[tuple[str, str]]) -> dict[str, object]:
    request = OPENAI_RESPONSES.read_request(json.dumps(body).encode())
    more = OPENAI_RESPONSES.enrich(request, prepend, append)
    return obj(json.loads(OPENAI_RESPONSES.write_request(more, model="", ask_usage=True)))


def item(role: str, text: str) -> dict[str, str]:
    return {"type": "message", "role": role, "content": text}


def test_system_texts_in_front_come_before_the_client_s_instructions() -> None:
    got = enriched({"input": "hi", "instructions": "client"}, [("system", "a"), ("developer", "b")], [])
    assert got == {"input": "hi", "instructions": "a\n\nb\n\nclient"}
    assert enriched({"input": "hi", "instructions": None}, [("system", "a")], [])["instructions"] == "a"


def test_other_messages_are_items_before_and_after() -> None:
    got = enriched(
        {"input": "hi", "x": 1},
        [("system", "s"), ("user", "u"), ("assistant", "v"), ("system", "w")],
        [("system", "z"), ("user", "q")],
    )
    before = [item("user", "u"), item("assistant", "v"), item("developer", "w")]
    assert got == {
        "input": [*before, item("user", "hi"), item("developer", "z"), item("user", "q")],
        "x": 1,
        "instructions": "s",
    }


def test_the_client_s_own_items_keep_their_bytes() -> None:
    request = OPENAI_RESPONSES.read_request(b'{"input": [{"role" : "user", "content":"\\u00e9"}]}')
    more = OPENAI_RESPONSES.enrich(request, [], [("user", "q")])
    assert b'{"role" : "user", "content":"\\u00e9"}' in OPENAI_RESPONSES.write_request(more, model="", ask_usage=True)
    assert b'"role" : "user"' in bytes(request.fields["input"])
    assert OPENAI_RESPONSES.enrich(request, [], []).fields == request.fields


def test_instructions_that_are_no_text_are_named() -> None:
    with pytest.raises(BadRequest) as raised:
        enriched({"input": "hi", "instructions": [1]}, [("system", "a")], [])
    assert raised.value.param == "instructions"
