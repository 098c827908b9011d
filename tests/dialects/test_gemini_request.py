"""gemini/request.py and reseal.py: requests for a provider of the same dialect."""

import json
from typing import Any

import msgspec
import pytest

from sluice.chat import seal
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.gemini import GEMINI
from sluice.errors import BadRequest
from tests.dialects.gemini import body_of

HI = [{"role": "user", "parts": [{"text": "hi"}]}]


def read(fields: object) -> ChatRequest:
    return GEMINI.read_request(json.dumps(fields).encode(), model="gemini-3-pro", stream=True)


def sent(fields: object, model: str = "gemini-3-pro") -> Any:
    return json.loads(GEMINI.write_request(read(fields), model=model, ask_usage=True))


def test_what_routing_and_the_record_need() -> None:
    body = {
        "contents": HI,
        "generationConfig": {
            "temperature": 0,
            "topP": 0.5,
            "maxOutputTokens": 10,
            "candidateCount": 2,
            "seed": 7,
            "presencePenalty": 0.25,
            "frequencyPenalty": -0.5,
        },
    }
    request = GEMINI.read_request(body_of(body), model="m", stream=True, framing="json_array")
    assert msgspec.structs.replace(request, fields={}) == ChatRequest(
        model="m",
        stream=True,
        wants_usage=True,
        framing="json_array",
        choices=2,
        temperature=0.0,
        top_p=0.5,
        max_tokens=10,
        seed=7,
        presence_penalty=0.25,
        frequency_penalty=-0.5,
    )


def test_both_spellings_and_numbers_as_protocol_buffers_write_them() -> None:
    request = read({"contents": HI, "generation_config": {"max_output_tokens": "10", "top_p": "0.5", "seed": 3.0}})
    assert (request.max_tokens, request.top_p, request.seed) == (10, 0.5, 3)


@pytest.mark.parametrize(("stream", "said", "streams"), [(None, True, True), (None, None, False), (False, True, False)])
def test_the_address_says_whether_to_stream_else_the_body(
    stream: bool | None, said: bool | None, streams: bool
) -> None:
    body = body_of({"contents": HI, "stream": said, "model": "inside"})
    request = GEMINI.read_request(body, stream=stream)
    assert (request.stream, request.model) == (streams, "inside")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"contents": HI, "stream": "true"}, "stream"),
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": None}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": ["hi"]}, "contents[0]"),
        ({"contents": HI, "generationConfig": []}, "generationConfig"),
        ({"contents": HI, "generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"contents": HI, "generationConfig": {"temperature": "NaN"}}, "generationConfig.temperature"),
        ({"contents": HI, "generationConfig": {"seed": 1.5}}, "generationConfig.seed"),
        ({"contents": HI, "generationConfig": {"maxOutputTokens": True}}, "generationConfig.maxOutputTokens"),
        ({"contents": HI, "systemInstruction": {}, "system_instruction": {}}, "systemInstruction"),
    ],
)
def test_what_is_wrong_is_named(fields: object, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(fields)
    assert caught.value.param == param
    assert param in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"contents":[{"\xff":1}]}', b'{"\xff":1}', b'{"a":' * 60_000])
def test_what_is_no_request_is_a_400(body: bytes) -> None:
    with pytest.raises(BadRequest):
        GEMINI.read_request(body, model="m")


def test_a_request_stays_byte_for_byte() -> None:
    body = b'{"new_thing":{"b" : 1.50},"contents":[ {"parts":[{"text":"\\u00e9"}]} ],"safetySettings":[]}'
    request = GEMINI.read_request(body, model="m", stream=True)
    assert GEMINI.write_request(request, model="other", ask_usage=True) == body


def test_model_and_stream_are_the_addresss_alone() -> None:
    assert sent({"model": "x", "contents": HI, "stream": True}) == {"contents": HI}


# -- what passed through other providers ------------------------------------------------------------------------------

FOREIGN = seal.pack([Reasoning("why", Seal("dialect.anthropic_messages", "reasoning", "sig"))])
OWN = seal.pack([Reasoning("", Seal("dialect.gemini", "call", "own+/=="))])


def parts(*given: object, model: str = "gemini-2.5-pro") -> Any:
    body = sent({"contents": [*HI, {"role": "model", "parts": list(given), "x": 1}]}, model)
    return body["contents"][1:]


@pytest.mark.parametrize("token", [FOREIGN, FOREIGN.replace("-", "+").replace("_", "/")])
def test_foreign_proofs_are_taken_out(token: str) -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1.0}}, "new": [1.50]}
    assert parts(call | {"thoughtSignature": token}) == [{"role": "model", "parts": [call], "x": 1}]
    assert parts(call | {"thought_signature": token}) == [{"role": "model", "parts": [call], "x": 1}]
    text = {"text": "a", "thought": True}
    assert parts(text | {"thoughtSignature": token})[0]["parts"] == [text]


def test_a_part_that_was_there_for_its_token_leaves_and_its_content_too() -> None:
    empty = {"text": "", "thought": True, "thoughtSignature": FOREIGN}
    assert parts(empty) == []
    assert parts(empty, {"text": "a"})[0]["parts"] == [{"text": "a"}]


def test_gemini_3_gets_the_documented_word_for_a_call_of_another_model() -> None:
    call = {"functionCall": {"name": "f"}}
    for model in ("gemini-3-pro-preview", "models/gemini-3.1-pro", "google/gemini-10"):
        (content,) = parts(call | {"thoughtSignature": FOREIGN}, model=model)
        assert content["parts"] == [call | {"thoughtSignature": "skip_thought_signature_validator"}]
    assert parts(call | {"thoughtSignature": FOREIGN}, model="gemini-2.5-pro")[0]["parts"] == [call]


def test_own_proofs_are_put_back_byte_for_byte() -> None:
    call = {"functionCall": {"name": "f"}}
    assert parts(call | {"thoughtSignature": OWN})[0]["parts"] == [call | {"thoughtSignature": "own+/=="}]
    kept = call | {"thoughtSignature": "native=="}
    marked = {"text": "", "thoughtSignature": FOREIGN}
    assert parts(kept, marked)[0]["parts"] == [kept]


def test_ids_that_carry_reasoning_are_split() -> None:
    joined = seal.join_id("x", [Reasoning("", Seal("dialect.gemini", "call", "own=="))])
    call = {"functionCall": {"id": joined, "name": "f"}}
    assert parts(call)[0]["parts"] == [{"functionCall": {"id": "x", "name": "f"}, "thoughtSignature": "own=="}]
    result = {"function_response": {"id": joined, "name": "f", "response": {}}}
    assert parts(result)[0]["parts"] == [{"function_response": {"id": "x", "name": "f", "response": {}}}]


def test_contents_beside_a_token_keep_their_bytes() -> None:
    body = b'{"contents":[{"parts":[{"text" : "\\u00e9"}]},{"parts":[{"text":"a","thoughtSignature":"%b"}]}]}'
    request = GEMINI.read_request(body % FOREIGN.encode(), model="m", stream=True)
    written = GEMINI.write_request(request, model="m", ask_usage=True)
    assert written == b'{"contents":[{"parts":[{"text" : "\\u00e9"}]},{"parts":[{"text":"a"}]}]}'


def test_a_broken_token_is_the_providers_to_judge() -> None:
    broken = {"text": "a", "thoughtSignature": FOREIGN[:20] + "!"}
    assert parts(broken)[0]["parts"] == [broken]


# -- the operator's messages ------------------------------------------------------------------------------------------


def enriched(fields: object, prepend: list[tuple[str, str]], append: list[tuple[str, str]]) -> Any:
    request = GEMINI.enrich(read(fields), prepend, append)
    return json.loads(GEMINI.write_request(request, model="", ask_usage=False))


def test_messages_before_and_after() -> None:
    body = enriched(
        {"contents": HI, "labels": {"a": "b"}},
        [("system", "s1"), ("user", "u1"), ("assistant", "a1")],
        [("system", "s2"), ("user", "u2")],
    )
    assert body == {
        "contents": [
            {"role": "user", "parts": [{"text": "u1"}]},
            {"role": "model", "parts": [{"text": "a1"}]},
            *HI,
            {"role": "user", "parts": [{"text": "u2"}]},
        ],
        "labels": {"a": "b"},
        "systemInstruction": {"parts": [{"text": "s1"}, {"text": "s2"}]},
    }


def test_a_system_instruction_of_the_clients_stays_between() -> None:
    fields = {"system_instruction": {"role": "x", "parts": {"text": "own"}}, "contents": HI[0]}
    body = enriched(fields, [("system", "before")], [("system", "after"), ("user", "u")])
    assert body["system_instruction"] == {
        "role": "x",
        "parts": [{"text": "before"}, {"text": "own"}, {"text": "after"}],
    }
    assert "systemInstruction" not in body
    assert body["contents"] == [*HI, {"role": "user", "parts": [{"text": "u"}]}]


def test_without_messages_nothing_changes() -> None:
    request = read({"contents": HI})
    assert GEMINI.enrich(request, [], []).fields == request.fields
