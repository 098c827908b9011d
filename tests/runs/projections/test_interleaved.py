"""Parallel tool calls whose pieces come mixed: in every protocol that tells pieces, each keeps to its own call."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from sluice.runs.events import Event, RunFinished, ToolInput, ToolInputDelta, ToolStarted
from sluice.runs.projection import Projection, project
from sluice.runs.projections.ag_ui import AgUi
from sluice.runs.projections.ai_sdk import AiSdk
from sluice.runs.projections.flutch import FlutchSdk
from sluice.runs.projections.langgraph import LangGraph
from sluice.runs.projections.native import Native
from sluice.runs.projections.responses import Responses
from tests.runs.laws import Script, random_logs

Piece = tuple[str, str]
"""A call's id, and a piece of its arguments."""


def native(chunk: Any) -> Iterator[Piece]:
    if chunk["type"] == "tool.input.delta":
        yield chunk["id"], chunk["text"]


def ag_ui(chunk: Any) -> Iterator[Piece]:
    if chunk["type"] == "TOOL_CALL_ARGS":
        yield chunk["toolCallId"], chunk["delta"]


def ai_sdk(chunk: Any) -> Iterator[Piece]:
    if chunk["type"] == "tool-input-delta":
        yield chunk["toolCallId"], chunk["inputTextDelta"]


def flutch(chunk: Any) -> Iterator[Piece]:
    delta = chunk.get("delta", {})
    if delta.get("type") == "tool_input_chunk":
        yield delta["stepId"], delta["chunk"]


class ByItem:
    """Responses name the item, and say once which call it is."""

    def __init__(self) -> None:
        self._calls: dict[str, str] = {}

    def __call__(self, chunk: Any) -> Iterator[Piece]:
        if chunk["type"] == "response.output_item.added" and chunk["item"]["type"] == "function_call":
            self._calls[chunk["item"]["id"]] = chunk["item"]["call_id"]
        elif chunk["type"] == "response.function_call_arguments.delta":
            yield self._calls[chunk["item_id"]], chunk["delta"]


class ByIndex:
    """LangChain's pieces name the place in their message, and the first of a place says which call it is."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, int], str] = {}

    def __call__(self, chunk: Any) -> Iterator[Piece]:
        message = chunk[0] if isinstance(chunk, list) else {}
        for piece in message.get("tool_call_chunks", ()):
            place = (message["id"], piece["index"])
            if piece["id"]:
                self._calls[place] = piece["id"]
            yield self._calls[place], piece["args"] or ""


READERS: dict[str, tuple[Callable[[], Projection], Callable[[], Callable[[Any], Iterator[Piece]]]]] = {
    "native": (Native, lambda: native),
    "ag-ui": (AgUi, lambda: ag_ui),
    "ui": (AiSdk, lambda: ai_sdk),
    "flutch-sdk": (FlutchSdk, lambda: flutch),
    "responses": (Responses, ByItem),
    "langgraph": (lambda: LangGraph(["messages-tuple"]), ByIndex),
}


def told(name: str, log: list[Event]) -> dict[str, str]:
    """What a reader has of each call's arguments, put together piece by piece."""
    make, reading = READERS[name]
    read, texts = reading(), defaultdict[str, str](str)
    for frame in (one for one in project(make(), log) if one.data != b"[DONE]"):
        for call, piece in read(msgspec.json.decode(frame.data)):
            texts[call] += piece
    return texts


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=25)
@given(log=random_logs())
def test_the_pieces_of_each_call_are_its_own_and_all_of_them(name: str, log: list[Event]) -> None:
    sent, whole = defaultdict[str, str](str), dict[str, Any]()
    for event in log:
        if isinstance(event, ToolInputDelta):
            sent[event.id] += event.text
        elif isinstance(event, ToolInput):
            whole[event.id] = event.input
    got = told(name, log)
    assert {call: got[call] for call in sent} == sent
    for call in set(got) & set(whole) - set(sent):  # came whole: told as one piece
        assert msgspec.json.decode(got[call]) == ({} if whole[call] is None else whole[call])


@pytest.mark.parametrize("name", READERS)
def test_two_calls_whose_pieces_alternate_are_told_apart(name: str) -> None:
    script = Script()
    pen, pieces = script.writer, {"x": ['{"n":', " 1", "}"], "y": ['{"m"', ":", '"two"}']}
    for call in pieces:
        pen.put(ToolStarted, id=call, name="tool", message_id=pen.message())
    for one, other in zip(*pieces.values(), strict=True):
        pen.put(ToolInputDelta, id="x", text=one)
        pen.put(ToolInputDelta, id="y", text=other)
    pen.put(ToolInput, id="y", name="tool", input={"m": "two"})
    pen.put(ToolInput, id="x", name="tool", input={"n": 1})
    pen.finish("success")
    log = script.log()
    assert isinstance(log[-1], RunFinished)
    assert told(name, log) == {call: "".join(texts) for call, texts in pieces.items()}
