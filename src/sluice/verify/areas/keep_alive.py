"""What a client hears while its provider is silent: something, legal in its dialect, between events, never a token."""

from itertools import pairwise

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify import judge
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.places import middle
from sluice.verify.rig import Rig

LEGAL = "keep-alives of the client's dialect between two events, and then the rest"
_WHERE = {True: "before its first token", False: "in the middle of its text"}


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area: silence at two places, for each client with its own provider and another one."""
    gateway = rig.gateway
    found = []
    for client in gateway.clients:
        others = [provider for provider in gateway.providers if provider != client]
        own = [provider for provider in gateway.providers if provider == client]
        for provider in own + ([rig.dice["keep-alive"].choice(others)] if others else []):
            found += [_cell(rig, client, provider, early) for early in (True, False)]
    return found


def _cell(rig: Rig, client: Client, provider: Provider, early: bool) -> Cell:
    return Cell(
        area="keep-alive",
        name=f"{client} from {provider}: silence {_WHERE[early]}",
        client=client,
        provider=provider,
        sent=f"nothing for {silence_s(rig):g} s {_WHERE[early]}",
        expected=LEGAL,
        play=Asker(rig, client, provider, early).ask,
    )


def silence_s(rig: Rig) -> float:
    """How long the provider is silent: long enough for the interval, short of the gateway's time-out."""
    gateway = rig.gateway
    wanted = 1.5 * gateway.keep_alive_s + 1.0
    return wanted if gateway.idle_s is None else min(wanted, gateway.idle_s * 0.75)


class Asker(msgspec.Struct, frozen=True):
    """The question of one cell."""

    rig: Rig
    client: Client
    provider: Provider
    early: bool

    async def ask(self) -> Verdict:
        rig = self.rig
        layout = await rig.layout(self.client, self.provider)
        silent = layout.first_token if self.early else middle(layout, 2)
        gaps: list[float] = [0.0] * silent + [silence_s(rig) * 1000, 0.0]
        wish = rig.wish(self.client, self.provider, Fault(gap_ms=gaps))
        found = judge.read(self.client, await rig.ask(wish, within_s=silence_s(rig) + 10.0))
        verdict = judge.complete(found, rig.text)
        if verdict.result == "fail":
            return verdict
        return self._beats(found)

    def _beats(self, found: judge.Read) -> Verdict:
        """Judge what was heard in the silence."""
        assert found.stream is not None
        if not self.early and len(found.told.tokens) < 2:
            return failed(f"the text came as one token: there is no middle; {judge.summary(found)}")
        start, end = self._silence(found)
        beats = [beat for beat in found.stream.beats if start < beat.at < end]
        pings = [at for at in found.told.pings if start < at < end]
        heard = len(beats) + len(pings)
        if any(beat.inside for beat in beats):
            return failed(f"a keep-alive inside an event; {judge.summary(found)}")
        if not heard:
            return Verdict("info", f"no keep-alive in {silence_s(self.rig):g} s; {judge.summary(found)}")
        return passed(f"{heard} keep-alives; {judge.summary(found)}")

    def _silence(self, found: judge.Read) -> tuple[float, float]:
        """Between the last token before the silence and the first one after it."""
        times = [at for at, _ in found.told.tokens]
        if self.early:
            return found.heard.asked_s, times[0]
        gaps = [(later - sooner, sooner, later) for sooner, later in pairwise(times)]
        _, start, end = max(gaps)
        return start, end
