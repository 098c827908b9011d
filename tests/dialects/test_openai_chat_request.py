"""openai_chat/request.py: what is refused, and in which words; what is kept, and how exactly."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.seal import MARK, Reasoning, Seal, join_id
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.errors import BadRequest

MESSAGES = b'"messages":[{"role":"user","content":"hi"}]'


def body(more: bytes = b"") -> bytes:
    return b"{" + MESSAGES + (b"," + more if more else b"") + b"}"


@pytest.mark.parametrize(
    ("data", "param", "words"),
    [
        (b"", None, "The request has no body; a JSON object is expected."),
        (b" \n", None, "The request has no body; a JSON object is expected."),
        (b"{}", "messages", "Missing required parameter: 'messages'."),
        (b"[]", None, "The body is not a valid request: expected an object, got an array."),
        (b"null", None, "The body is not a valid request: expected an object, got null."),
        (b'"x"', None, "The body is not a valid request: expected an object, got a string."),
        (body(b'"stream":"true"'), "stream", "Invalid value for 'stream': expected a boolean or null, got a string."),
        (body(b'"stream":1'), "stream", "Invalid value for 'stream': expected a boolean or null, got an integer."),
        (body(b'"model":3'), "model", "Invalid value for 'model': expected a string or null, got an integer."),
        (body(b'"n":1.5'), "n", "Invalid value for 'n': expected an integer or null, got a number."),
        (body(b'"n":1' + b"0" * 5000), "n", "Invalid value for 'n': integer value out of range."),
        (
            body(b'"temperature":1e999'),
            "temperature",
            "Invalid value for 'temperature': number out of range.",
        ),
        (body(b'"seed":[]'), "seed", "Invalid value for 'seed': expected an integer or null, got an array."),
        (
            b'{"messages":[{"role":"user"},{"role":1}]}',
            "messages[1].role",
            "Invalid value for 'messages[1].role': expected a string, got an integer.",
        ),
        (
            b'{"messages":[{}]}',
            "messages[0]",
            "Invalid value for 'messages[0]': object missing required field role.",
        ),
        (b'{"messages":"hi"}', "messages", "Invalid value for 'messages': expected an array, got a string."),
        (
            body(b'"stream_options":[]'),
            "stream_options",
            "Invalid value for 'stream_options': expected an object or null, got an array.",
        ),
        (
            body(b'"stream_options":{"include_usage":"yes"}'),
            "stream_options.include_usage",
            "Invalid value for 'stream_options.include_usage': expected a boolean or null, got a string.",
        ),
        (b'{"messages":[],\n  "a":x}', None, "invalid character at line 2, column 7 (byte 22)"),
        (b'{"messages":[]} x', None, "trailing characters at line 1, column 18"),
        (b'\xef\xbb\xbf{"messages":[]}', None, "invalid character at line 1, column 1 (byte 0)"),
        (b'{"messages":[', None, "The body is not a valid request: input data was truncated."),
        (body(b'"model":"\xff"'), None, "The body is not valid UTF-8."),
        (body(b'"\xff":1'), None, "The body is not valid UTF-8."),
        (body(b'"stream_options":{"\xff":1}'), None, "The body is not valid UTF-8."),
        (body(b'"model":"\\ud800"'), None, "The body is not"),
        (body(b'"a":' + b"[" * 100_000 + b"]" * 100_000), None, "The body is nested too deeply."),
        (body(b'"a":' + b'{"a":' * 100_000), None, "The body is nested too deeply."),
        (b'{"messages":' + b"[" * 100_000, "messages[0]", "Invalid value for 'messages[0]': expected an object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(data: bytes, param: str | None, words: str) -> None:
    with pytest.raises(BadRequest) as caught:
        OPENAI_CHAT.read_request(data)
    assert words in str(caught.value)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert json.loads(OPENAI_CHAT.write_error(caught.value))["error"]["param"] == caught.value.param


@given(st.binary(max_size=80))
def test_no_bytes_give_another_error(data: bytes) -> None:
    try:
        request = OPENAI_CHAT.read_request(data)
    except BadRequest:
        return
    assert OPENAI_CHAT.write_request(request, model="m", ask_usage=True)


def test_what_the_gateway_needs_is_read() -> None:
    request = OPENAI_CHAT.read_request(
        body(
            b'"model":"m","stream":true,"stream_options":{"include_usage":true},"n":2,"temperature":0.5,"top_p":1,'
            b'"max_tokens":7,"frequency_penalty":-1,"presence_penalty":2.5,"seed":42'
        )
    )
    assert (request.model, request.stream, request.wants_usage, request.choices) == ("m", True, True, 2)
    assert (request.temperature, request.top_p, request.max_tokens, request.seed) == (0.5, 1.0, 7, 42)
    assert (request.frequency_penalty, request.presence_penalty) == (-1.0, 2.5)


def test_null_is_as_good_as_absent() -> None:
    names = ["model", "stream", "stream_options", "n", "temperature", "max_tokens", "max_completion_tokens", "seed"]
    request = OPENAI_CHAT.read_request(body(b",".join(b'"%b":null' % name.encode() for name in names)))
    absent = OPENAI_CHAT.read_request(body())
    assert (request.model, request.stream, request.wants_usage, request.choices) == ("", False, False, 1)
    assert request.max_tokens is absent.max_tokens is None


def test_the_newer_of_two_names_wins() -> None:
    assert OPENAI_CHAT.read_request(body(b'"max_completion_tokens":1,"max_tokens":9')).max_tokens == 1
    assert OPENAI_CHAT.read_request(body(b'"max_completion_tokens":null,"max_tokens":9')).max_tokens == 9


ODD = b'{"zeta": {"a" :1.50, "b":[ ]} ,"messages":[{"role":"user","x":"\\u00e9\xc3\xa9"}],"model":"m","y":1e2,"n": 1}'
SAME = b'{"zeta":{"a" :1.50, "b":[ ]},"messages":[{"role":"user","x":"\\u00e9\xc3\xa9"}],"model":"m","y":1e2,"n":1}'


def test_members_keep_their_order_and_their_bytes() -> None:
    assert OPENAI_CHAT.write_request(OPENAI_CHAT.read_request(ODD), model="", ask_usage=True) == SAME
    assert OPENAI_CHAT.write_request(OPENAI_CHAT.read_request(ODD), model="m", ask_usage=False) == SAME


def test_another_model_replaces_the_clients_in_its_place() -> None:
    written = OPENAI_CHAT.write_request(OPENAI_CHAT.read_request(ODD), model='a"b', ask_usage=False)
    assert written == SAME.replace(b'"model":"m"', b'"model":"a\\"b"')
    for without in (body(), body(b'"model":null')):
        written = OPENAI_CHAT.write_request(OPENAI_CHAT.read_request(without), model="m", ask_usage=False)
        assert json.loads(written)["model"] == "m"


def test_of_members_written_twice_the_last_counts_and_only_it_is_sent() -> None:
    request = OPENAI_CHAT.read_request(body(b'"stream":true,"model":"a","str\\u0065am":false,"model":"b"'))
    assert (request.model, request.stream) == ("b", False)
    written = OPENAI_CHAT.write_request(request, model="", ask_usage=False)
    assert written == b"{" + MESSAGES + b',"stream":false,"model":"b"}'


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (b"", {"include_usage": True}),
        (b',"stream_options":null', {"include_usage": True}),
        (b',"stream_options":{}', {"include_usage": True}),
        (b',"stream_options":{"include_usage":false}', {"include_usage": True}),
        (b',"stream_options":{"include_usage":null,"x":[1]}', {"include_usage": True, "x": [1]}),
        (b',"stream_options":{"x":1,"include_usage":true}', {"x": 1, "include_usage": True}),
    ],
)
def test_usage_is_asked_for_beside_the_clients_own_options(options: bytes, sent: object) -> None:
    request = OPENAI_CHAT.read_request(body(b'"stream":true' + options))
    written = json.loads(OPENAI_CHAT.write_request(request, model="", ask_usage=True))
    assert written["stream_options"] == sent


@pytest.mark.parametrize(("more", "ask"), [(b'"stream":false', True), (b'"n":1', True), (b'"stream":true', False)])
def test_usage_is_not_asked_for_without_a_stream_or_where_it_may_not_be(more: bytes, ask: bool) -> None:
    request = OPENAI_CHAT.read_request(body(more))
    assert b"stream_options" not in OPENAI_CHAT.write_request(request, model="", ask_usage=ask)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


unknown_names = st.text(st.characters(codec="utf-8"), max_size=8).filter(
    lambda name: name not in {"n", "seed", "top_p"}
)


@given(st.dictionaries(unknown_names, json_values, max_size=4), st.booleans())
def test_unknown_members_survive(unknown: dict[str, object], stream: bool) -> None:
    known = {"messages": [{"role": "user", "x": 1}], "model": "m", "stream": stream}
    request = OPENAI_CHAT.read_request(json.dumps(unknown | known).encode())
    written = json.loads(OPENAI_CHAT.write_request(request, model="", ask_usage=True))
    assert written == unknown | known | ({"stream_options": {"include_usage": True}} if stream else {})


# -- what the address says ---------------------------------------------------------------------------------------------


def test_the_address_wins_over_the_body() -> None:
    request = OPENAI_CHAT.read_request(body(b'"model":"m","stream":false'), model="deployment", stream=True)
    assert (request.model, request.stream, request.framing) == ("deployment", True, "sse")
    request = OPENAI_CHAT.read_request(body(b'"stream":true'), stream=False, framing="json_array")
    assert (request.model, request.stream, request.framing) == ("", False, "json_array")


@pytest.mark.parametrize(
    ("more", "stream", "sent"),
    [
        (b"", True, {"stream": True, "stream_options": {"include_usage": True}}),
        (b'"stream":false', True, {"stream": True, "stream_options": {"include_usage": True}}),
        (b'"stream":null', True, {"stream": True, "stream_options": {"include_usage": True}}),
        (b'"stream":true,"stream_options":{"include_usage":true}', False, {"stream": False}),
        (b'"stream":true', False, {"stream": False}),
        (b"", False, {}),
        (b'"stream":null', False, {"stream": None}),
    ],
)
def test_a_route_that_decides_whether_to_stream(more: bytes, stream: bool, sent: dict[str, object]) -> None:
    request = OPENAI_CHAT.read_request(body(more), stream=stream)
    written = json.loads(OPENAI_CHAT.write_request(request, model="", ask_usage=True))
    assert {name: written[name] for name in ("stream", "stream_options") if name in written} == sent


def test_a_model_that_only_the_address_names_is_in_the_body_of_a_provider_who_needs_it() -> None:
    request = OPENAI_CHAT.read_request(body(), model="m")
    assert json.loads(OPENAI_CHAT.write_request(request, model="m", ask_usage=False))["model"] == "m"


# -- tokens in ids -----------------------------------------------------------------------------------------------------

TOKEN = join_id("t", [Reasoning("hm", Seal("dialect.x", "reasoning", "proof"))])


def test_what_sluice_put_into_ids_does_not_reach_a_provider_and_all_else_stays_byte_for_byte() -> None:
    def messages(call_id: str) -> bytes:
        return (
            b'{"messages":[{"role":"user","content" : "\\u00e9","x":1.50},{"role":"assistant","y":[ 1],"tool_calls":'
            b'[{"id":"%b","z":{"a" :1},"function":{"name":"f","arguments":"{ }"}},{"id":"u","function":{}}]},'
            b'{"role":"tool","tool_call_id":"%b","content":"42"}],"model":"m"}'
        ) % (call_id.encode(), call_id.encode())

    assert TOKEN != "t"
    for token, bare in ((TOKEN, "t"), ("t", "t"), (f"t__{MARK}AAAA", f"t__{MARK}AAAA")):
        request = OPENAI_CHAT.read_request(messages(token))
        assert OPENAI_CHAT.write_request(request, model="", ask_usage=False) == messages(bare)


def test_a_token_elsewhere_is_the_clients_own_text() -> None:
    raw = json.dumps({"messages": [{"role": "user", "content": TOKEN, "tool_calls": None}]}).encode()
    assert json.loads(OPENAI_CHAT.write_request(OPENAI_CHAT.read_request(raw), model="", ask_usage=False)) == (
        json.loads(raw)
    )


@pytest.mark.parametrize("calls", [5, [5], [[TOKEN]], [{"id": 5, "x": TOKEN}], [{"x": TOKEN}], {"id": TOKEN}, TOKEN])
@pytest.mark.parametrize("call_id", [5, None, [TOKEN]])
def test_odd_members_beside_a_token_stay_as_they_are(calls: object, call_id: object) -> None:
    message = {"role": "assistant", "tool_calls": calls, "tool_call_id": call_id, "content": TOKEN}
    request = OPENAI_CHAT.read_request(json.dumps({"messages": [message]}).encode())
    written = json.loads(OPENAI_CHAT.write_request(request, model="", ask_usage=False))
    assert written["messages"] == [message]


# -- messages that a policy adds ---------------------------------------------------------------------------------------


def test_messages_are_added_before_and_after_and_nothing_else_changes() -> None:
    request = OPENAI_CHAT.read_request(ODD)
    enriched = OPENAI_CHAT.enrich(request, [("system", 'a"\ud800'), ("user", "b")], [("user", "c")])
    written = OPENAI_CHAT.write_request(enriched, model="", ask_usage=False)
    own = b'{"role":"user","x":"\\u00e9\xc3\xa9"}'
    assert own in SAME
    added = (
        b'{"role":"system","content":"a\\"\xef\xbf\xbd"},{"role":"user","content":"b"},'
        + own
        + b',{"role":"user","content":"c"}'
    )
    assert written == SAME.replace(own, added)
    assert OPENAI_CHAT.enrich(request, [], []) is request
    assert request.fields["messages"] != enriched.fields["messages"]
