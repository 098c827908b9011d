"""What a verification is made of: dialects, areas, cells and what was found. Values only.

A cell is one question with one answer: pass, fail, or `info` where there was nothing to judge. Cells and their order
depend on the seed and the options alone.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, get_args

import msgspec

Client = Literal["chat", "responses", "messages", "gemini"]
"""What the client speaks: OpenAI chat completions, OpenAI Responses, Anthropic Messages, Gemini generateContent."""
Provider = Literal["chat", "responses", "messages", "gemini", "converse"]
"""What the provider speaks; `converse` is Bedrock's ConverseStream."""
CLIENTS: tuple[Client, ...] = get_args(Client)
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

Area = Literal["ends", "cancellation", "framing", "usage", "keep-alive", "back-pressure", "timing", "errors"]
AREAS: tuple[Area, ...] = get_args(Area)

Result = Literal["pass", "fail", "info"]


class Verdict(msgspec.Struct, frozen=True):
    """How a cell was answered."""

    result: Result
    came: str
    """What the client heard, as the rest of a sentence."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the gateway."""

    area: Area
    name: str
    """Unique in its area, the same in every run."""
    client: Client
    provider: Provider
    sent: str
    """What the provider did."""
    expected: str
    play: Callable[[], Awaitable[Verdict]]
    """Ask it. Raises nothing that belongs to the gateway: what a gateway does is a verdict."""
    lane: str = ""
    """Cells of one lane are asked one after the other, in their order; empty = by itself."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A cell and its answer, as the report has it."""

    area: Area
    name: str
    client: Client
    provider: Provider
    result: Result
    sent: str
    expected: str
    came: str


def passed(came: str) -> Verdict:
    return Verdict("pass", came)


def failed(came: str) -> Verdict:
    return Verdict("fail", came)


def finding(cell: Cell, verdict: Verdict) -> Finding:
    """Join a cell and its answer."""
    return Finding(
        area=cell.area,
        name=cell.name,
        client=cell.client,
        provider=cell.provider,
        result=verdict.result,
        sent=cell.sent,
        expected=cell.expected,
        came=verdict.came,
    )
