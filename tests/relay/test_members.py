"""relay/members.py: JSON that has no word in the vocabulary is looked at text by text, in one piece or in many."""

import json

import msgspec
import pytest

from sluice.chat.events import ChoiceFinished, Ended, Event, Leftover
from sluice.policies.guards import TextRules
from sluice.relay.guarding import Blocked
from sluice.relay.members import looked_at, texts_of
from tests.relay.guarded import BANNED, EMAIL, SECRET, machine, seen

END = ChoiceFinished(0, "stop", "stop")


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def masked(source: bytes) -> bytes:
    seen = looked_at(msgspec.Raw(source), lambda path, text: text.replace("x", "#"))
    return b"unreadable" if seen is None else bytes(seen)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (b'{"ax":["x",{"b":"\\u0078y"}],"c":null}', b'{"a#":["#",{"b":"#y"}],"c":null}'),
        (b'{ "a" : [1.50, true, "b"] }', b'{ "a" : [1.50, true, "b"] }'),  # as it was
        (b'{"data":"xxxx","signature":"xx==","encrypted_content":"x"}',) * 2,
        (b'{"data":"an x, no base64"}', b'{"data":"an #, no base64"}'),
        (b'"x"', b'"#"'),
        (b"[" * 5000 + b"]" * 5000, b"unreadable"),
    ],
)
def test_every_string_and_name_is_looked_at_but_base64_where_it_belongs(source: bytes, wanted: bytes) -> None:
    assert masked(source) == wanted


def test_a_number_that_is_a_value_becomes_its_mask() -> None:
    guard = machine(TextRules(builtins=("credit_card",)), streams=False)
    (out,) = seen([Leftover("delta", 0, {"a": raw({"b": 4111111111111111, "c": 12})})], guard)
    assert isinstance(out, Leftover)
    assert bytes(out.fields["a"]) == b'{"b":"<CREDIT_CARD>","c":12}'


def test_the_texts_of_a_part_are_told_without_its_ids_and_its_base64() -> None:
    assert texts_of(raw({"id": "i", "type": "t", "data": "AAAA", "code": ["a", "b"]})).split("\n") == [
        *["id", "type", "data", "code", "a", "b"],
    ]
    assert texts_of(raw([{"data": "AAAA"}])) == ""
    assert texts_of(raw("a")) == "a"


# -- in a stream -------------------------------------------------------------------------------------------------------


def grown(*values: object, rules: tuple[TextRules, ...] = (SECRET, EMAIL)) -> list[object]:
    """What a client sees of a member `m` that comes like this, each piece in a chunk of its own."""
    events: list[Event] = [Leftover("delta", 0, {"m": raw(value)}) for value in values]
    out = seen([*events, END, Ended()], machine(*rules))
    return [json.loads(bytes(event.fields["m"])) for event in out if isinstance(event, Leftover)]


def test_strings_with_the_same_path_are_one_text() -> None:
    sound = [{"id": "audio_1", "transcript": text, "data": "4111111111111111"} for text in ("SEC", "RET-12", "34 x. ")]
    out = grown(*sound)
    assert "".join(row["transcript"] for row in out if isinstance(row, dict)) == "<masked> x. "
    assert [row["data"] for row in out if isinstance(row, dict) and "data" in row] == ["4111111111111111"] * 3
    assert {row["id"] for row in out if isinstance(row, dict) and "id" in row} == {"audio_1"}


def test_elements_of_a_list_are_told_apart_by_their_number() -> None:
    details = [
        [{"index": i, "type": "reasoning.text", "text": text}] for i, text in ((0, "SEC"), (1, "a. "), (0, "RET-1234"))
    ]
    out = grown(*details, rules=(SECRET,))
    assert out == [
        [{"index": 0, "type": "reasoning.text", "text": ""}],
        [{"index": 1, "type": "reasoning.text", "text": "a. "}],
        [{"index": 0, "type": "reasoning.text", "text": "<masked>"}],
    ]


def test_what_is_held_at_the_end_comes_in_its_own_place() -> None:
    assert grown({"a": [{"index": 2, "b": "x SECRET-"}]}) == [
        {"a": [{"index": 2, "b": "x "}]},
        {"a": [{"index": 2, "b": "SECRET-"}]},
    ]


@pytest.mark.parametrize("pieces", [("for", "bidden"), ("a for", "bidden b")])
def test_a_rejection_ends_the_answer(pieces: tuple[str, ...]) -> None:
    with pytest.raises(Blocked):
        grown(*pieces, rules=(BANNED,))
