"""chat/carry.py: a request is fitted to what a provider can be asked, and never made poorer in silence."""

import msgspec
import pytest

from sluice.chat.carry import CARRIED, FEATURES, Carry, dropped, feature_of, fit, own_seals, refused
from sluice.chat.content import (
    CacheMark,
    Citation,
    Media,
    MediaKind,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    ToolResult,
    ToolUse,
)
from sluice.chat.conversation import Conversation, OutputFormat, Thinking, Tool, ToolChoice
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.dialect import Dialect
from sluice.errors import BadRequest
from sluice.standard import STANDARD

HELLO = Message(role="user", parts=(Text(text="hi"),))
MARK = CacheMark()


def said(*parts: Part, role: Role = "user", name: str = "") -> Conversation:
    return Conversation(messages=(HELLO, Message(role=role, parts=parts, name=name)))


def asked(**members: object) -> Conversation:
    return msgspec.structs.replace(Conversation(messages=(HELLO,)), **members)


def media(kind: MediaKind, **source: str) -> Media:
    return Media(kind=kind, **source)  # type: ignore[arg-type]


TOOL = Tool(name="f")
IMAGE = media("image", data="AAAA")
RESULT = ToolResult(call_id="t", parts=(Text(text="r"),))

ASKS: dict[str, Conversation] = {
    "choices": asked(choices=2),
    "max_tokens": asked(max_tokens=0),
    "temperature": asked(temperature=0.0),
    "top_p": asked(top_p=0.0),
    "top_k": asked(top_k=1),
    "stop": asked(stop=("x",)),
    "seed": asked(seed=0),
    "frequency_penalty": asked(frequency_penalty=0.0),
    "presence_penalty": asked(presence_penalty=0.0),
    "logit_bias": asked(logit_bias={"1": 1.0}),
    "logprobs": asked(top_logprobs=1),
    "verbosity": asked(verbosity="low"),
    "user": asked(user="u"),
    "thinking": asked(thinking=Thinking(effort="low")),
    "output_json": asked(output=OutputFormat()),
    "output_schema": asked(output=OutputFormat(schema=msgspec.Raw(b"{}"))),
    "tools": asked(tools=(TOOL,)),
    "tool_strict": asked(tools=(Tool(name="f", strict=True),)),
    "tool_choice_none": asked(tool_choice=ToolChoice(mode="none")),
    "tool_choice_required": asked(tool_choice=ToolChoice(mode="required")),
    "tool_choice_named": asked(tool_choice=ToolChoice(mode="named", name="f")),
    "parallel_tool_calls": asked(parallel_tool_calls=False),
    "tool_error": said(msgspec.structs.replace(RESULT, is_error=True)),
    "tool_media": said(ToolResult(call_id="t", parts=(Text(text="r"), IMAGE))),
    "image_data": said(IMAGE),
    "image_url": said(media("image", url="https://a")),
    "image_id": said(media("image", file_id="a")),
    "file_data": said(media("file", data="AAAA")),
    "file_url": said(media("file", url="https://a")),
    "file_id": said(media("file", file_id="a")),
    "image_detail": said(media("image", data="AAAA", detail="low")),
    "audio": said(media("audio", data="AAAA")),
    "video": said(media("video", url="https://a")),
    "refusals": said(Refusal(text="no"), role="assistant"),
    "reasoning_text": said(Reasoning("hm"), role="assistant"),
    "citations": said(Text(text="x", citations=(Citation(url="https://a"),)), role="assistant"),
    "participant": said(Text(text="x"), name="Ann"),
    "cache": asked(cache=MARK),
}
"""For each feature a request that asks for it."""


def table(**rows: Carry) -> dict[str, Carry]:
    return dict.fromkeys(FEATURES, CARRIED) | rows


def test_every_feature_has_an_example_here() -> None:
    assert set(ASKS) == set(FEATURES)


@pytest.mark.parametrize("name", FEATURES)
def test_what_is_carried_stays_as_it_is(name: str) -> None:
    assert FEATURES[name].asked(ASKS[name])
    assert fit(ASKS[name], table(), "X") is ASKS[name]


@pytest.mark.parametrize("name", FEATURES)
def test_what_is_refused_is_named_in_the_clients_own_word(name: str) -> None:
    for words, word in (({name: "client.word"}, "client.word"), ({}, name)):
        with pytest.raises(BadRequest, match=f"'{word}' cannot be sent to X: why not") as caught:
            fit(msgspec.structs.replace(ASKS[name], words=words), table(**{name: refused("why not")}), "X")
        assert caught.value.param == word


@pytest.mark.parametrize("name", FEATURES)
def test_what_is_dropped_is_asked_no_more_and_nothing_else_changes(name: str) -> None:
    fitted = fit(ASKS[name], table(**{name: dropped("why")}), "X")
    assert not FEATURES[name].asked(fitted)
    assert fitted.messages[0] == HELLO
    others = [other for other in FEATURES if FEATURES[other].asked(fitted)]
    assert set(others) <= {other for other in FEATURES if FEATURES[other].asked(ASKS[name])}


@pytest.mark.parametrize("name", FEATURES)
def test_a_plain_request_asks_for_nothing(name: str) -> None:
    plain = said(Text(text="x"), ToolUse(id="t", name="f", arguments=""), RESULT)
    assert not FEATURES[name].asked(plain)
    assert fit(plain, table(**{name: refused("why")}), "X") is plain


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("parallel_tool_calls", asked(parallel_tool_calls=True)),
        ("tool_strict", asked(tools=(Tool(name="f", strict=False),))),
        ("thinking", asked(thinking=Thinking(effort="none"))),
        ("thinking", asked(thinking=Thinking(budget_tokens=0))),
        ("tool_choice_required", asked(tool_choice=ToolChoice(mode="auto"))),
        ("reasoning_text", said(Reasoning("hm", Seal("dialect.x", "reasoning", "p")))),
    ],
)
def test_what_everyone_does_anyway_is_not_asked_for(name: str, plain: Conversation) -> None:
    assert not FEATURES[name].asked(plain)


def test_dropped_media_leave_messages_and_results_and_an_empty_message_leaves_too() -> None:
    result = ToolResult(call_id="t", parts=(Text(text="r"), IMAGE))
    conversation = Conversation(messages=(HELLO, *said(IMAGE, Text(text="x"), result).messages, *said(IMAGE).messages))
    fitted = fit(conversation, table(image_data=dropped("why")), "X")
    assert fitted.messages == (HELLO, HELLO, Message(role="user", parts=(Text(text="x"), RESULT)), HELLO)


def test_media_in_results_that_are_dropped_are_not_refused() -> None:
    result = ToolResult(call_id="t", parts=(Text(text="r"), IMAGE))
    carries = table(tool_media=dropped("why"), image_data=refused("why"))
    assert fit(said(result), carries, "X").messages[1].parts == (RESULT,)
    with pytest.raises(BadRequest):
        fit(said(result, IMAGE), carries, "X")


def test_dropped_tools_take_their_choice_with_them() -> None:
    conversation = asked(tools=(TOOL,), tool_choice=ToolChoice(mode="required"))
    carries = table(tools=dropped("why"), tool_choice_required=refused("why"))
    assert fit(conversation, carries, "X") == asked()


def test_marks_leave_wherever_they_stand() -> None:
    marked = (
        Text(text="x", cache=MARK),
        msgspec.structs.replace(IMAGE, cache=MARK),
        ToolUse(id="t", name="f", arguments="", cache=MARK),
        ToolResult(call_id="t", parts=(Text(text="r", cache=MARK),), cache=MARK),
        ToolResult(call_id="t", parts=(Text(text="r", cache=MARK),)),
    )
    for part in marked:
        assert FEATURES["cache"].asked(said(part))
    conversation = msgspec.structs.replace(said(*marked), tools=(Tool(name="f", cache=MARK),), cache=MARK)
    fitted = fit(conversation, table(cache=dropped("why")), "X")
    assert b"ttl" not in msgspec.json.encode(fitted)
    assert [type(part) for part in fitted.messages[1].parts] == [type(part) for part in marked]


def test_only_own_seals_stay_and_the_text_of_others_does() -> None:
    own, foreign = Seal("dialect.x", "reasoning", "a"), Seal("dialect.y", "reasoning", "b")
    parts = (Reasoning("1", own), Reasoning("2", foreign), Reasoning("", foreign), Reasoning("3"), Text(text="x"))
    message = Message(role="assistant", parts=parts)
    assert own_seals(message, "dialect.x") == (Reasoning("1", own), Reasoning("2"), Reasoning("3"), Text(text="x"))


def test_every_dialect_with_a_table_has_a_row_for_every_feature_and_a_reason_for_what_it_does_not_carry() -> None:
    dialects = [STANDARD.get(name, Dialect) for name in STANDARD.ids("dialect")]  # type: ignore[type-abstract]
    tables = [dialect.facts for dialect in dialects if dialect.facts.carries]
    assert tables
    for facts in tables:
        assert set(facts.carries) == set(FEATURES), facts.title
        assert all(row.why for row in facts.carries.values() if row.how != "carried"), facts.title


def test_detail_leaves_media_in_results_too_and_automatic_detail_asks_for_nothing() -> None:
    close = msgspec.structs.replace(IMAGE, detail="high")
    result = ToolResult(call_id="t", parts=(Text(text="r"), close))
    fitted = fit(said(result, close), table(image_detail=dropped("why")), "X")
    assert fitted.messages[1].parts == (ToolResult(call_id="t", parts=(Text(text="r"), IMAGE)), IMAGE)
    assert not FEATURES["image_detail"].asked(said(msgspec.structs.replace(IMAGE, detail="auto")))


@pytest.mark.parametrize("name", [name for name in ASKS if name.split("_")[0] in ("image", "file", "audio", "video")])
def test_media_tell_the_feature_that_they_ask_for(name: str) -> None:
    part = ASKS[name].messages[1].parts[0]
    assert isinstance(part, Media)
    assert feature_of(part) == ("image_data" if name == "image_detail" else name)
