"""Whether tokens reach the client when they are there: each before the provider has sent the next one.

Measured against the second in which the provider took the request; its gaps are exact.
"""

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify import judge
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.rig import Rig

GAP_S = 0.05
FIRST_S = 0.2
"""Before the first event."""
LATE = 0.1
"""Share of the tokens that may come later than the next one is sent: the machine has other things to do."""
TRIES = 3
"""For the same reason. Who collects a stream is late each time."""
WHOLE_LATE_S = 0.25


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area: a stream and a whole answer for each pair."""
    return [_cell(rig, client, provider, stream) for client, provider in rig.gateway.pairs for stream in (True, False)]


def _cell(rig: Rig, client: Client, provider: Provider, stream: bool) -> Cell:
    asker = Asker(rig, client, provider, stream)
    gap_ms, late_ms = GAP_S * 1000, WHOLE_LATE_S * 1000
    return Cell(
        area="timing",
        name=f"{client} from {provider}: {'stream' if stream else 'whole answer'}",
        client=client,
        provider=provider,
        sent=f"an event every {gap_ms:g} ms" if stream else "an answer in one piece",
        expected="each token before the provider sent the next" if stream else f"the answer within {late_ms:g} ms",
        play=asker.best,
    )


class Asker(msgspec.Struct, frozen=True):
    """The question of one cell."""

    rig: Rig
    client: Client
    provider: Provider
    stream: bool

    async def best(self) -> Verdict:
        for _ in range(TRIES):
            verdict = await (self.stream_delay() if self.stream else self.whole_delay())
            if verdict.result == "pass":
                break
        return verdict

    async def stream_delay(self) -> Verdict:
        rig = self.rig
        layout = await rig.layout(self.client, self.provider)
        wish = rig.wish(self.client, self.provider, Fault(gap_ms=[FIRST_S * 1000, GAP_S * 1000]))
        found = judge.read(self.client, await rig.ask(wish, within_s=FIRST_S + GAP_S * len(layout.events) + 10.0))
        verdict = judge.complete(found, rig.text)
        sight = rig.sight(wish)
        if verdict.result == "fail" or sight is None:
            return failed("the provider was never asked") if sight is None else verdict
        due = {length: sight.began_s + FIRST_S + GAP_S * event for length, event in _ends(layout.texts)}
        delays: list[float] = []
        said = 0
        for at, text in found.told.tokens:
            said += len(text)
            delays += [at - due[said]] if said in due else []
        late = sum(delay >= GAP_S for delay in delays)
        words = f"{len(delays)} tokens, {late} later than the next was sent, worst {max(delays) * 1000:.0f} ms"
        if len(delays) < len(due) * (1 - LATE) or late > LATE * len(delays):
            return failed(f"{words}, {len(due)} were sent; {judge.summary(found)}")
        return passed(words)

    async def whole_delay(self) -> Verdict:
        rig = self.rig
        await rig.layout(self.client, self.provider, stream=False)
        wish = rig.wish(self.client, self.provider, stream=False)
        heard = await rig.ask(wish)
        found = judge.read(self.client, heard, stream=False)
        verdict = judge.complete(found, rig.text)
        sight = await rig.seen(wish, lambda sight: sight.ended != "open", within_s=1.0)
        if verdict.result == "fail" or sight is None:
            return failed("the provider was never asked") if sight is None else verdict
        late_s = heard.ended_s - sight.began_s
        words = f"the answer came {late_s * 1000:.0f} ms after the provider was asked"
        return passed(words) if late_s < WHOLE_LATE_S else failed(words)


def _ends(texts: tuple[str, ...]) -> list[tuple[int, int]]:
    """The length of the text when each token is said, and the token's event."""
    said = 0
    found: list[tuple[int, int]] = []
    for event, text in enumerate(texts):
        said += len(text)
        if text:
            found.append((said, event))
    return found
