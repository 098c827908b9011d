"""dialects/anthropic_messages/opaque.py: a block of the provider's own is the same whole as in pieces."""

import json

import msgspec
import pytest

from sluice.dialects.anthropic_messages.opaque import OpaqueBlock


def grown(begun: object, *deltas: object) -> object:
    block = OpaqueBlock("x", msgspec.Raw(json.dumps(begun).encode()))
    for delta in deltas:
        block.grow(msgspec.Raw(json.dumps(delta).encode()))
    event = block.event()
    assert (event.what, event.choice) == ("block:x", 0)
    assert event.part is not None
    return json.loads(bytes(event.part))


@pytest.mark.parametrize(
    ("begun", "deltas", "whole"),
    [
        ({"type": "x", "content": [1]}, [], {"type": "x", "content": [1]}),
        (
            {"type": "x", "input": {}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"a":', "1}")],
            {"type": "x", "input": {"a": 1}},
        ),
        (
            {"type": "x", "input": {}},
            [{"type": "input_json_delta", "partial_json": '{"a":'}],
            {"type": "x", "input": {"INVALID_JSON": '{"a":'}},
        ),
        (
            {"type": "compaction", "content": None},
            [{"type": "compaction_delta", "content": piece} for piece in ("so ", "far")],
            {"type": "compaction", "content": "so far"},
        ),
        ({"type": "x", "n": 1}, [{"type": "y", "n": 2}], {"type": "x", "n": 2}),
    ],
)
def test_pieces_are_joined_as_the_vendors_client_joins_them(begun: object, deltas: list[object], whole: object) -> None:
    assert grown(begun, *deltas) == whole
