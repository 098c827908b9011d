"""bedrock_converse/conversation_write.py: what Bedrock is asked. botocore's validator reads each body."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.carry import FEATURES
from sluice.chat.content import Citation, Media, Message, Refusal, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, OutputFormat
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE
from sluice.errors import SluiceError
from tests.dialects.converse import (
    CLAUDE,
    DATA,
    LLAMA,
    MARK,
    NOVA,
    OWN,
    SCHEMA,
    WEATHER,
    Json,
    refused,
    said,
    talk,
    written,
)

# -- parameters -------------------------------------------------------------------------------------------------------


def test_what_is_not_asked_is_not_sent() -> None:
    assert written(talk()) == {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}


def test_parameters() -> None:
    older = "anthropic.claude-3-5-haiku-20241022-v1:0"
    body = written(talk(max_tokens=7, temperature=0.0, top_p=0.5, stop=("##", "END")), older)
    assert body["inferenceConfig"] == {
        "maxTokens": 7,
        "temperature": 0.0,
        "topP": 0.5,
        "stopSequences": ["##", "END"],
    }
    assert body["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in written(talk(stop=("##",)), LLAMA)


@pytest.mark.parametrize("model", [CLAUDE, LLAMA, NOVA])
def test_temperature_ends_at_1(model: str) -> None:
    assert written(talk(temperature=1.5), model)["inferenceConfig"] == {"temperature": 1.0}


def test_the_table_names_every_feature() -> None:
    assert BEDROCK_CONVERSE.facts.carries.keys() == FEATURES.keys()
    assert all(carry.why for carry in BEDROCK_CONVERSE.facts.carries.values() if carry.how != "carried")


@pytest.mark.parametrize(
    ("asked", "feature"),
    [
        ({"choices": 2}, "choices"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"1": 2.0}}, "logit_bias"),
        ({"output": OutputFormat()}, "output_json"),
    ],
)
def test_what_is_refused_is_named_in_the_clients_words(asked: Json, feature: str) -> None:
    error = refused(talk(words={feature: "theirs"}, **asked))
    assert error.param == "theirs"
    assert "'theirs' cannot be sent to Amazon Bedrock Converse" in str(error)


def test_what_is_dropped_leaves_nothing_behind() -> None:
    dropped = {"seed": 1, "frequency_penalty": 0.0, "presence_penalty": 0.5, "verbosity": "low", "user": "u"}
    assert written(talk(parallel_tool_calls=False, **dropped)) == written(talk())


def test_an_output_schema() -> None:
    output = OutputFormat(schema=msgspec.Raw(SCHEMA), name="answer", description="An answer.", strict=True)
    (schema,) = [written(talk(output=output))["outputConfig"]["textFormat"]["structure"]["jsonSchema"]]
    assert schema == {"schema": SCHEMA.decode(), "name": "answer", "description": "An answer."}
    plain = written(talk(output=OutputFormat(schema=msgspec.Raw(b"{}"))))["outputConfig"]
    assert plain == {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}"}}}}


# -- messages ---------------------------------------------------------------------------------------------------------


def test_an_output_schema_that_is_no_text_is_refused() -> None:
    error = refused(talk(output=OutputFormat(schema=msgspec.Raw(b'{"a":"\xff"}')), words={"output_schema": "theirs"}))
    assert "UTF-8" in str(error)
    assert error.param == "theirs"


def test_system_messages_go_to_their_own_place_and_roles_alternate() -> None:
    body = written(
        talk(
            said("system", "one"),
            said("user", "a"),
            said("user", "b"),
            said("system", "two"),
            said("assistant", "c"),
            said("assistant", ""),
            said("user", "d"),
        )
    )
    assert body["system"] == [{"text": "one"}, {"text": "two"}]
    assert body["messages"] == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "c"}]},
        {"role": "user", "content": [{"text": "d"}]},
    ]


def test_messages_that_say_nothing_are_left_out_and_their_neighbours_joined() -> None:
    body = written(talk(said("user", "a"), said("assistant", " \n"), said("user", "b"), Message(role="user", parts=())))
    assert body["messages"] == [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}]


def test_a_system_message_holds_text_only() -> None:
    image = Media(kind="image", media_type="image/png", data=DATA)
    error = refused(talk(said("user", "a"), said("system", image)))
    assert "system message" in str(error)
    assert error.param == "messages[1]"


@pytest.mark.parametrize("messages", [(), (said("system", "s"),), (said("user", " "),), (said("assistant", ""),)])
def test_a_request_without_a_message_is_refused(messages: tuple[Message, ...]) -> None:
    assert refused(Conversation(messages=messages)).param == "messages"


def test_names_citations_and_refusals_in_the_history() -> None:
    cited = Text(text="a", citations=(Citation(url="https://a.b"),))
    message = Message(role="assistant", parts=(cited, Refusal(text="no")), name="bob")
    assert written(talk(said("user", "hi"), message))["messages"][1]["content"] == [{"text": "a"}, {"text": "no"}]


# -- whatever comes ---------------------------------------------------------------------------------------------------

_texts = st.text(max_size=8) | st.sampled_from(["\ud800", "\0", " ", "x" * 80])
_parts = st.one_of(
    st.builds(Text, text=_texts, cache=st.none() | st.just(MARK)),
    st.builds(Refusal, text=_texts),
    st.builds(ToolUse, id=_texts, name=st.just("f"), arguments=st.sampled_from(["", "{}", '{"a":"b"}'])),
    st.builds(ToolResult, call_id=_texts, parts=st.lists(st.builds(Text, text=_texts), max_size=2).map(tuple)),
    st.builds(
        Reasoning, _texts, st.none() | st.builds(Seal, st.sampled_from([OWN, "x"]), st.just("reasoning"), _texts)
    ),
    st.builds(Media, kind=st.just("file"), media_type=st.just("text/csv"), data=st.just(DATA), name=_texts),
)
_messages = st.lists(
    st.builds(
        Message, role=st.sampled_from(["user", "assistant"]), parts=st.lists(_parts, max_size=4).map(tuple), name=_texts
    ),
    max_size=6,
)


@given(_messages, st.sampled_from([CLAUDE, LLAMA, NOVA]))
def test_any_conversation_is_a_request_of_the_api(messages: list[Message], model: str) -> None:
    body = written(Conversation(messages=(said("user", "hi"), *messages), tools=(WEATHER,)), model)
    roles = [message["role"] for message in body["messages"]]
    assert all(one != two for one, two in itertools.pairwise(roles))
    assert all(message["content"] for message in body["messages"])
    for message in body["messages"]:
        kinds = ["toolResult" in block for block in message["content"] if "cachePoint" not in block]
        assert kinds == sorted(kinds, reverse=True)


def test_no_client_speaks_it() -> None:
    chat = ChatRequest()
    for ask in (
        lambda: BEDROCK_CONVERSE.read_request(b"{}"),
        lambda: BEDROCK_CONVERSE.write_request(chat, model="", ask_usage=False),
        lambda: BEDROCK_CONVERSE.read_conversation(chat),
        lambda: BEDROCK_CONVERSE.enrich(chat, (), ()),
        lambda: BEDROCK_CONVERSE.encoder(chat),
        lambda: BEDROCK_CONVERSE.write_answer(Answer(), chat),
        lambda: BEDROCK_CONVERSE.write_models(()),
        lambda: BEDROCK_CONVERSE.error_status(SluiceError("x")),
        lambda: BEDROCK_CONVERSE.write_error(SluiceError("x")),
    ):
        with pytest.raises(NotImplementedError):
            ask()
    assert BEDROCK_CONVERSE.facts.fields == {}
