"""stores/ledger_desk.py: how long an admission is waited for, and whose fault it is when it does not come."""

import asyncio
import time

import pytest

from sluice.gateway.money_ports import Admission, LedgerGone, Settled
from sluice.stores import ledger_desk
from sluice.stores.ledger_desk import Admit, Desk, Job
from tests.stores.booking import opened

DEADLINE_S = 0.1
ADMITTED = Admission(True)


class Writer:
    """Takes jobs, and answers when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Job[object]] = []
        self.desk = Desk[object](self.jobs.append, time.time)

    def answer(self) -> None:
        job = self.jobs[0]
        assert isinstance(job, Admit)
        job.future.set_result(ADMITTED)


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Writer:
    monkeypatch.setattr(ledger_desk, "DEADLINE_S", DEADLINE_S)
    return Writer()


async def test_a_ledger_that_does_not_answer_in_time_is_gone_and_the_admission_is_undone(writer: Writer) -> None:
    began = time.monotonic()
    with pytest.raises(LedgerGone, match="in time"):
        await writer.desk.admit(opened(), ())
    assert DEADLINE_S <= time.monotonic() - began < DEADLINE_S * 10
    admit, undone = writer.jobs
    assert isinstance(admit, Admit)
    assert isinstance(undone, Settled)
    assert admit.future.cancelled()


async def test_a_deadline_that_passes_while_the_loop_is_held_up_is_not_the_ledgers(writer: Writer) -> None:
    asking = asyncio.create_task(writer.desk.admit(opened(), ()))
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    loop.call_later(DEADLINE_S * 1.1, writer.answer)  # too late, and heard of when the deadline is
    time.sleep(DEADLINE_S * 3)
    assert await asking == ADMITTED
    assert len(writer.jobs) == 1


async def test_it_gets_no_more_than_two_others(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_desk, "HELD_UP_S", -1.0)  # as if it were held up each time
    began = time.monotonic()
    with pytest.raises(LedgerGone, match="in time"):
        await writer.desk.admit(opened(), ())
    assert DEADLINE_S * 3 <= time.monotonic() - began < DEADLINE_S * 20
