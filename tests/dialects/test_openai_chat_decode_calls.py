"""openai_chat/decode_calls.py: tool calls in the deltas of a stream, regular and not."""

from sluice.chat.events import ChoiceFinished, ToolCallDelta, ToolCallStarted
from tests.dialects.chunks import chunk, decode


def call(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: str = "") -> object:
    part: dict[str, object] = {"function": {"name": name, "arguments": arguments}}
    return part | ({} if index is None else {"index": index}) | ({} if call_id is None else {"id": call_id})


def calls(*deltas: list[object]) -> list[object]:
    return list(decode(*(chunk({"tool_calls": delta}) for delta in deltas))[1:])


def test_a_tool_call_in_pieces_starts_once_though_its_id_is_repeated() -> None:
    assert calls([call(0, "t", "f")], [call(0, "t", "f", '{"a"')], [call(0, arguments=":1}")]) == [
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, '{"a"'),
        ToolCallDelta(0, 0, ":1}"),
    ]


def test_parallel_calls_by_index() -> None:
    assert calls([call(0, "t0", "f", "{}"), call(1, "t1", "g")], [call(1, arguments="[]")]) == [
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallDelta(0, 0, "{}"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 1, "[]"),
    ]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    got = calls(
        [call(None, "t0", "f", "{")], [call(None, arguments="}")], [call(None, "t1", "g", "[")], [call(None, "t0")]
    )
    assert got == [
        ToolCallStarted(0, 0, "t0", "f"),
        ToolCallDelta(0, 0, "{"),
        ToolCallDelta(0, 0, "}"),
        ToolCallStarted(0, 1, "t1", "g"),
        ToolCallDelta(0, 1, "["),
    ]
    assert calls([call(None, "t0", "f"), call(None, "t1", "g")], [call(None, "t1", arguments="1")])[-1] == (
        ToolCallDelta(0, 1, "1")
    )


def test_calls_without_index_and_id_go_by_position_or_to_the_last() -> None:
    assert calls(
        [call(None, None, "f"), call(None, None, "g")], [call(), call(arguments="1")], [call(arguments="2")]
    ) == [
        ToolCallStarted(0, 0, "call_c1_0_0", "f"),
        ToolCallStarted(0, 1, "call_c1_0_1", "g"),
        ToolCallDelta(0, 1, "1"),
        ToolCallDelta(0, 1, "2"),
    ]


def test_calls_of_two_choices_are_counted_apart() -> None:
    frames = [chunk({"tool_calls": [call(None, "t", "f")]}, index=index) for index in (0, 1)]
    assert decode(*frames)[1:] == [ToolCallStarted(0, 0, "t", "f"), ToolCallStarted(1, 0, "t", "f")]


def test_the_deprecated_function_call_is_a_tool_call() -> None:
    frames = [chunk({"function_call": {"name": "f", "arguments": "{"}}), chunk({"function_call": {"arguments": "}"}})]
    assert decode(*frames)[1:] == [
        ToolCallStarted(0, 0, "call_c1_0_0", "f"),
        ToolCallDelta(0, 0, "{"),
        ToolCallDelta(0, 0, "}"),
    ]


def test_indices_are_dense_whatever_the_provider_counts_from() -> None:
    assert calls([call(1, "t1", "f")], [call(5, "t5", "g", "[]")], [call(1, arguments="{}")]) == [
        ToolCallStarted(0, 0, "t1", "f"),
        ToolCallStarted(0, 1, "t5", "g"),
        ToolCallDelta(0, 1, "[]"),
        ToolCallDelta(0, 0, "{}"),
    ]


def test_a_call_waits_for_its_name() -> None:
    assert calls([call(0, "t")], [call(0, None, "f")], [call(0, arguments="{}")]) == [
        ToolCallStarted(0, 0, "t", "f"),
        ToolCallDelta(0, 0, "{}"),
    ]
    assert calls([call(0)], [call(0, "t", "f")]) == [ToolCallStarted(0, 0, "t", "f")]


def test_a_call_that_is_never_named_is_a_call_all_the_same() -> None:
    assert decode(chunk({"tool_calls": [call(0, "t")]}), chunk({}, finish="tool_calls"))[1:] == [
        ToolCallStarted(0, 0, "t", ""),
        ChoiceFinished(0, "tool_calls", "tool_calls"),
    ]


def test_the_input_of_a_custom_tool_is_read_as_arguments() -> None:
    frames = [
        chunk({"tool_calls": [{"index": 0, "id": "t", "type": "custom", "custom": {"name": "f", "input": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "custom": {"input": "ls -l"}}]}),
    ]
    assert decode(*frames)[1:] == [ToolCallStarted(0, 0, "t", "f"), ToolCallDelta(0, 0, "ls -l")]
