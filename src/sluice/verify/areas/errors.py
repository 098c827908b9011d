"""Refusals before the stream: the provider's own status, a body that the client's dialect knows, when to come back."""

import asyncio

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify import judge, reading
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.http_client import Heard
from sluice.verify.rig import Rig

STATUSES = (401, 404, 500, 503, 429)
RETRY_AFTER_S = {429: 2, 503: 2}
"""What these statuses are sent with. A gateway may give the provider a rest for so long, so the next cell of that
provider waits as long."""
WHOLE = frozenset([401, 500])
"""Statuses that are tried on whole answers too."""


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area; those of one provider are asked one after the other."""
    found: list[Cell] = []
    for provider in rig.gateway.providers:
        for status in STATUSES:
            for client in rig.gateway.clients:
                found += [
                    _cell(rig, client, provider, status, s) for s in ((True, False) if status in WHOLE else (True,))
                ]
    return found


def _cell(rig: Rig, client: Client, provider: Provider, status: int, stream: bool) -> Cell:
    again = RETRY_AFTER_S.get(status)
    header = f" and retry-after {again}" if again else ""
    return Cell(
        area="errors",
        name=f"{client} from {provider}: {status} for a {'stream' if stream else 'whole answer'}",
        client=client,
        provider=provider,
        sent=f"status {status}{header}",
        expected=f"status {status}{header}, and a body in the client's dialect",
        play=Asker(rig, client, provider, status, stream).ask,
        lane=provider,
    )


class Asker(msgspec.Struct, frozen=True):
    """The question of one cell."""

    rig: Rig
    client: Client
    provider: Provider
    status: int
    stream: bool

    async def ask(self) -> Verdict:
        rig, again = self.rig, RETRY_AFTER_S.get(self.status)
        headers = {"retry-after": str(again)} if again else {}
        wish = rig.wish(self.client, self.provider, Fault(status=self.status, headers=headers), stream=self.stream)
        heard = await rig.ask(wish)
        if again:
            await asyncio.sleep(again)
        found = judge.read(self.client, heard, stream=self.stream)
        wrong = self._wrong(heard)
        if not wrong and rig.sight(wish) is None:
            wrong = "the provider was never asked"
        return failed(f"{wrong}; {judge.summary(found)}") if wrong else passed(judge.summary(found))

    def _wrong(self, heard: Heard) -> str:
        """What is wrong with an answer, or empty."""
        answer, again = heard.answer, RETRY_AFTER_S.get(self.status)
        if answer.status != self.status or heard.how != "whole":
            return f"no answer with status {self.status}"
        if wrong := reading.error_fault(self.client, answer):
            return f"an error that no client of this dialect understands: {wrong}"
        if again and answer.header("retry-after") != str(again):
            return f"retry-after is {answer.header('retry-after')!r}"
        return ""
