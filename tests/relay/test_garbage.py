"""Whatever is fed, in whatever order: actions or one End, never an exception, nothing after the End."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sluice.errors import TimedOut, Truncated, Unavailable
from sluice.policies.deadlines import Deadlines
from sluice.relay.actions import Action, End, Send
from sluice.relay.outcome import Outcome
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from tests.relay.relays import (
    ALL,
    DONE,
    HELLO,
    PING,
    ROLE,
    STOP,
    USAGE,
    chunk,
    folded,
    frame,
    mirror,
    text,
    translate,
    whole,
)

PIECES = [
    *(ROLE, STOP, DONE, PING, USAGE, HELLO, text("a"), text("b", choice=1), chunk(finish="stop", choice=1)),
    chunk({"tool_calls": [{"id": "t", "function": {"name": "f"}}, {}]}),
    chunk({"tool_calls": [{"index": 3, "function": {"arguments": "{"}}], "function_call": {}}),
    frame({"error": {"message": "x"}}),
    frame({"error": ["\u2028"], "choices": 3}),
    frame({"choices": None, "x": [1]}),
    frame({"choices": [{"index": 0, "logprobs": {"content": 5}, "delta": {"content": "a", "x": {}}, "y": 1}]}),
    frame({"choices": [{"index": 0, "logprobs": {"content": [{}]}, "delta": {"refusal": "a"}}]}),
    frame({"choices": [{"index": -(2**70), "delta": {"content": "a"}, "finish_reason": "stop"}]}),
    frame({"created": 10**300, "usage": {"prompt_tokens": -(10**30)}, "choices": [{}]}),
    b'data: {"choices": [{"delta": {"content": "\\ud800"}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
    b'data: {"\xff": 1, "choices": []}\n\n',
    b"data: " + b"[" * 3000 + b"\n\n",
    b'data: {"error": {"code": "' + b"9" * 5000 + b'"}}\n\n',
    *(
        b"\n",
        b"\r",
        b"\xef\xbb\xbf",
        b"data: ",
        b'data: {"id": 5}\n\n',
        b"data\n\n",
        b"data: null\n\n",
        b"data: 1e999\n\n",
    ),
    b'{"choices": [{"message": {"content": "a"}, "logprobs": {"content": 1}}]}',
]

calls = st.one_of(
    st.tuples(st.just("feed"), st.sampled_from(PIECES)),
    st.tuples(st.just("feed"), st.binary(max_size=20)),
    st.sampled_from([("eof", b""), ("broke", b""), ("late", b""), ("gone", b""), ("tick", b""), ("cut", b"")]),
)
OTHERS = {
    "eof": lambda relay, now: relay.eof(now),
    "broke": lambda relay, now: relay.broke(Truncated("reset"), now),
    "late": lambda relay, now: relay.broke(TimedOut("idle"), now),
    "gone": lambda relay, now: relay.client_gone(now),
    "tick": lambda relay, now: relay.tick(now),
    "cut": lambda relay, now: relay.cut(Outcome("drained", Unavailable("going down")), now),
}


def call(relay: Relay, name: str, data: bytes, now: float) -> list[Action]:
    return relay.feed(data, now) if name == "feed" else list(OTHERS[name](relay, now))


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=120, deadline=None)
@given(script=st.lists(calls, max_size=14))
@example(script=[("feed", piece) for piece in PIECES])
def test_there_is_at_most_one_end_and_nothing_after_it(name: str, script: list[tuple[str, bytes]]) -> None:
    relay, ended = ALL[name](), False
    for now, (what, data) in enumerate([*script, ("eof", b"")]):
        actions = call(relay, what, data, float(now))
        assert not (ended and actions)
        ended = ended or any(isinstance(action, End) for action in actions)
        assert all(isinstance(action, Send) and action.data for action in actions[:-1])
    assert ended


TERMINATED = re.compile(rb"(?:^|[\r\n])" + re.escape(DONE) + rb"\Z").search
"""A line of its own: behind a byte order mark it would be a field that nobody knows."""


@settings(max_examples=300, deadline=None)
@given(st.lists(calls, max_size=14))
def test_a_terminator_is_never_sent_without_the_outcome_completed(script: list[tuple[str, bytes]]) -> None:
    idle, small = Terms(deadlines=Deadlines(idle_s=3)), Terms(max_whole_bytes=900)
    for relay in (mirror(terms=idle), translate(), folded(terms=small)):
        sent, outcome = b"", None
        for now, (what, data) in enumerate([*script, ("eof", b"")]):
            for action in call(relay, what, data, float(now)):
                if isinstance(action, Send):
                    sent += action.data
                elif isinstance(action, End):
                    outcome = action.outcome.kind
        assert outcome is not None
        assert bool(TERMINATED(sent)) == (
            outcome == "completed" and relay.meter.bytes_to_client > 0 and b"data:" in sent
        )


@pytest.mark.parametrize("piece", PIECES)
def test_each_odd_piece_by_itself_after_a_token(piece: bytes) -> None:
    for make in (mirror, translate, folded):
        relay = make()
        actions = [*relay.feed(text("a"), 1.0), *relay.feed(piece, 1.0), *relay.eof(1.0)]
        assert sum(isinstance(action, End) for action in actions) == 1
    relay2 = whole(as_stream=True)
    relay2.feed(piece, 1.0)
    assert isinstance(relay2.eof(1.0)[-1], End)
