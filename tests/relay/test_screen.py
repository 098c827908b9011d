"""relay/screen.py: every kind of event has a decision, and every text of an answer is looked at."""

import itertools
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.seal import Seal
from sluice.chat.usage import Usage
from sluice.dialects.dialect import Shape
from sluice.errors import Truncated
from sluice.policies.guards import TextRules
from sluice.relay import screen, windows
from sluice.relay.guarding import Blocked
from tests.relay.guarded import BANNED, EMAIL, FLAT, ORDERED, SECRET, answer, calls, machine, says, seen, spoken

CANARY = "SECRET-1234"
ONE = msgspec.Raw(b"1")
ROWS: list[tuple[Event, list[Event]]] = [
    (Started("SECRET-1234", CANARY), [Started(CANARY, CANARY)]),  # a provider's own names
    (TextDelta(0, "text", CANARY), [TextDelta(0, "text", "<masked>")]),
    (TextDelta(0, "reasoning", CANARY), [TextDelta(0, "reasoning", "<masked>")]),
    (TextDelta(0, "refusal", CANARY), [TextDelta(0, "refusal", "<masked>")]),
    (ToolCallStarted(0, 0, CANARY, CANARY), [ToolCallStarted(0, 0, CANARY, "<masked>")]),
    (ToolCallDelta(0, 0, f'{{"{CANARY}":"{CANARY}"}}'), [ToolCallDelta(0, 0, '{"<masked>":"<masked>"}')]),
    (Sealed(0, Seal("o", "reasoning", CANARY)), [Sealed(0, Seal("o", "reasoning", CANARY))]),  # a proof, no text
    (
        Cited(0, Citation(url=f"https://a/{CANARY}", title=CANARY, quote=CANARY, start=1, end=2, document=3)),
        [Cited(0, Citation(url="https://a/<masked>", title="<masked>", quote="<masked>", start=1, end=2, document=3))],
    ),
    (ChoiceFinished(0, "stop", "stop", CANARY), [ChoiceFinished(0, "stop", "stop", None)]),
    (Reported(Usage(input_tokens=1)), [Reported(Usage(input_tokens=1))]),
    (
        Leftover(
            "", 0, {"a": msgspec.Raw(b'["SECRET-1234"]'), "SECRET-1234": msgspec.Raw(b"1"), "b": msgspec.Raw(b"1")}
        ),
        [Leftover("", 0, {"a": msgspec.Raw(b'["<masked>"]'), "<masked>": ONE, "b": ONE})],
    ),
    (
        Leftover("choice", 0, {"a": msgspec.Raw(b'["SECRET\\u002d1234"]')}),
        [Leftover("choice", 0, {"a": msgspec.Raw(b'["<masked>"]')})],
    ),
    (
        Leftover("delta", 0, {"a": msgspec.Raw(b'{"b":[{"c":"a SEC"}]}')}),
        [
            Leftover("delta", 0, {"a": msgspec.Raw(raw)})
            for raw in (b'{"b":[{"c":"a "}]}', b'{"b":[{"index":0,"c":"SEC"}]}')
        ],
    ),
    (Unrecognised(CANARY), [Unrecognised(CANARY)]),
    (
        Unrecognised("x", 0, msgspec.Raw(b'{"SECRET-1234":["SECRET-1234"],"data":"AAAA"}')),
        [Unrecognised("x", 0, msgspec.Raw(b'{"<masked>":["<masked>"],"data":"AAAA"}'))],
    ),
    (Ended(), [Ended()]),
    (Failed(error := Truncated("x")), [Failed(error)]),
]


def shown(events: list[Event], rule: TextRules = SECRET) -> list[Event]:
    return seen([*events, Ended()], machine(rule))[:-1]


@pytest.mark.parametrize(("event", "wanted"), ROWS)
def test_what_becomes_of_each_kind_of_event(event: Event, wanted: list[Event]) -> None:
    assert seen([event, Ended()], machine(SECRET)) == [*wanted, Ended()]


def test_no_kind_of_event_is_without_a_decision() -> None:
    kinds = set(get_args(Event))
    assert set(screen._ROADS) == kinds
    assert set(windows._ROADS) == kinds
    assert {type(event) for event, _ in ROWS} == kinds


# -- where a text begins and ends --------------------------------------------------------------------------------------


BESIDE: list[Event] = [
    TextDelta(0, "reasoning", "hm"),
    TextDelta(0, "refusal", "no"),
    TextDelta(0, "reasoning", ""),
    TextDelta(1, "text", "hm"),
    ToolCallStarted(0, 0, "c", "f"),
    ToolCallDelta(0, 0, "{}"),
    Sealed(0, Seal("o", "text", "x")),
    Sealed(0, Seal("o", "call", "x")),
    Cited(0, Citation(url="https://a")),
    Reported(Usage()),
    Started("", "m"),
    Unrecognised("x"),
    ChoiceFinished(1, "stop", "stop"),
]
"""What ends no text of choice 0."""


@pytest.mark.parametrize("other", [ChoiceFinished(0, "stop", "stop"), Ended(), Failed(Truncated("x"))])
@pytest.mark.parametrize("shape", [FLAT, ORDERED])
def test_a_text_ends_with_its_choice(other: Event, shape: Shape) -> None:
    assert seen([*says("a SECRET-"), other], machine(SECRET, shape=shape)) == [*says("a ", "SECRET-"), other]


@pytest.mark.parametrize("other", BESIDE)
def test_and_nowhere_else(other: Event) -> None:
    events = [*says("a SECRET-"), other, *says("1234")]
    assert seen(events, machine(SECRET)) == [*says("a "), other, *says("<masked>")]
    found = seen([*events, Ended()], machine(SECRET, shape=ORDERED))
    assert spoken(found) == "a <masked>"


def test_a_seal_stands_behind_all_of_its_reasoning() -> None:
    seal = Sealed(0, Seal("o", "reasoning", "x"))
    held, rest = TextDelta(0, "reasoning", "SECRET-"), TextDelta(0, "reasoning", "x")
    for shape in (FLAT, ORDERED):
        assert seen([held, seal, *says("a")], machine(SECRET, shape=shape)) == [held, seal, *says("a")]
        assert seen([held, seal, rest], machine(SECRET, shape=shape)) == [held, seal, rest]
        beside = seen([*says("SEC"), held, seal, ChoiceFinished(0, "stop", "stop")], machine(SECRET, shape=shape))
        assert spoken(beside) == "SEC"
        assert beside.index(seal) == beside.index(held) + 1
        found = seen([held, seal, TextDelta(0, "reasoning", "1234")], machine(SECRET, shape=shape))
        assert found == [TextDelta(0, "reasoning", "<masked>")]  # and a seal of what was changed is left out


def test_reasoning_that_left_with_its_seal_is_not_continued_in_the_same_word() -> None:
    held, seal = TextDelta(0, "reasoning", "SECRET-"), Sealed(0, Seal("o", "reasoning", "x"))
    again = [TextDelta(0, "reasoning", "12"), TextDelta(0, "reasoning", "34")]
    assert seen([held, seal, *says("a"), *again], machine(SECRET)) == [
        *[held, seal, *says("a")],
        *[TextDelta(0, "reasoning", "\n\n12"), again[1]],
    ]


def test_arguments_of_calls_may_interleave_and_are_looked_at_to_the_end_of_their_choice() -> None:
    events: list[Event] = [
        *calls("f", '{"a":"SECR'),
        *calls("g", '{"b":"SECRET-12', index=1),
        ToolCallDelta(0, 0, 'ET-1234"}'),
        ToolCallDelta(0, 1, '34"}'),
    ]
    out = seen([*events, ChoiceFinished(0, "tool_calls", "x")], machine(SECRET))
    texts = ["".join(e.arguments for e in out if isinstance(e, ToolCallDelta) and e.index == i) for i in (0, 1)]
    assert texts == ['{"a":"<masked>"}', '{"b":"<masked>"}']


def test_a_call_that_begins_again_is_another_text() -> None:
    out = seen([*calls("f", '{"a":"SECRET-'), *calls("f", '{"b":"1234"}')], machine(SECRET))
    assert "".join(e.arguments for e in out if isinstance(e, ToolCallDelta)) == '{"a":"SECRET-{"b":"1234"}'


def test_arguments_without_a_start_are_looked_at_too() -> None:
    assert shown([ToolCallDelta(0, 0, ""), ToolCallDelta(0, 0, '"SECRET-1234"')]) == [
        ToolCallDelta(0, 0, ""),
        ToolCallDelta(0, 0, '"<masked>"'),
    ]


# -- what belongs to a text --------------------------------------------------------------------------------------------


def test_log_probabilities_leave_only_with_what_was_neither_held_nor_masked() -> None:
    rows = msgspec.Raw(b'{"content":[]}')
    clean, held, rest = (TextDelta(0, "text", text, rows) for text in ("Well ", "SECR", "ET?"))
    assert shown([clean, held, rest]) == [clean, *says("SECRET?")]
    assert shown([TextDelta(0, "text", CANARY, rows), TextDelta(0, "text", "", rows)]) == [
        *says("<masked>"),
        TextDelta(0, "text", ""),
    ]


@pytest.mark.parametrize("kind", ["reasoning", "text", "redacted", "call"])
def test_the_proof_of_a_text_that_was_masked_is_left_out(kind: str) -> None:
    sealed = Sealed(0, Seal("o", kind, "x"))  # type: ignore[arg-type]  # the kinds of the table
    thought = TextDelta(0, "reasoning", CANARY)
    assert (sealed in shown([thought, sealed])) is (kind in ("redacted", "call"))
    assert sealed in shown([TextDelta(0, "reasoning", "hm"), sealed])


def test_positions_in_a_text_that_was_masked_are_not_said() -> None:
    cited = Cited(0, Citation(url="https://a", start=3, end=9))
    assert shown([*says(CANARY), cited])[-1] == Cited(0, Citation(url="https://a"))
    assert shown([*says("clean"), cited])[-1] == cited


def test_members_that_every_chunk_repeats_are_looked_at_once() -> None:
    guard = machine(SECRET)
    member = Leftover("", 0, {"service_tier": msgspec.Raw(b'"default"')})
    assert seen([member, member, member], guard) == [member] * 3
    assert guard.facts().checks == 2  # name and value
    other = Leftover("", 0, {"service_tier": msgspec.Raw(b'"SECRET-1234"')})
    assert seen([other, member], guard) == [member]  # the first string of a member stands


def test_a_string_that_is_another_in_each_chunk_may_be_a_text_in_pieces() -> None:
    pieces: list[Event] = [Leftover("", 0, {"a": msgspec.Raw(raw)}) for raw in (b'"SECRET-"', b'"1234"', b'"SECRET-"')]
    assert seen(pieces, machine(SECRET)) == [pieces[0], pieces[2]]
    numbers: list[Event] = [Leftover("", 0, {"a": msgspec.Raw(raw)}) for raw in (b"1", b'{"b":"x"}', b"null")]
    assert seen(numbers, machine(SECRET)) == numbers


def test_in_a_whole_answer_members_of_the_message_are_whole_too() -> None:
    member = Leftover("delta", 0, {"a": msgspec.Raw(b'"fine"'), "b": msgspec.Raw(b'"SECRET-1234"')})
    masked = Leftover("delta", 0, {"a": msgspec.Raw(b'"fine"'), "b": msgspec.Raw(b'"<masked>"')})
    assert seen([member], machine(SECRET, streams=False)) == [masked]


# -- rejecting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        says("It is forbidden"),
        [TextDelta(1, "refusal", "for"), TextDelta(1, "refusal", "bidden")],
        calls("forbidden"),
        calls("f", '{"a": "forb', 'idden"}'),
        [Cited(0, Citation(quote="forbidden"))],
        [ChoiceFinished(0, "stop", "stop", "forbidden")],
    ],
)
def test_a_rejection_ends_the_answer_wherever_it_is_found(events: list[Event]) -> None:
    guard = machine(BANNED)
    with pytest.raises(Blocked) as blocked:
        seen(events, guard)
    assert blocked.value.guard == "banned"
    assert blocked.value.legal
    assert guard.facts().blocked_by == "banned"


def test_what_went_before_it_may_still_be_seen() -> None:
    guard = machine(BANNED)
    with pytest.raises(Blocked) as blocked:
        guard.take([*says("a ", "b forbidden c"), TextDelta(0, "text", "d")], 1.0)
    assert spoken(blocked.value.seen) == "a b "
    assert guard.ending() == [ChoiceFinished(0, "content_filter", ""), Ended()]


# -- whatever the cuts -------------------------------------------------------------------------------------------------


TEXT = st.lists(st.sampled_from(["SECRET-", "SEC", "1234", "12", " ", "a@b.example", "名", "forbid", "x. ", '"', "\\"]))
RULES = (SECRET, EMAIL)


@given(TEXT.map("".join), st.lists(st.integers(0, 40)), st.sampled_from(["text", "reasoning", "refusal"]))
def test_what_is_seen_of_a_text_does_not_depend_on_its_pieces(text: str, cuts: list[int], channel: str) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces: list[Event] = [TextDelta(0, channel, text[a:b]) for a, b in itertools.pairwise(places)]  # type: ignore[arg-type]
    out = seen(answer(*pieces), machine(*RULES))
    whole = seen(answer(TextDelta(0, channel, text)), machine(*RULES))  # type: ignore[arg-type]
    assert joined(out) == joined(whole)


def joined(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["SECR", "ET-", "12", "34", " ok ", "@b.cd"]))))
def test_choices_do_not_disturb_each_other(pieces: list[tuple[int, str]]) -> None:
    mixed = seen(answer(*(TextDelta(c, "text", t) for c, t in pieces), choices=3), machine(*RULES))
    for choice in range(3):
        alone = seen(answer(*says(*(t for c, t in pieces if c == choice))), machine(*RULES))
        assert spoken(mixed, choice) == spoken(alone)


@given(st.lists(st.sampled_from(["SECR", "ET-", "1234", " ok ", "名前", "a@", "b.cd "])))
def test_what_was_scanned_was_delivered_unless_it_was_found(pieces: list[str]) -> None:
    guard = machine(SECRET, EMAIL)
    out = seen(answer(*says(*pieces)), guard)
    facts = guard.facts()
    assert facts.scanned_bytes == len("".join(pieces).encode())
    assert facts.delivered_bytes == len(spoken(out).encode())
    assert bool(facts.hits) is (facts.scanned_bytes != facts.delivered_bytes or "<" in spoken(out))
