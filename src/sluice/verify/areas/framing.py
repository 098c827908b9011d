"""Streams that are written in every legal way, and in some that are not: the client has to hear the same text.

The text has letters of one to four bytes; whoever decodes what was cut inside a letter shows U+FFFD.
"""

from collections.abc import Iterator

import msgspec

from sluice.testing import fake_filler
from sluice.testing.fake_fault import Fault
from sluice.verify import judge
from sluice.verify.areas import keep_alive
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.rig import Rig

GIANT_BYTES = 8 << 20
GIANT_WAIT_S = 60.0
_GIANTS = "giants"
"""They are asked one after the other: eight at a time take some machines longer than the gateway waits for an event."""
NO_TRUTH = "the whole text; or a failure that the client sees"


class Dress(msgspec.Struct, frozen=True):
    """One way to write a stream."""

    name: str
    sent: str
    fault: Fault
    binary: bool = True
    """Binary frames can be written so too."""
    late: bool = False
    """The first event comes after a silence in which the gateway may have written already."""
    may_fail: bool = False
    """The provider is wrong: a gateway may say so instead."""


DRESSES = (
    Dress("CRLF", "lines that end with CR LF", Fault(newline="crlf"), binary=False),
    Dress("CR", "lines that end with CR", Fault(newline="cr"), binary=False),
    Dress("BOM", "a byte order mark before the first event", Fault(bom=True), binary=False),
    Dress(
        "BOM after a silence",
        "nothing for a while, and then a byte order mark before the first event",
        Fault(bom=True),
        binary=False,
        late=True,
    ),
    Dress("comments", "three comments before each event", Fault(comments=3), binary=False),
    Dress("1-byte writes", "one byte at a time", Fault(write_bytes=1)),
    Dress("3-byte writes", "three bytes at a time, which cuts letters", Fault(write_bytes=3)),
    Dress("7-byte writes", "seven bytes at a time", Fault(write_bytes=7)),
    Dress("gzip", "a body coded with gzip, which nobody had asked for", Fault(gzip=True)),
    Dress(
        "all at once",
        "a byte order mark, comments, CR LF, one byte at a time",
        Fault(bom=True, comments=1, newline="crlf", write_bytes=1),
        binary=False,
    ),
    Dress(
        "mislabelled as JSON",
        "a stream that is labelled application/json",
        Fault(content_type="application/json"),
        may_fail=True,
    ),
    Dress(
        "mislabelled as text", "a stream that is labelled text/plain", Fault(content_type="text/plain"), may_fail=True
    ),
)
CHECKSUM = Dress("wrong checksum", "a frame whose checksum is wrong", Fault(crc=True), may_fail=True)


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area: each dress for each pair, and a giant event for each dialect on either side."""
    return [cell for client, provider in rig.gateway.pairs for cell in _pair(rig, client, provider)]


def _pair(rig: Rig, client: Client, provider: Provider) -> Iterator[Cell]:
    def cell(asker: "Asker", dress: Dress, expected: str) -> Cell:
        return Cell(
            area="framing",
            name=f"{client} from {provider}: {dress.name}",
            client=client,
            provider=provider,
            sent=dress.sent,
            expected=expected,
            play=asker.ask,
            lane=_GIANTS if dress.fault.giant_bytes else "",
        )

    for dress in DRESSES:
        if dress.fault.comments and client == provider == "gemini":
            continue  # this dialect's client knows no comments, and a mirror may pass on what the provider sent
        if dress.late and client != provider:
            continue  # only a mirror can pass it on
        if dress.binary or provider != "converse":
            expected = NO_TRUTH if dress.may_fail else judge.COMPLETE
            yield cell(Asker(rig, client, provider, dress), dress, expected)
    if provider == "converse":
        yield cell(Asker(rig, client, provider, CHECKSUM), CHECKSUM, judge.FAILURE)
    if client == provider or (provider == "converse" and client == "chat") or provider == "chat":
        sent = f"one event whose text has {GIANT_BYTES >> 20} MiB"
        dress = Dress("giant event", sent, Fault(giant_bytes=GIANT_BYTES))
        yield cell(Asker(rig, client, provider, dress), dress, judge.COMPLETE)


class Asker(msgspec.Struct, frozen=True):
    """The question of one cell."""

    rig: Rig
    client: Client
    provider: Provider
    dress: Dress

    async def ask(self) -> Verdict:
        rig, dress = self.rig, self.dress
        await rig.layout(self.client, self.provider)
        fault = dress.fault
        if dress.late:
            fault = msgspec.structs.replace(fault, gap_ms=[keep_alive.silence_s(rig) * 1000, 0.0])
        wish = rig.wish(self.client, self.provider, fault)
        found = judge.read(self.client, await rig.ask(wish, within_s=GIANT_WAIT_S))
        if dress.fault.giant_bytes:
            return judge.complete(found, rig.text + fake_filler.text(GIANT_BYTES))
        verdict = judge.complete(found, rig.text)
        if verdict.result == "fail" and dress.may_fail:
            return judge.failure(found, rig.text)
        if verdict.result == "pass" and dress is CHECKSUM:
            return failed(f"a frame that is not whole was taken for one; {judge.summary(found)}")
        return passed(judge.summary(found)) if verdict.result == "pass" else verdict
