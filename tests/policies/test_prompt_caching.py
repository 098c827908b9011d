"""policies.prompt_caching: where marks stand, and how many. The dialects write them."""

import msgspec
import pytest

from sluice.chat.content import CacheMark, Media, Message, Part, Text, ToolResult, ToolUse
from sluice.chat.conversation import Conversation, Tool
from sluice.chat.seal import Reasoning, Seal
from sluice.policies.prompt_caching import PromptCaching, marked

MARK = CacheMark()
ALL = PromptCaching(tools=True, min_tokens=0)


def said(role: str, *parts: Part | str) -> Message:
    found = tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    return Message(role=role, parts=found)  # type: ignore[arg-type]


def places(asked: Conversation) -> list[str]:
    """`tool 0`, `2.1`: message and part."""
    tools = [f"tool {i}" for i, tool in enumerate(asked.tools) if tool.cache is not None]
    parts = [
        f"{i}.{j}"
        for i, message in enumerate(asked.messages)
        for j, part in enumerate(message.parts)
        if getattr(part, "cache", None) is not None
    ]
    return tools + parts


TALK = (said("system", "rules"), said("user", "one"), said("assistant", "two"), said("user", "three"))


def test_the_ends_of_tools_system_and_history_are_marked() -> None:
    asked = Conversation(messages=TALK, tools=(Tool(name="a"), Tool(name="b")))
    assert places(marked(ALL, asked)) == ["tool 1", "0.0", "2.0"]
    assert places(marked(PromptCaching(min_tokens=0), asked)) == ["0.0", "2.0"]


def test_the_newest_message_alone_is_no_history() -> None:
    assert places(marked(ALL, Conversation(messages=(said("user", "hello"),)))) == []


@pytest.mark.parametrize(("offset", "place"), [(0, "4.0"), (1, "3.0"), (2, "2.0"), (99, "1.0")])
def test_the_history_is_marked_so_many_messages_earlier(offset: int, place: str) -> None:
    talk = (said("system", "s"), *(said("user" if i % 2 else "assistant", str(i)) for i in range(5)))
    caching = PromptCaching(system=False, min_tokens=0, message_offset=offset)
    assert places(marked(caching, Conversation(messages=talk))) == [place]


def test_a_prompt_that_is_too_short_is_not_marked() -> None:
    """1024 tokens are 788 words."""
    for words, expected in ((787, ["2.0"]), (788, ["0.0", "2.0"])):
        asked = Conversation(
            messages=(said("system", "w " * words), said("user", "x"), said("user", "y " * 900), *TALK[3:])
        )
        assert places(marked(PromptCaching(), asked)) == expected
    assert marked(PromptCaching(), Conversation(messages=TALK)).messages == TALK


def test_marks_of_the_client_stay_and_count() -> None:
    mine = Text(text="kept", cache=CacheMark(ttl="5m"))
    asked = Conversation(
        messages=(said("system", mine), said("user", "a"), said("assistant", "b", mine), said("user", mine, mine)),
        tools=(Tool(name="t"),),
    )
    assert marked(ALL, asked) is asked  # four there are
    less = msgspec.structs.replace(asked, messages=(*asked.messages[:3], said("user", "x")))
    result = marked(ALL, less)
    assert places(result) == ["tool 0", "0.0", "2.1"]
    assert result.messages[0].parts[0] == mine
    whole = Conversation(messages=(said("user", mine, mine, mine), said("user", "x")), cache=MARK)
    assert marked(ALL, whole) is whole


def test_a_mark_stands_where_it_can_be_borne() -> None:
    seal = Seal(origin="dialect.x", kind="reasoning", data="p")
    thought = Reasoning(text="hm", seal=seal)
    call = ToolUse(id="1", name="t", arguments="{}")
    image = Media(kind="image", data="aGk=")
    cases: list[tuple[tuple[Part | str, ...], list[str]]] = [
        (("text", "  "), ["0.0"]),
        ((thought, "text", thought), ["0.1"]),
        ((thought, call), ["0.1"]),
        (("text", image), ["0.1"]),
        ((ToolResult(call_id="1", parts=(Text(text="r"),)),), ["0.0"]),
        ((thought,), []),
        ((" ",), []),
    ]
    for parts, expected in cases:
        asked = Conversation(messages=(said("user", *parts), said("user", "new")))
        assert places(marked(ALL, asked)) == expected


def test_a_mark_inside_a_tools_result_counts() -> None:
    inner = ToolResult(call_id="1", parts=(Text(text="r", cache=MARK),))
    asked = Conversation(messages=(said("user", "q", inner), said("user", "new")))
    assert marked(PromptCaching(min_tokens=0), asked) is asked


def test_words_of_every_part_count() -> None:
    parts: tuple[Part, ...] = (
        ToolUse(id="1", name="t", arguments="w " * 400),
        ToolResult(call_id="1", parts=(Text(text="w " * 400), Media(kind="image", data="aGk="))),
    )
    asked = Conversation(messages=(said("user", *parts), said("user", "new")))
    assert places(marked(PromptCaching(), asked)) == ["0.1"]
    schema = msgspec.Raw(msgspec.json.encode({"description": "w " * 800}))
    tooled = Conversation(messages=(said("user", "q"),), tools=(Tool(name="t", parameters=schema),))
    assert places(marked(PromptCaching(tools=True), tooled)) == ["tool 0"]


LASTING = CacheMark(ttl="1h")
LASTS = Text(text="q", cache=LASTING)
TOOLS = (Tool(name="a"), Tool(name="b"))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            Conversation(messages=TALK, tools=(Tool(name="a", cache=LASTING), TOOLS[1])),
            ["tool 0", "tool 1", "0.0", "2.0"],
        ),
        (Conversation(messages=(said("system", LASTS), *TALK[1:]), tools=TOOLS), ["0.0", "2.0"]),
        (Conversation(messages=(TALK[0], said("user", LASTS), *TALK[2:]), tools=TOOLS), ["1.0", "2.0"]),
        (Conversation(messages=(*TALK[:3], said("user", LASTS)), tools=TOOLS), ["3.0"]),
        (Conversation(messages=TALK, tools=TOOLS, cache=LASTING), []),
        (Conversation(messages=TALK, tools=TOOLS, cache=CacheMark(ttl="5m")), ["tool 1", "0.0", "2.0"]),
    ],
)
def test_no_mark_stands_before_one_that_lasts_longer(asked: Conversation, expected: list[str]) -> None:
    assert places(marked(ALL, asked)) == expected
