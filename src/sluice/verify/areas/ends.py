"""Every way in which a provider's stream may end, at every place, for every pair of dialects.

A complete answer has to look complete; any other has to fail where the client sees it (stream-life 2).
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Literal

import msgspec

from sluice.testing.fake_fault import At, Fault, InBand
from sluice.verify import judge
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.http_client import Heard
from sluice.verify.layout import Layout
from sluice.verify.places import ENOUGH, PLACES, SPOTS, Place, Spot, anywhere
from sluice.verify.rig import PATIENCE_S, Rig

End = Literal["fin", "rst", "stall"]
_DID: dict[End, str] = {"fin": "closed the connection", "rst": "reset the connection", "stall": "said nothing more"}
BLIND_WAIT_S = 2.0
"""How long a provider's silence is watched when the gateway's time-out is not known."""
SLACK_S = 3.0
"""On top of the time-out, when it is."""
GONE = "The model has gone away."


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area, pair by pair."""
    return [cell for client, provider in rig.gateway.pairs for cell in _pair(rig, client, provider)]


Row = tuple[str, str, Callable[[], Awaitable[Verdict]]]
"""A cell's name, what is sent, and how it is asked."""


def _pair(rig: Rig, client: Client, provider: Provider) -> Iterator[Cell]:
    streams, wholes = (Asker(rig, client, provider, stream) for stream in (True, False))
    for name, sent, play in (*_complete(streams, wholes), *_cuts(streams, wholes), *_replaced(streams)):
        yield Cell(
            area="ends",
            name=f"{client} from {provider}: {name}",
            client=client,
            provider=provider,
            sent=sent,
            expected=judge.COMPLETE if name.startswith("complete") else judge.FAILURE,
            play=play,
        )


def _complete(streams: "Asker", wholes: "Asker") -> Iterator[Row]:
    yield "complete stream", "a complete stream", streams.complete
    yield "complete whole answer", "a complete answer in one piece", wholes.complete


def _cuts(streams: "Asker", wholes: "Asker") -> Iterator[Row]:
    for end, did in _DID.items():
        yield f"stream, {end} before the head", f"{did} before the head", partial(streams.early, end)
        for place in (*PLACES, anywhere(streams.rig.dice["ends"].random())):
            if streams.provider in place.providers:
                yield f"stream, {end} {place.name}", f"{did} {place.name}", partial(streams.cut, place, end)
        yield f"whole answer, {end} before the head", f"{did} before the head", partial(wholes.early, end)
        sent = f"{did} in the middle of the body of an answer in one piece"
        yield f"whole answer, {end} inside the body", sent, partial(wholes.half, end)
    yield (
        "whole answer, malformed",
        "an answer in one piece that is no JSON",
        partial(wholes.faulty, Fault(malformed=0)),
    )
    yield "whole answer, empty", "200 with no body at all", partial(wholes.faulty, Fault(empty=True))


def _replaced(streams: "Asker") -> Iterator[Row]:
    for spot in SPOTS:
        if streams.provider in spot.providers:
            sent = f"something that is no JSON in place of the {spot.name}"
            yield f"malformed {spot.name}", sent, partial(streams.malformed, spot)
            sent = f"an error event of its own in place of the {spot.name}"
            yield f"error for {spot.name}", sent, partial(streams.in_band, spot)
    for name, sent, fault in _SILENT:
        if streams.provider in ("chat", "messages", "responses") or fault.terminator:
            yield name, sent, partial(streams.faulty, fault)


_SILENT = (
    ("empty answer", "200 with no body at all", Fault(empty=True)),
    ("no finish reason", "a clean end of the body after the text, without a finish reason", Fault(finish=False)),
    ("no terminator", "a clean end of the body after the finish reason, no terminator", Fault(terminator=False)),
)
"""Ends that HTTP calls whole: only the dialect's own evidence is missing."""


class Asker(msgspec.Struct, frozen=True):
    """The questions of one pair, about streams or about whole answers."""

    rig: Rig
    client: Client
    provider: Provider
    stream: bool

    async def complete(self) -> Verdict:
        await self._layout()
        wish = self.rig.wish(self.client, self.provider, stream=self.stream)
        return judge.complete(self._read(await self.rig.ask(wish)), wish.content)

    async def early(self, end: End) -> Verdict:
        await self._layout()
        return await self._failing(Fault(end=end), "")

    async def cut(self, place: Place, end: End) -> Verdict:
        layout = await self._layout()
        at = place.at(layout)
        said = layout.said_before(len(layout.events) if at.event is None and at.byte else at.event or 0)
        comments = 1 if place.name == "before the first event" and self.provider not in ("gemini", "converse") else 0
        fault = Fault(at=at, end=end, comments=comments)
        return await self._failing(fault, said, enough=(self.provider, place.name) == ENOUGH)

    async def half(self, end: End) -> Verdict:
        layout = await self._layout()
        return await self._failing(Fault(at=At(byte=layout.body_bytes // 2), end=end), "")

    async def malformed(self, spot: Spot) -> Verdict:
        layout = await self._layout()
        index = spot.event(layout)
        return await self._failing(Fault(malformed=index), layout.said_before(index))

    async def in_band(self, spot: Spot) -> Verdict:
        layout = await self._layout()
        index = spot.event(layout)
        fault = Fault(error=InBand(at=index, status=503, message=GONE))
        return await self._failing(fault, layout.said_before(index))

    async def faulty(self, fault: Fault) -> Verdict:
        await self._layout()
        return await self._failing(fault, self.rig.text if self.stream and not fault.empty else "")

    # -- asking -------------------------------------------------------------------------------------------------------

    async def _layout(self) -> Layout:
        return await self.rig.layout(self.client, self.provider, stream=self.stream)

    def _read(self, heard: Heard) -> judge.Read:
        return judge.read(self.client, heard, stream=self.stream)

    async def _failing(self, fault: Fault, said: str, *, enough: bool = False) -> Verdict:
        """Ask, and judge an answer that was not given whole; `said` is the text that the provider gave. `enough`: a
        client may call it complete as well."""
        rig, idle_s = self.rig, self.rig.gateway.idle_s
        wish = rig.wish(self.client, self.provider, fault, stream=self.stream)
        wait_s, blind = PATIENCE_S, False
        if fault.end == "stall":
            wait_s, blind = (BLIND_WAIT_S, True) if idle_s is None else (idle_s + SLACK_S, False)
        found = self._read(await rig.ask(wish, within_s=wait_s))
        if rig.sight(wish) is None:
            return failed(f"the provider was never asked; {judge.summary(found)}")
        if enough and judge.evident(found, said):
            return passed(judge.summary(found))
        as_it_was = fault.malformed is not None and self.client == self.provider
        return judge.failure(found, said, as_it_was=as_it_was, waits=blind)
