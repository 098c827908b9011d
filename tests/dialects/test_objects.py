"""objects.py: schemas of tools and arguments of calls, and where each stands."""

import tracemalloc

import msgspec
import pytest

from sluice.chat.content import Part, Text, ToolResult, ToolUse
from sluice.chat.conversation import Tool
from sluice.chat.seal import Reasoning
from sluice.dialects import objects
from sluice.errors import BadRequest
from tests.dialects.converse import talk, written
from tests.dialects.messages_asked import write

NONE = msgspec.Raw(b'{"type":"object"}')


def call(arguments: str) -> ToolUse:
    return ToolUse(id="t1", name="f", arguments=arguments)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", b"{}"),
        (" \n", b"{}"),
        ("null", b"{}"),
        ("{}", b"{}"),
        (' {"a": 1.0} ', b' {"a": 1.0} '),
        ('{"a":"\ud83d\ude00"}', '{"a":"\U0001f600"}'.encode()),
        ('{"a":"\ud800"}', '{"a":"\ufffd"}'.encode()),
    ],
)
def test_arguments_stay_byte_for_byte(text: str, wanted: bytes) -> None:
    assert bytes(objects.arguments(call(text), "here")) == wanted


@pytest.mark.parametrize("text", ["{oops", "[1]", "7", '"x"', "true", "{}{}", '{"a":\0}', "{" * 100_000, "\ud800"])
def test_what_is_no_object_is_refused_and_named(text: str) -> None:
    with pytest.raises(BadRequest, match=r"'here': .*'t1' \('f'\)") as caught:
        objects.arguments(call(text), "here")
    assert caught.value.param == "here"


def test_arguments_are_not_built_to_see_whether_they_are_an_object() -> None:
    text = '{"a":[' + "[]," * (1 << 20) + "[]]}"
    tracemalloc.start()
    try:
        assert len(bytes(objects.arguments(call(text), "here"))) == len(text)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (b"{}", {"type": "object"}),
        (b'{"type":null}', {"type": "object"}),
        (b'{"properties":{"a":{}}}', {"properties": {"a": {}}, "type": "object"}),
        (b'{"type":["object","null"]}', {"type": ["object", "null"]}),
    ],
)
def test_a_schema_says_that_it_is_an_objects_wherever_it_goes(schema: bytes, wanted: object) -> None:
    tools = (Tool(name="f", parameters=msgspec.Raw(schema)),)
    messages = write(tools=tools)["tools"]
    assert isinstance(messages, list)
    assert messages[0]["input_schema"] == wanted
    assert written(talk(tools=tools))["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {"json": wanted}


@pytest.mark.parametrize("schema", [b"[]", b"null", b'"x"', b"{" * 100_000, b'{"\xff":1}'])
def test_a_schema_that_is_none_is_refused_and_the_tool_named(schema: bytes) -> None:
    with pytest.raises(BadRequest, match="tool 'f'") as caught:
        objects.schema(Tool(name="f", parameters=msgspec.Raw(schema)), NONE)
    assert caught.value.param == "tools"


def test_a_whole_schema_stays_byte_for_byte() -> None:
    raw = msgspec.Raw(b'{"type" : "object", "x":1.0}')
    assert objects.schema(Tool(name="f", parameters=raw), NONE) == raw
    assert objects.schema(Tool(name="f"), NONE) == NONE


def test_places() -> None:
    parts: list[Part] = [Reasoning("hm"), Text(text="a"), call("{}"), ToolResult(call_id="x"), call("{}")]
    places = [place for place, _ in objects.placed(parts, "messages[2]")]
    assert [part for _, part in objects.placed(parts, "m")] == parts
    assert places == [
        "messages[2]",
        "messages[2].content[0]",
        "messages[2].tool_calls[0]",
        "messages[2].content[1]",
        "messages[2].tool_calls[1]",
    ]
