"""`python -m bench.policies`: what each policy costs, in one process and without sockets; best of several rounds.

Writes bench/results/policies.json and the tables of the docs that are made from it. `--only PAGE` prints some rows and
writes nothing. CPU of the event loop's thread is counted, not time: other processes do no harm but to its caches.
"""

import argparse
import asyncio
import gc
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from bench import policy_cases
from bench.machine import machine
from bench.policy_cases import BARE, ISSUED, ONE_POLICY, Case, Words
from bench.policy_report import LATEST, Costs, Row, table
from bench.policy_rig import Everyone, Reply, Rig
from bench.rig import ROOT
from sluice.config import Source, load
from sluice.gateway.money_ports import VirtualKey
from sluice.standard import STANDARD
from sluice.stores.ledger_sqlite import SqliteLedger
from tools import docs

ROUNDS = 15
REQUESTS, STREAMS = 150, 4
"""In one round."""
FEW, MANY = 8, 208
"""Deltas of the two kinds of streams whose difference is what deltas cost."""


class Side:
    """One configuration, and the least that each kind of exchange has cost."""

    def __init__(self, case: Case, rig: Rig, words: Words) -> None:
        self._case, self._rig, self._words = case, rig, words
        self._headers = words.headers(case)
        self._whole = policy_cases.body(case, stream=False), policy_cases.whole(case)
        stream = policy_cases.body(case, stream=True)
        self._few, self._many = ((stream, policy_cases.streamed(case, count)) for count in (FEW, MANY))
        self.request_us = self.aside_us = self.few_us = self.many_us = float("inf")

    async def once(self) -> None:
        """One round."""
        loop_us, aside_us = await self._spent(*self._whole, REQUESTS)
        self.request_us, self.aside_us = min(self.request_us, loop_us), min(self.aside_us, aside_us)
        if self._case.streams:
            self.few_us = min(self.few_us, (await self._spent(*self._few, STREAMS))[0])
            self.many_us = min(self.many_us, (await self._spent(*self._many, STREAMS))[0])

    @property
    def chunk_us(self) -> float:
        """What one more delta costs."""
        return (self.many_us - self.few_us) / (MANY - FEW) if self._case.streams else 0.0

    async def _spent(self, body: bytes, reply: Reply, times: int) -> tuple[float, float]:
        """Return the microseconds of an exchange: of this thread, and of others."""
        self._rig.everyone.provider = reply
        thread, process = time.thread_time_ns(), time.process_time_ns()
        for _ in range(times):
            client = await self._rig.ask(body, self._headers)
        await asyncio.sleep(0)  # the last record is told
        thread, process = time.thread_time_ns() - thread, time.process_time_ns() - process
        if client.status != 200 and self._case.asks:
            raise SystemExit(f"{self._case.page}, {self._case.what}: an exchange ended with {client.status}")
        return thread / times / 1000, (process - thread) / times / 1000


async def measure(case: Case, than: Case, words: Words, folder: Path, rounds: int) -> tuple[Row, Side]:
    """Measure what a case costs more than another; return that, and the other's own figures.

    Raises:
        SystemExit: an exchange did not end as it has to.
    """
    ledger = folder / f"{case.page}.db" if case.ledger else None
    if ledger is not None:
        await _issue(ledger)
    rigs = [_rig(case, words, ledger), _rig(than, words, None)]
    sides = [Side(one, rig, words) for one, rig in zip((case, than), rigs, strict=True)]
    for rig in rigs:
        await rig.open()
    try:
        for _ in range(rounds):
            for side in sides:
                gc.collect()
                await side.once()
    finally:
        for rig in rigs:
            await rig.close()
    mine, plain = sides
    row = Row(
        page=case.page,
        what=case.what,
        request_us=round(mine.request_us - plain.request_us, 1),
        aside_us=round(mine.aside_us - plain.aside_us, 1),
        chunk_us=round(mine.chunk_us - plain.chunk_us, 1) if case.streams else None,
    )
    return row, plain


def _rig(case: Case, words: Words, ledger: Path | None) -> Rig:
    plan = load([Source("bench.yaml", policy_cases.manifests(case, words))], {}, STANDARD)
    return Rig(plan, Everyone(policy_cases.others()), ledger)


async def _issue(ledger: Path) -> None:
    """Put a virtual key into the ledger."""
    books = SqliteLedger(str(ledger))
    await books.open()
    await books.add_key(VirtualKey(id="vk-bench", digest=hashlib.sha256(ISSUED.encode()).digest(), name="bench"))
    await books.close()


async def run(cases: Sequence[Case], rounds: int) -> Costs:
    """Measure the cases, one after the other; print each row as it comes."""
    words, rows = Words(), []
    with tempfile.TemporaryDirectory() as folder:
        first, bare = await measure(ONE_POLICY, BARE, words, Path(folder), rounds)
        for case in cases:
            row, _ = await measure(case.beside_another(), case.without(), words, Path(folder), rounds)
            print(f"{row.page:18} {row.what:70} {row.request_us:8.1f} {row.aside_us:8.1f} {row.chunk_us}", flush=True)
            rows.append(row)
    return Costs(
        machine=machine(),
        rounds=rounds,
        request_us=round(bare.request_us, 1),
        chunk_us=round(bare.chunk_us, 1),
        first_us=first.request_us,
        rows=tuple(rows),
    )


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PAGE", help="a page of docs/policies; nothing is written")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    os.nice(10)
    cases = [case for case in policy_cases.read() if options.only in (None, case.page)]
    if not cases:
        parser.error(f"no case is about {options.only}; bench/policies.yaml has them")
    costs = uvloop.run(run(cases, options.rounds))
    print("\n" + table(costs))
    if options.only is None:
        LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(costs), indent=1) + b"\n")
        docs.renew(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
