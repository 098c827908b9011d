"""bedrock_converse/answer.py and errors.py: whole answers, and that a stream folded is one."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.content import Citation, Text, ToolUse
from sluice.chat.events import Failed, Unrecognised
from sluice.chat.seal import Reasoning, Seal
from sluice.chat.usage import Usage
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.errors import ProtocolError
from tests.dialects import converse as c

OWN = "dialect.bedrock_converse"


def test_every_kind_of_block() -> None:
    redacted = base64.b64encode(b"x").decode()
    body = c.whole(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": redacted}},
        {"text": "Né "},
        {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [{"title": "T"}]}},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
        {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
        {"toolUse": {"toolUseId": "t3", "name": "h", "input": None}},
        reason="tool_use",
        usage={"inputTokens": 3, "outputTokens": 2, "cacheReadInputTokens": 40, "cacheWriteInputTokens": 500},
    )
    answer = c.fold(BEDROCK_CONVERSE.read_answer(body, keep_leftovers=True))
    (choice,) = answer.choices
    assert choice.parts == (
        Reasoning("hm", Seal(OWN, "reasoning", "sig")),
        Reasoning("", Seal(OWN, "redacted", redacted)),
        Text(text="Né ab", citations=(Citation(title="T"),)),
        ToolUse(id="t1", name="f", arguments='{"a": 1}'),
        ToolUse(id="t2", name="g", arguments="{}"),
        ToolUse(id="t3", name="h", arguments="{}"),
    )
    assert (choice.finish, choice.native_finish) == ("tool_calls", "tool_use")
    assert answer.usage == Usage(input_tokens=543, output_tokens=2, cache_read_tokens=40, cache_write_tokens=500)
    assert (answer.id, answer.model) == ("", "")


def test_the_stop_sequence_that_was_met() -> None:
    body = c.whole({"text": "a"}, reason="stop_sequence", additionalModelResponseFields={"stop_sequence": "##"})
    assert c.fold(BEDROCK_CONVERSE.read_answer(body)).choices[0].stop_sequence == "##"


def test_an_answer_without_usage_or_content() -> None:
    answer = c.fold(BEDROCK_CONVERSE.read_answer(b'{"output":{"message":{"role":"assistant","content":[]}}}'))
    assert (answer.usage, answer.choices[0].parts, answer.choices[0].finish) == (None, (), "stop")


@pytest.mark.parametrize(
    ("block", "what"),
    [
        ({"image": {"format": "png", "source": {"bytes": ""}}}, "block:image"),
        (
            {"toolUse": {"toolUseId": "t", "name": "web", "input": {}, "type": "server_tool_use"}},
            "block:server_tool_use",
        ),
        ({"hologram": 1}, "block:hologram"),
    ],
)
def test_what_is_unknown_is_said_and_left_out(block: c.Json, what: str) -> None:
    events = list(BEDROCK_CONVERSE.read_answer(c.whole(block, {"text": "a"})))
    assert events[1] == Unrecognised(what)
    assert c.fold(events).choices[0].parts == (Text(text="a"),)
    assert c.fold(events).choices[0].finish == "stop"


@pytest.mark.parametrize(
    ("body", "message", "status"),
    [
        (b'{"message":"no"}', "no", 502),
        (b'{"__type":"com.amazon.coral.service#ThrottlingException","Message":"slow"}', "slow", 429),
        (b'{"__type":"ValidationException:http://x/"}', "the provider reported an error inside its answer", 400),
    ],
)
def test_an_error_under_a_200_is_a_failure(body: bytes, message: str, status: int) -> None:
    (failed,) = BEDROCK_CONVERSE.read_answer(body)
    assert isinstance(failed, Failed)
    assert (str(failed.error), failed.error.status) == (message, status)


def test_an_answer_that_the_model_spoilt_has_failed() -> None:
    (failed,) = BEDROCK_CONVERSE.read_answer(c.whole({"text": "a"}, reason="malformed_tool_use"))
    assert isinstance(failed, Failed)
    assert failed.error.code == "malformed_tool_use"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":{"content":"a"}}}',
        b'{"output":{"message":{"content":[{"text":1}]}}}',
        b'{"output":{"message":{"content":[{"text":"\xff"}]}}}',
        b'{"output":{"message":{"content":[{"toolUse":{"input":"\xff"}}]}}}',
        b'{"output":{"message":{"content":[{"toolUse":[]}]}}}',
        b'{"output":' + b"[" * 100_000,
    ],
)
def test_what_is_no_answer_breaks_the_protocol(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="not one of Converse"):
        BEDROCK_CONVERSE.read_answer(body)


# -- streams and whole answers are the same ---------------------------------------------------------------------------

texts = st.text(min_size=1, max_size=12)
ids = st.from_regex(r"tooluse_[A-Za-z0-9]{4}", fullmatch=True)
base64s = st.binary(min_size=1, max_size=9).map(lambda data: base64.b64encode(data).decode())
objects = st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4), max_size=3)
citations = st.fixed_dictionaries({"title": texts, "location": st.just({"web": {"url": "https://a.b"}})})
contents = st.lists(
    st.one_of(
        st.fixed_dictionaries({"text": texts}),
        st.fixed_dictionaries(
            {"reasoningContent": st.fixed_dictionaries({"reasoningText": st.fixed_dictionaries({"text": texts})})}
        ),
        st.fixed_dictionaries(
            {
                "reasoningContent": st.fixed_dictionaries(
                    {"reasoningText": st.fixed_dictionaries({"text": texts, "signature": texts})}
                )
            }
        ),
        st.fixed_dictionaries({"reasoningContent": st.fixed_dictionaries({"redactedContent": base64s})}),
        st.fixed_dictionaries({"toolUse": st.fixed_dictionaries({"toolUseId": ids, "name": texts, "input": objects})}),
        st.fixed_dictionaries(
            {
                "citationsContent": st.fixed_dictionaries(
                    {
                        "content": st.lists(st.fixed_dictionaries({"text": texts}), min_size=1, max_size=2),
                        "citations": st.lists(citations, max_size=2),
                    }
                )
            }
        ),
    ),
    max_size=6,
)


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def streamed(content: list[c.Json], reason: str, size: int) -> list[bytes]:
    """The messages in which Bedrock streams this content, its texts in pieces of `size`."""
    messages = [c.BEGIN]
    for index, block in enumerate(content):
        ((kind, value),) = block.items()
        if kind == "text":
            messages += [c.delta(index, text=piece) for piece in pieces(value, size)]
        elif kind == "toolUse":
            messages.append(c.tool(index, value["toolUseId"], value["name"]))
            arguments = json.dumps(value["input"]) if value["input"] else ""
            messages += [c.delta(index, toolUse={"input": piece}) for piece in ["", *pieces(arguments, size)]]
        elif kind == "citationsContent":
            messages += [c.delta(index, text=words["text"]) for words in value["content"]]
            messages += [c.delta(index, citation=citation) for citation in value["citations"]]
        elif "redactedContent" in value:
            messages.append(c.delta(index, reasoningContent=value))
        else:
            told = value["reasoningText"]
            messages += [c.delta(index, reasoningContent={"text": piece}) for piece in pieces(told["text"], size)]
            signature = told.get("signature", "")
            messages += [c.delta(index, reasoningContent={"signature": piece}) for piece in pieces(signature, size)]
        messages.append(c.stop(index))
    return [*messages, c.end(reason), c.METADATA]


@given(contents, st.sampled_from(["end_turn", "tool_use", "max_tokens", "content_filtered"]), st.integers(1, 5))
def test_a_stream_folded_is_the_whole_answer(content: list[c.Json], reason: str, size: int) -> None:
    if reason == "max_tokens" and content and content[-1].get("toolUse", {}).get("input") == {}:
        reason = "tool_use"  # a call that the bound may have cut off has no arguments in a stream
    assert c.fold(c.decode(*streamed(content, reason, size))) == c.fold(
        BEDROCK_CONVERSE.read_answer(c.whole(*content, reason=reason))
    )


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "message", "code", "kind"),
    [
        (400, b'{"message":"bad"}', "bad", "upstream_refused", "invalid_request_error"),
        (
            403,
            b'{"Message":"User is not authorized"}',
            "User is not authorized",
            "upstream_refused",
            "permission_error",
        ),
        (
            429,
            b'{"__type":"com.amazon.coral.service#ThrottlingException:http://internal/","message":"slow"}',
            "slow",
            "ThrottlingException",
            "rate_limit_error",
        ),
        (401, b"", "the provider answered with status 401 and no body", "upstream_refused", "authentication_error"),
        (404, b"{}", "the provider answered with status 404", "upstream_refused", "not_found_error"),
        (500, b"<html>" + b"x" * 5000, "<html>" + "x" * 1018, "upstream_refused", "api_error"),
        (502, b'{"message":7}', '{"message":7}', "upstream_refused", "api_error"),
        (503, b"\xff\xfe", "\ufffd\ufffd", "upstream_refused", "api_error"),
        (500, b"[" * 100_000, "[" * 1024, "upstream_refused", "api_error"),
        (500, b'{"message":"a","originalMessage":"b"}', "a (b)", "upstream_refused", "api_error"),
        (500, b'{"originalMessage":"b"}', "b", "upstream_refused", "api_error"),
    ],
)
def test_errors_of_any_shape(status: int, body: bytes, message: str, code: str, kind: str) -> None:
    error = BEDROCK_CONVERSE.read_error(status, body)
    assert (str(error), error.status, error.code, error.type) == (message, status, code, kind)


def test_that_the_model_failed_is_not_the_clients_fault() -> None:
    error = BEDROCK_CONVERSE.read_error(424, b'{"message":"the model broke","originalStatusCode":500}')
    assert (error.status, error.retryable) == (502, True)


@given(st.integers(400, 599), st.binary(max_size=200))
def test_reading_an_error_never_raises(status: int, body: bytes) -> None:
    assert str(BEDROCK_CONVERSE.read_error(status, body))
