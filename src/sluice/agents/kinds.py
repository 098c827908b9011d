"""Which events open, fill and close text and reasoning; and an event as it is kept."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from sluice.runs.events import (
    Codec,
    Event,
    MessageFinished,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    TextDelta,
    TextFinished,
    TextStarted,
    type_of,
)

Kind = Literal["text", "reasoning"]
STARTS: Mapping[Kind, Callable[..., Event]] = {"text": TextStarted, "reasoning": ReasoningStarted}
DELTAS: Mapping[Kind, Callable[..., Event]] = {"text": TextDelta, "reasoning": ReasoningDelta}
ENDS: Mapping[str, Callable[..., Event]] = {
    "text": TextFinished,
    "reasoning": ReasoningFinished,
    "message": MessageFinished,
}


def kept(event: Event, data: bytes) -> Event:
    """Return an event as whoever reads the store finds it, so that viewers here and elsewhere see the same. Deltas of
    text are looked at when they are made: there are many of them.

    Raises:
        TypeError: a field is not what the event says; names it. Nothing was written.
    """
    if isinstance(event, TextDelta | ReasoningDelta):
        return event
    try:
        read: Event = Codec.decode(data)
    except msgspec.ValidationError as error:
        raise TypeError(f"{type_of(event)}: {error}") from None
    return read


def text_only(text: object) -> None:
    """
    Raises:
        TypeError: it is no text.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a str, not {type(text).__name__}")
