"""relay/guard.py: any legal answer stays one, says the same if nothing is found in it, and shows nothing of what is."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sluice.chat.events import ChoiceFinished, Ended, Event, Started, TextDelta, ToolCallDelta, ToolCallStarted
from sluice.chat.fold import Answer, Fold
from sluice.chat.grammar import Grammar
from sluice.chat.request import ChatRequest
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.policies.guards import TextRules
from sluice.policies.judges import PASS
from sluice.relay.guard import Guard
from sluice.wire.sse import SseDecoder
from tests.dialects.sequence_writers import chat
from tests.dialects.sequences import answers, told
from tests.dialects.test_pairs import CLIENTS, check_first_choice
from tests.relay.guarded import BANNED, EMAIL, SECRET, WORDS, machine, stream
from tests.relay.relays import run

LONG = TextRules(patterns=("[a-zA-Z .{]{3,9}SECRET",), builtins=("email",))
"""Something of nearly every text may begin a match."""
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def shown(guard: Guard, events: list[Event]) -> list[Event]:
    """Feed events one by one, and let every judge say yes as late as it may."""
    out: list[Event] = []
    for event in events:
        out += guard.take([event], 1.0)
    while guard.ask() is not None:
        out += guard.answer(PASS)
    return out


def check_order(events: list[Event]) -> None:
    grammar = Grammar()
    for event in events:
        grammar.advance(event)
    assert grammar.complete


def unbroken(events: Sequence[Event]) -> list[Event]:
    """The same without blank lines in reasoning."""
    return [
        msgspec.structs.replace(event, text=event.text.replace("\n\n", ""))
        if isinstance(event, TextDelta) and event.channel == "reasoning"
        else event
        for event in events
    ]


@pytest.mark.parametrize("judged", [False, True])
@pytest.mark.parametrize("client", CLIENTS)
@SETTINGS
@given(events=answers())
def test_an_answer_in_which_nothing_is_found_reaches_the_official_client_whole(
    client: str, judged: bool, events: list[Event]
) -> None:
    dialect, reader = CLIENTS[client]
    out = shown(machine(LONG, BANNED, *([WORDS] if judged else []), shape=dialect.facts.shape), events)
    check_order(out)
    if not dialect.facts.shape.ordered:  # reasoning goes on behind its proof: a blank line stands between
        events, out = unbroken(events), unbroken(out)
    assert told(out, refusals=True, cut_calls=True) == told(events, refusals=True, cut_calls=True)
    encoder = dialect.encoder(reader.request)
    check_first_choice(reader.streamed(b"".join([encoder.encode(event) for event in out])), reader, out)


@SETTINGS
@given(events=answers())
def test_what_waits_for_nothing_passes_just_as_it_came(events: list[Event]) -> None:
    """But for arguments, of which a number waits for its end, and an escape for the rest of it."""
    assume(not any("S" in event.text for event in events if isinstance(event, TextDelta)))  # so begins what is hidden
    assume(not any("S" in event.name for event in events if isinstance(event, ToolCallStarted)))
    assert [event for event in shown(machine(SECRET), events) if not isinstance(event, ToolCallDelta)] == [
        event for event in events if not isinstance(event, ToolCallDelta)
    ]


VALUES = st.lists(
    st.sampled_from(["SECRET-1234", "a@b.example", "4111 1111 1111 1111", " and ", "名前", '"', "\\", "\n"])
)
RULES = (SECRET, EMAIL, TextRules(builtins=("credit_card",)))
FOUND = ("SECRET-1", "a@b.e", "1111 1")


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place for place in places if 0 < place < len(text)})
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@st.composite
def leaking(draw: st.DrawFn) -> list[Event]:
    """An answer of four choices, each with reasoning, text and a call full of values; choices take turns."""
    rows: list[list[Event]] = []
    for choice in range(4):
        row: list[Event] = []
        for channel in ("reasoning", "text"):
            text = " ".join(draw(VALUES))
            row += [TextDelta(choice, channel, piece) for piece in cut(text, draw(st.lists(st.integers(1, 99))))]  # type: ignore[arg-type]
        arguments = json.dumps({"a": " ".join(draw(VALUES)), "b": draw(VALUES)}, ensure_ascii=draw(st.booleans()))
        row.append(ToolCallStarted(choice, 0, f"call_{choice}", draw(st.sampled_from(["look", "SECRET-1234"]))))
        row += [ToolCallDelta(choice, 0, piece) for piece in cut(arguments, draw(st.lists(st.integers(1, 200))))]
        rows.append([*row, ChoiceFinished(choice, "tool_calls", "tool_calls")])
    turns = draw(st.permutations([choice for choice, row in enumerate(rows) for _ in row]))
    return [Started("c1", "m", 7), *(rows[choice].pop(0) for choice in turns), Ended()]


def parsed(body: bytes) -> Answer:
    decoder, fold = OPENAI_CHAT.decoder(keep_leftovers=False), Fold()
    for frame in SseDecoder().feed(body):
        for event in decoder.decode(frame):
            fold.add(event)
    return fold.answer()


@SETTINGS
@given(events=leaking(), size=st.integers(1, 400))
def test_nothing_of_a_value_is_on_the_wire_whatever_the_cuts(events: list[Event], size: int) -> None:
    body = chat(events)
    relay = stream(*RULES, request=ChatRequest(stream=True, choices=4))
    got, outcome = run(relay, [body[at : at + size] for at in range(0, len(body), size)])
    assert outcome is not None
    assert outcome.kind == "completed"
    answer = parsed(got)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    for choice, original in zip(answer.choices, parsed(body).choices, strict=True):
        (call,), (meant,) = choice.tool_calls, original.tool_calls
        assert json.loads(call.arguments).keys() == json.loads(meant.arguments).keys()
        values = json.dumps(json.loads(call.arguments), ensure_ascii=False)
        for text in (choice.text or "", choice.reasoning or "", values, call.name):
            assert not [value for value in FOUND if value in text]
        whole = machine(*RULES).take([TextDelta(0, "text", original.text or ""), Ended()], 1.0)
        assert (choice.text or "") == "".join(event.text for event in whole if isinstance(event, TextDelta))
    assert not [value for value in FOUND if value.encode() in got]
