"""anthropic_messages/conversation_write.py, blocks_write.py: what Anthropic is asked for other dialects' clients."""

import pytest

from sluice.chat.content import (
    CacheMark,
    Citation,
    Media,
    Message,
    Refusal,
    Text,
    ToolResult,
    ToolUse,
)
from sluice.chat.conversation import Conversation
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from tests.dialects.messages_asked import (
    CALL,
    FOREIGN,
    HI,
    ORIGIN,
    OWN,
    RESULT,
    Json,
    refused,
    said,
    text,
    turns,
    write,
)


def test_nothing_is_filled_in_but_what_the_api_demands() -> None:
    assert write() == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [text("hi")]}],
    }
    assert write(stream=True)["stream"] is True


def test_every_parameter_has_its_place() -> None:
    body = write(
        model="claude-3-5-haiku-latest",
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        max_tokens=7,
        stop=("a", "b"),
        user="u",
        cache=CacheMark(ttl="1h"),
    )
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == {
        "max_tokens": 7,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "stop_sequences": ["a", "b"],
        "metadata": {"user_id": "u"},
        "cache_control": {"type": "ephemeral", "ttl": "1h"},
    }
    assert write(temperature=1.7)["temperature"] == 1.0
    assert write(cache=CacheMark(ttl="24h"))["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    "asked",
    [{"seed": 1}, {"frequency_penalty": 0.5}, {"presence_penalty": 0.5}, {"verbosity": "low"}],
)
def test_what_the_api_does_not_have_is_dropped_as_the_table_says(asked: Json) -> None:
    assert write(**asked) == write()


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"choices": 2, "words": {"choices": "n"}}, "n"),
        ({"logprobs": True, "words": {"logprobs": "logprobs"}}, "logprobs"),
        ({"logit_bias": {"5": 1.0}}, "logit_bias"),
    ],
)
def test_what_would_change_the_answer_is_refused_in_the_clients_words(asked: Json, param: str) -> None:
    assert refused(**asked).param == param


# -- messages --------------------------------------------------------------------------------------------------------


def test_system_messages_are_hoisted_in_their_order() -> None:
    assert write(said("system", "a"), HI)["system"] == "a"
    marked = Text(text="b", cache=CacheMark(ttl="5m"))
    body = write(said("system", "a"), HI, said("system", " ", marked))
    assert body["system"] == [text("a"), text("b") | {"cache_control": {"type": "ephemeral", "ttl": "5m"}}]
    assert "system" not in write(said("system", ""), HI)
    assert refused(said("system", "a")).param == "messages"
    assert refused(said("system", Media(kind="image", url="u")), HI).param == "messages"


def test_roles_alternate_and_results_come_first() -> None:
    got = turns(
        said("user", "a"),
        said("user", "b"),
        said("assistant", "c", CALL, ToolUse(id="call_2", name="g", arguments="")),
        said("user", "d"),
        said("user", RESULT),
        said("user", ToolResult(call_id="call_2")),
        said("assistant", ""),
        said("user", "e"),
    )
    assert got == [
        ("user", [text("a"), text("b")]),
        (
            "assistant",
            [
                text("c"),
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "call_2", "name": "g", "input": {}},
            ],
        ),
        (
            "user",
            [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "x"},
                {"type": "tool_result", "tool_use_id": "call_2"},
                text("d"),
                text("e"),
            ],
        ),
    ]


def test_empty_texts_are_left_out_and_the_last_word_does_not_end_in_space() -> None:
    assert turns(HI, said("assistant", "", " \n", "so far \n")) == [
        ("user", [text("hi")]),
        ("assistant", [text("so far")]),
    ]
    empty = ToolResult(call_id="t", parts=(Text(text=""),))
    assert turns(said("user", empty)) == [("user", [{"type": "tool_result", "tool_use_id": "t"}])]


def test_arguments_stay_byte_for_byte_and_must_be_an_object() -> None:
    raw = ANTHROPIC_MESSAGES.write_conversation(
        Conversation(messages=(HI, said("assistant", CALL))), model="m", stream=False, ask_usage=False
    )
    assert b'"input":{"a": 1.0}' in raw
    for bad in ("{", "[1]", '{"a":\ud800}', "{" * 100_000):
        error = refused(HI, said("assistant", OWN, CALL, "so", ToolUse(id="t9", name="f", arguments=bad)))
        assert error.param == "messages[1].tool_calls[1]"
        assert "'t9'" in str(error)


def test_ids_that_the_api_forbids_are_replaced_in_call_and_result_alike() -> None:
    call, result = ToolUse(id="a.b:c", name="f", arguments=""), ToolResult(call_id="a.b:c")
    other = ToolUse(id="a:b.c", name="f", arguments="")
    (_, calls), (_, results) = turns(said("assistant", call, other), said("user", result))
    assert calls[0]["id"] == results[0]["tool_use_id"] != calls[1]["id"]
    for block in calls:
        assert str(block["id"]).replace("_", "").replace("-", "").isalnum()
    ((_, (empty,)),) = turns(said("assistant", ToolUse(id="", name="f", arguments="")))
    assert empty["id"]


def test_media() -> None:
    result = ToolResult(
        call_id="t",
        is_error=True,
        parts=(Text(text="a"), Media(kind="image", media_type="image/png", data="iVBO")),
        cache=CacheMark(),
    )
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
    assert turns(
        said(
            "user",
            result,
            Media(kind="image", url="https://e.org/a", cache=CacheMark()),
            Media(kind="file", media_type="application/pdf", data="AA==", name="a.pdf"),
            Media(kind="file", media_type="text/markdown; charset=utf-8", data="d29yZHM="),
            Media(kind="file", url="https://e.org/a.pdf"),
            Media(kind="file", file_id="file_1"),
        )
    ) == [
        (
            "user",
            [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [text("a"), image],
                    "is_error": True,
                    "cache_control": {"type": "ephemeral"},
                },
                {
                    "type": "image",
                    "source": {"type": "url", "url": "https://e.org/a"},
                    "cache_control": {"type": "ephemeral"},
                },
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
                    "title": "a.pdf",
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {"type": "document", "source": {"type": "url", "url": "https://e.org/a.pdf"}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
            ],
        )
    ]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (Media(kind="audio", media_type="audio/wav", data="AA=="), "audio"),
        (Media(kind="video", url="u"), "video"),
        (Media(kind="file", media_type="application/zip", data="AA=="), "messages[0].content[0]"),
        (Media(kind="file", media_type="text/plain", data="!"), "messages[0].content[0]"),
    ],
)
def test_media_that_the_api_does_not_take_is_refused(part: Media, param: str) -> None:
    assert refused(said("user", part)).param == param


def test_what_the_history_cannot_hold() -> None:
    cited = Text(text="a", citations=(Citation(url="u"),))
    assert turns(HI, Message(role="assistant", name="Bob", parts=(Reasoning("hm"), cited, Refusal(text="no"))))[1] == (
        "assistant",
        [text("a"), text("no")],
    )
    assert refused(HI, said("assistant", Media(kind="image", url="u"))).param == "messages[1].content[0]"
    archive = ToolResult(
        call_id="t", parts=(Text(text="a"), Media(kind="file", media_type="application/zip", data="AA=="))
    )
    assert refused(HI, said("user", archive)).param == "messages[1].content[0].content[1]"


# -- proofs of reasoning ---------------------------------------------------------------------------------------------


def test_own_proofs_go_back_and_others_do_not() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "EqQB/+="}
    hidden = Reasoning("", Seal(ORIGIN, "redacted", "opaque="))
    _, (_, blocks), _ = turns(HI, said("assistant", FOREIGN, OWN, hidden, "a", CALL), said("user", RESULT))
    assert blocks[:3] == [thinking, {"type": "redacted_thinking", "data": "opaque="}, text("a")]
    # a client that keeps the proof in the call's id gives it back behind the text
    _, (_, blocks), _ = turns(HI, said("assistant", "a", OWN, CALL), said("user", RESULT))
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use"]
