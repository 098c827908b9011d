"""How soon the provider hears that a client has left: in each phase, politely and not (stream-life 3).

Each cell is many clients, over all pairs of dialects in turn, so that a 99th percentile means something.
"""

import asyncio
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Literal

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.layout import Layout
from sluice.verify.rig import Rig, Unserved

Phase = Literal["before the head", "before the first token", "in the middle of the text", "waiting for a whole answer"]
_PHASES: dict[Phase, tuple[float, float]] = {
    "before the head": (0.0, 0.3),
    "before the first token": (0.05, 0.4),
    "in the middle of the text": (0.1, 0.6),
    "waiting for a whole answer": (0.0, 0.3),
}
"""And how long after the provider was asked a client leaves, in seconds: any moment between these."""
CLIENTS, QUICK_CLIENTS = 100, 20
"""In one cell."""
AT_ONCE = 20
MOST_S = 0.25
"""The lag that 99 of 100 keep."""
NEVER_S = 3.0
"""After which a provider that has heard nothing will not."""
_LONG_MS = 30_000.0
_GAP_MS = 20.0


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area: each phase, left with FIN and with RST."""
    return [_cell(rig, phase, reset) for phase in _PHASES for reset in (False, True)] if rig.gateway.pairs else []


def _cell(rig: Rig, phase: Phase, reset: bool) -> Cell:
    dice = rig.dice["cancellation"]
    sooner, later = _PHASES[phase]
    pairs = rig.gateway.pairs
    clients = QUICK_CLIENTS if rig.quick else CLIENTS
    leavers = [
        Leaver(rig, client, provider, phase, dice.uniform(sooner, later), reset)
        for client, provider in islice(cycle(dice.sample(pairs, len(pairs))), clients)
    ]
    client, provider = pairs[0]
    how = "reset the connection" if reset else "closed the connection"
    return Cell(
        area="cancellation",
        name=f"{phase}, {'RST' if reset else 'FIN'}",
        client=client,
        provider=provider,
        sent=f"{clients} clients of all dialects {how} {phase}",
        expected=f"the provider's connection closed within {MOST_S * 1000:g} ms (99 of 100), and never not at all",
        play=Crowd(leavers).leave,
    )


class Leaver(msgspec.Struct, frozen=True):
    """One client who leaves."""

    rig: Rig
    client: Client
    provider: Provider
    phase: Phase
    stays_s: float
    reset: bool

    async def leave(self) -> float | str:
        """Ask, leave, and return how many seconds later the provider heard it; or a sentence why it never did."""
        rig = self.rig
        try:
            fault = self._fault(await rig.layout(self.client, self.provider, stream=self._streams))
        except Unserved as error:
            return str(error)
        content = " ".join([rig.text] * 12)
        wish = rig.wish(self.client, self.provider, fault, content=content, stream=self._streams)
        try:
            asking = await rig.begin(wish)
        except OSError:
            return "no connection"
        try:
            if await rig.seen(wish, within_s=NEVER_S) is None:
                return "the provider was never asked"
            await asyncio.sleep(self.stays_s)
            if asking.answer.whole:
                return "the answer was whole before its provider had given it"
            if asking.over:
                broken = asking.answer.fault
                return f"HTTP is broken: {broken}" if broken else "the gateway hung up first"
            left_s = asking.leave(reset=self.reset)
        finally:
            asking.close()
        sight = await rig.seen(wish, lambda sight: sight.ended != "open", within_s=NEVER_S)
        if sight is None or sight.ended == "open":
            return "never"
        if sight.ended != "gone" or sight.ended_s is None:
            return f"the provider's answer was {sight.ended} before it heard"
        return sight.ended_s - left_s

    @property
    def _streams(self) -> bool:
        return self.phase != "waiting for a whole answer"

    def _fault(self, layout: Layout) -> Fault:
        match self.phase:
            case "before the first token":
                return Fault(gap_ms=[0.0] * layout.first_token + [_LONG_MS])
            case "in the middle of the text":
                return Fault(gap_ms=_GAP_MS)
        return Fault(head_delay_ms=_LONG_MS)


class Crowd(msgspec.Struct, frozen=True):
    """The clients of one cell."""

    leavers: list[Leaver]

    async def leave(self) -> Verdict:
        """Let all of them leave and judge the lags."""
        self.leavers[0].rig.forget()
        lags: list[float] = []
        troubles: list[str] = []
        waiting = iter(self.leavers)

        async def work(leavers: Iterator[Leaver]) -> None:
            for leaver in leavers:
                lag = await leaver.leave()
                if isinstance(lag, str):
                    troubles.append(f"{leaver.client} from {leaver.provider}: {lag}")
                else:
                    lags.append(lag)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work(waiting))
        return judged(lags, troubles)


def judged(lags: list[float], troubles: list[str]) -> Verdict:
    """Judge the lags of a cell, in seconds, and what went otherwise."""
    if troubles:
        return failed(f"{len(troubles)} of {len(lags) + len(troubles)} clients: {troubles[0]}")
    ordered = sorted(lags)
    at_p99 = ordered[max(0, -(-99 * len(ordered) // 100) - 1)]
    middle = ordered[len(ordered) // 2]
    words = f"median {middle * 1000:.0f} ms, p99 {at_p99 * 1000:.0f} ms, worst {ordered[-1] * 1000:.0f} ms"
    return passed(words) if at_p99 <= MOST_S else failed(words)
