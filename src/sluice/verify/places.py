"""The places in a provider's stream where something can go wrong, found in its layout. Pure."""

from collections.abc import Callable

import msgspec

from sluice.testing.fake_fault import At
from sluice.verify.facts import PROVIDERS, Provider
from sluice.verify.layout import Layout


class Place(msgspec.Struct, frozen=True):
    """Where a stream is cut."""

    name: str
    at: Callable[[Layout], At]
    providers: tuple[Provider, ...] = PROVIDERS
    """Those whose streams have it, and where it is not the same as another one."""


class Spot(msgspec.Struct, frozen=True):
    """Which event is replaced."""

    name: str
    event: Callable[[Layout], int]
    providers: tuple[Provider, ...] = PROVIDERS


def middle(layout: Layout, part: int) -> int:
    """Return an event with text that is so many quarters of the way in."""
    tokens = layout.tokens
    return tokens[len(tokens) * part // 4]


def _inside_line(layout: Layout) -> At:
    index = middle(layout, 1)
    return At(event=index, byte=len(layout.events[index]) // 2)


def _inside_event(layout: Layout) -> At:
    index = middle(layout, 2)
    return At(event=index, byte=layout.unfinished(index))


def _after_finish(layout: Layout) -> At:
    """Behind the last event there is no other that could be named."""
    return At(event=layout.finish + 1) if layout.terminator is not None else At(byte=layout.body_bytes)


def _last(layout: Layout) -> int:
    return len(layout.events) - 1


def anywhere(share: float) -> Place:
    """Return the place behind so much (0 to 1) of what comes before the event that makes the answer complete."""

    def at(layout: Layout) -> At:
        complete = layout.finish if layout.terminator is None else layout.terminator
        left = int(share * sum(map(len, layout.events[:complete])))
        for index, event in enumerate(layout.events):
            if left < len(event):
                return At(event=index, byte=left)
            left -= len(event)
        raise AssertionError("the share is less than 1")

    return Place("somewhere", at)


PLACES = (
    Place("after the head", lambda _: At()),
    Place("before the first event", lambda _: At(event=0)),
    Place("before the first token", lambda layout: At(event=layout.first_token)),
    Place("inside a line", _inside_line),
    Place("inside an event", _inside_event),
    Place("between two events", lambda layout: At(event=middle(layout, 3))),
    Place(
        "before the finish reason",
        lambda layout: At(event=layout.finish),
        ("chat", "messages", "gemini", "converse"),
    ),
    Place("after the finish reason", _after_finish, ("chat", "messages", "gemini", "converse")),
    Place("before the terminator", lambda layout: At(event=_last(layout)), ("chat", "responses")),
)
"""In the order of the stream. Before the head there is no place that could be named: it needs no layout."""
ENOUGH: tuple[Provider, str] = ("gemini", "after the finish reason")
"""Gemini's finish reason is all the evidence that its dialect has: what is cut after it may be called either way."""

SPOTS = (
    Spot("first event", lambda _: 0),
    Spot("first token", lambda layout: layout.first_token),
    Spot("token in the middle", lambda layout: middle(layout, 2)),
    Spot("finish reason", lambda layout: layout.finish),
    Spot("event after the finish reason", lambda layout: layout.finish + 1, ("chat",)),
    Spot("terminator", _last, ("chat", "messages", "converse")),
)
