"""anthropic_messages/blocks_read.py: the content of a client's history."""

import msgspec
import pytest

from sluice.chat.content import CacheMark, Citation, Media, Part, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation
from sluice.chat.request import ChatRequest
from sluice.chat.seal import Reasoning, Seal, join_id, wrap
from sluice.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from sluice.dialects.anthropic_messages.parts import UNSIGNED
from sluice.errors import BadRequest
from tests.dialects.messages_bodies import HI, body, request

ORIGIN = "dialect.anthropic_messages"
FOREIGN = Seal("dialect.gemini", "call", "Ab+/=")


def read(**members: object) -> Conversation:
    return ANTHROPIC_MESSAGES.read_conversation(request(**members))


def refused(**members: object) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        read(**members)
    return caught.value


def parts(*blocks: object, role: str = "user") -> tuple[Part, ...]:
    (message,) = read(messages=[{"role": role, "content": list(blocks)}]).messages
    assert message.role == role
    return message.parts


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "base64", "media_type": "image/webp", "data": "AA=="}, {"media_type": "image/webp", "data": "AA=="}),
        ({"type": "url", "url": "https://e.org/a"}, {"url": "https://e.org/a"}),
        ({"type": "file", "file_id": "file_1"}, {"file_id": "file_1"}),
    ],
)
def test_images(source: object, expected: dict[str, str]) -> None:
    assert parts({"type": "image", "source": source}) == (msgspec.convert({"kind": "image"} | expected, Media),)


def test_documents() -> None:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "AA=="}
    document = {"type": "document", "title": "T", "context": "C", "citations": {"enabled": True}}
    mark = {"cache_control": {"type": "ephemeral"}}
    assert parts(document | {"source": pdf} | mark) == (
        Text(text="C"),
        Media(kind="file", media_type="application/pdf", data="AA==", name="T", cache=CacheMark()),
    )
    assert parts(document | {"source": {"type": "url", "url": "u"}, "context": None}) == (
        Media(kind="file", url="u", name="T"),
    )
    plain = {"type": "text", "media_type": "text/plain", "data": "words"}
    assert parts(document | {"source": plain} | mark) == (
        Text(text="T"),
        Text(text="C"),
        Text(text="words", cache=CacheMark()),
    )
    inner = {"type": "content", "content": [{"type": "text", "text": "in"}]}
    assert parts(document | {"source": inner})[-1] == Text(text="in")
    assert parts(document | {"source": {"type": "content", "content": "in"}})[-1] == Text(text="in")


def test_what_is_said_in_other_blocks_becomes_text() -> None:
    found = {
        "type": "search_result",
        "source": "https://e.org",
        "title": "T",
        "content": [{"type": "text", "text": "a"}],
    }
    assert parts(found) == (Text(text="T\nhttps://e.org\na"),)
    assert parts({"type": "compaction", "content": "so far"}, role="assistant") == (Text(text="so far"),)
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference", "tool_name": "Read"}]}
    assert parts(result) == (ToolResult(call_id="t", parts=(Text(text="Read"),)),)


def test_citations_in_the_history() -> None:
    cited = {"type": "char_location", "cited_text": "q", "document_index": 1, "document_title": "d"}
    (text,) = parts({"type": "text", "text": "a", "citations": [cited, 7]}, role="assistant")
    assert text == Text(text="a", citations=(Citation(title="d", quote="q", document=1),))
    assert parts({"type": "text", "text": "a", "citations": None}) == (Text(text="a"),)


@pytest.mark.parametrize("content", [None, "", [], "absent"])
def test_a_tools_result_may_be_empty(content: object) -> None:
    result = {"type": "tool_result", "tool_use_id": "t"} | ({} if content == "absent" else {"content": content})
    assert parts(result) == (ToolResult(call_id="t"),)


@pytest.mark.parametrize(
    "kind",
    ["server_tool_use", "web_search_tool_result", "bash_code_execution_tool_result", "mcp_tool_use", "mcp_tool_result"],
)
def test_traces_of_anthropics_own_tools_are_left_out(kind: str) -> None:
    trace = {"type": kind, "id": "s", "name": "n", "input": {}, "content": {"type": "error"}, "tool_use_id": "s"}
    assert parts(trace, {"type": "text", "text": "a"}, role="assistant") == (Text(text="a"),)
    assert read(messages=[*HI, {"role": "assistant", "content": [trace]}]).messages == read().messages


@pytest.mark.parametrize(
    ("block", "param"),
    [
        ({"type": "novelty"}, "messages[1].content[1]"),
        ({"type": "container_upload", "file_id": "f"}, "messages[1].content[1]"),
        ({"type": "image"}, "messages[1].content[1].source"),
        ({"type": "image", "source": {"type": "novelty"}}, "messages[1].content[1].source"),
        ({"type": "image", "source": {"type": "url"}}, "messages[1].content[1].source"),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "x"}]}}, None),
        ({"type": "tool_use", "id": "t", "name": "f"}, "messages[1].content[1].input"),
        ({"type": "tool_use", "id": "", "name": "f", "input": {}}, "messages[1].content[1].id"),
        ({"type": "tool_use", "id": "t", "name": "f", "input": [1]}, "messages[1].content[1].input"),
        ({"type": "tool_result", "content": "x"}, "messages[1].content[1].tool_use_id"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "x"}]}, "messages[1].content[1].content[0]"),
        ({"type": "text", "text": 7}, "messages[1].content[1].text"),
        ({"text": "a"}, "messages[1].content[1].type"),
        (7, "messages[1].content[1]"),
    ],
)
def test_content_that_cannot_be_translated_is_refused_by_its_place(block: object, param: str | None) -> None:
    content = [{"type": "text", "text": "a"}, block]
    error = refused(messages=[*HI, {"role": "user", "content": content}])
    assert error.param == (param or "messages[1].content[1].source.content[0]")
    assert error.param in str(error)


def test_bytes_that_are_no_text_are_refused() -> None:
    raw = body(messages=[{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}])
    bad = raw.replace(b'"input": {}', b'"input": {"a":"\xff"}')
    with pytest.raises(BadRequest):
        ANTHROPIC_MESSAGES.read_conversation(ANTHROPIC_MESSAGES.read_request(bad))
    with pytest.raises(BadRequest):
        ANTHROPIC_MESSAGES.read_conversation(ChatRequest())


# -- proofs of reasoning ---------------------------------------------------------------------------------------------


def test_other_providers_proofs_come_out_of_their_tokens() -> None:
    call = {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
    token = {"type": "thinking", "thinking": "hm", "signature": wrap(FOREIGN, ORIGIN)}
    assert parts(token, call, role="assistant") == (
        Reasoning("hm", FOREIGN),
        ToolUse(id="call_1", name="f", arguments="{}"),
    )
    joined = join_id("call_1", [Reasoning("", FOREIGN)])
    assert parts(call | {"id": joined}, role="assistant")[0] == Reasoning("", FOREIGN)
    result = {"type": "tool_result", "tool_use_id": joined, "content": "x"}
    assert parts(result) == (ToolResult(call_id="call_1", parts=(Text(text="x"),)),)


@pytest.mark.parametrize("signature", ["", None, UNSIGNED])
def test_reasoning_that_nobody_signed_has_no_seal(signature: object) -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": signature}
    assert parts(block, role="assistant") == (Reasoning("hm", None),)
