"""relay/held_text.py: for how long text waits, of a stream that is looked at."""

from typing import Literal

import msgspec
import pytest

from sluice.policies.guards import TextRules
from sluice.relay.actions import Send
from sluice.testing.playbook import Playbook, at, end, feed, send_that, tick
from sluice.testing.steps import Expectation
from tests.relay.guarded import SECRET, stream
from tests.relay.relays import DONE, chunk, result, text

LEGAL = send_that("a legal end", lambda data: data.endswith(DONE) and b'"finish_reason":"content_filter"' in data)

WAITED = send_that("what waited", lambda data: b'"SECRET-aaaa"' in data)


def call(name: str, arguments: str) -> bytes:
    """A piece of a call. An empty name: it goes on."""
    function = {"name": name, "arguments": arguments} if name else {"arguments": arguments}
    return chunk({"tool_calls": [{"index": 0, **({"id": "c"} if name else {}), "function": function}]})


ENDLESS = TextRules(patterns=("SECRET-[a-z]*!",), max_hold_s=2.0)


@pytest.mark.parametrize(("on_overflow", "following"), [("block", [LEGAL, end("blocked")]), ("release", [WAITED])])
def test_text_that_trickles_and_never_resolves_is_decided_when_it_has_waited_too_long(
    on_overflow: Literal["block", "release"], following: list[Expectation]
) -> None:
    playbook = Playbook(stream(msgspec.structs.replace(ENDLESS, on_overflow=on_overflow)))
    playbook >> at(10) >> feed(text("a ")) << send_that("something", bool) >> feed(text("SECRET-"))
    for seconds in (10.5, 11.4, 11.9):
        playbook >> at(seconds) >> feed(text("a"))
    playbook >> at(12) >> tick() >> feed(text("a"))
    for expected in following:
        playbook << expected
    playbook.run()


@pytest.mark.parametrize("silence_s", [1.125, 10, 299])
@pytest.mark.parametrize(
    ("rule", "pieces", "seen"),
    [
        (SECRET, ("a SEC", "RET-", "12", "34", "."), b"<masked>"),
        (TextRules(builtins=("email",)), ("to bo", "b", "@", "example", ".org", " now."), b"<EMAIL_ADDRESS>"),
        (ENDLESS, ("a SECRET", "-", "a", "b", "c "), b"SECRET-abc"),
    ],
)
def test_a_silence_in_the_midst_of_a_word_is_the_providers_and_ends_nothing(
    rule: TextRules, pieces: tuple[str, ...], seen: bytes, silence_s: float
) -> None:
    relay, now, sent = stream(rule), 10.0, b""
    for piece in pieces:
        for action in relay.feed(text(piece), now):
            assert isinstance(action, Send)
            sent += action.data
        assert relay.tick(now + silence_s) == []
        now += silence_s
    assert seen in sent
    assert relay.guards.max_held_s >= 3 * silence_s  # it is its reader's time all the same


def test_silences_are_left_out_and_what_lies_between_them_counts() -> None:
    relay = stream(ENDLESS)
    relay.feed(text("a SECRET-"), 0.0)
    for now in (0.9, 10.9, 11.7, 80.0, 80.2):  # 1.9 seconds of them
        assert relay.feed(text("a"), now) == []
    _, outcome = result(relay.feed(text("a"), 80.3))
    assert outcome is not None
    assert outcome.kind == "blocked"


def test_each_rule_has_its_own_time_for_what_waits_for_it() -> None:
    hasty = TextRules(name="hasty", patterns=("KEY-[a-z]*!",), max_hold_s=0.5, on_overflow="release")
    patient = TextRules(name="patient", patterns=("SECRET-[A-Za-z -]*!",), max_hold_s=3.0)
    relay = stream(hasty, patient)
    relay.feed(text("a SECRET-"), 0.0)
    for now in (0.5, 1.0, 1.5):
        assert relay.feed(text("a"), now) == []  # it waits for the patient one only
    assert relay.feed(text(" KEY-"), 2.0) == []
    assert relay.feed(text("a"), 2.4) == []
    assert not relay.guards.hits
    assert relay.feed(text("b"), 2.6) == []  # the hasty one lets go, the patient one does not
    assert relay.guards.hits == (("hasty", "release", 1),)
    _, outcome = result(relay.feed(text("a"), 3.1))
    assert outcome is not None
    assert outcome.kind == "blocked"
    assert relay.guards.blocked_by == "patient"


def test_the_time_of_a_string_in_a_calls_arguments_is_that_of_its_source() -> None:
    relay = stream(ENDLESS)
    relay.feed(call("f", '{"a": "x \\u0053\\u0045CRET-'), 0.0)
    for now in (0.9, 1.8):
        assert relay.feed(call("", "\\u0061"), now) == []
    _, outcome = result(relay.feed(call("", "\\u0061"), 2.0))
    assert outcome is not None
    assert outcome.kind == "blocked"


def test_a_stream_on_which_something_always_waits_is_not_taken_for_one_that_stalls() -> None:
    relay = stream(TextRules(builtins=("email",), max_hold_s=2.0))
    for second in range(100):
        for action in relay.feed(text(f" word{second}"), second * 0.5):
            assert isinstance(action, Send)
    assert relay.guards.max_held_bytes <= len("word99 ")
    assert relay.guards.max_held_s <= 0.5
