"""gateway/pump.py: who has to be asked is asked in a task of its own, and the provider waits for it."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from sluice.errors import Unavailable
from sluice.gateway.ports import BodyReceiver, ClientObserver, UpstreamHead
from sluice.gateway.pump import Pump
from sluice.policies.deadlines import Deadlines
from sluice.policies.guards import Rejection
from sluice.policies.judges import PASS, Changed, JudgeFailed, Rejected, Verdict
from sluice.relay.actions import Ask
from sluice.relay.guarded_stream import GuardedStream
from sluice.relay.outcome import Outcome
from sluice.relay.terms import Terms
from sluice.wire.http1 import Header
from tests.relay.guarded import TONE, WORDS, stream
from tests.relay.relays import DONE, STOP, terms, text
from tests.support.waiting import until


class Provider:
    """An answer that comes when the test says so."""

    head = UpstreamHead(200, (), None)
    connect_s: float | None = None
    in_line = False

    def __init__(self) -> None:
        self.receiver: BodyReceiver | None = None
        self.reading = True
        self.closed: bool | None = None

    def attach(self, receiver: BodyReceiver) -> None:
        self.receiver = receiver

    def pause(self) -> None:
        self.reading = False

    def resume(self) -> None:
        self.reading = True

    def close(self, *, complete: bool) -> None:
        assert self.closed is None, "closed twice"
        self.closed = complete

    def says(self, data: bytes) -> None:
        assert self.receiver is not None
        self.receiver.body(data)


class Client:
    """A connection that takes everything."""

    def __init__(self) -> None:
        self.observer: ClientObserver | None = None
        self.started = 0
        self.got = b""

    def start(self, status: int, headers: Sequence[Header], length: int | None) -> None: ...

    def write(self, data: bytes) -> None:
        self.got += data

    def finish(self, data: bytes = b"") -> bool:
        self.got += data
        return True

    def unread(self) -> int:
        return 0

    def abort(self) -> None: ...


class Judges:
    """Who is asked, and answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Ask] = []
        self.withdrawn = 0
        self._verdict: asyncio.Future[Verdict] | None = None

    async def judge(self, question: Ask) -> Verdict:
        self.asked.append(question)
        self._verdict = asyncio.get_running_loop().create_future()
        try:
            return await self._verdict
        except asyncio.CancelledError:
            self.withdrawn += 1
            raise

    async def say(self, verdict: Verdict | BaseException, *, nth: int = 1) -> None:
        await until(lambda: len(self.asked) == nth)
        assert self._verdict is not None
        if isinstance(verdict, BaseException):
            self._verdict.set_exception(verdict)
        else:
            self._verdict.set_result(verdict)


class Stage:
    """A pump and everything around it."""

    def __init__(self, relay: GuardedStream | None = None, *, reads_on: bool = False) -> None:
        self.provider, self.client, self.judges = Provider(), Client(), Judges()
        self.relay = relay or stream(WORDS)
        self.outcomes: list[Outcome] = []
        self.faults: list[BaseException] = []
        self.pump = Pump(
            self.relay,
            self.provider,
            self.client,
            clock=asyncio.get_running_loop().time,
            start_answer=self._start,
            reads_on=lambda: reads_on,
            done=self._done,
            fault=self.faults.append,
            slow_reader_s=0.0,
            judge=self.judges.judge,
        )
        self.pump.start()

    def _start(self) -> None:
        self.client.started += 1

    def _done(self, outcome: Outcome, last: bytes) -> None:
        self.outcomes.append(outcome)
        self.client.got += last

    @property
    def kind(self) -> str:
        (outcome,) = self.outcomes
        return outcome.kind

    def tasks(self) -> int:
        return len([task for task in asyncio.all_tasks() if "_put" in repr(task.get_coro())])


async def test_the_provider_waits_for_the_verdict_and_goes_on_after_it() -> None:
    stage = Stage()
    stage.provider.says(text("One. "))
    assert not stage.provider.reading
    assert stage.client.got == b""
    await stage.judges.say(PASS)
    await until(lambda: stage.provider.reading)
    assert b'"One."' in stage.client.got
    assert stage.client.started == 1
    stage.provider.says(text("Two") + STOP + DONE)
    await stage.judges.say(Changed(("2",)), nth=2)
    await until(lambda: bool(stage.outcomes))
    assert (stage.kind, stage.provider.closed) == ("completed", True)
    assert stage.client.got.endswith(DONE)
    assert [question.texts for question in stage.judges.asked] == [("One.",), (" Two",)]
    assert stage.tasks() == 0
    assert stage.faults == []


async def test_two_judges_are_asked_in_turn_and_the_provider_waits_for_both() -> None:
    stage = Stage(stream(WORDS, TONE))
    stage.provider.says(text("One."))
    await stage.judges.say(PASS)
    await until(lambda: len(stage.judges.asked) == 2)
    assert not stage.provider.reading
    await stage.judges.say(PASS, nth=2)
    await until(lambda: stage.provider.reading)
    assert [question.judge.name for question in stage.judges.asked] == ["words", "tone"]


async def test_what_the_provider_had_sent_already_is_kept() -> None:
    stage = Stage()
    stage.provider.says(text("One."))
    stage.provider.says(text("Two.") + STOP + DONE)
    assert stage.provider.receiver is not None
    stage.provider.receiver.eof()
    await stage.judges.say(PASS)
    await stage.judges.say(PASS, nth=2)
    await until(lambda: bool(stage.outcomes))
    assert b"One." in stage.client.got
    assert b"Two." in stage.client.got
    assert stage.kind == "completed"


@pytest.mark.parametrize(("verdict", "status"), [(Rejected(Rejection(status=418)), 418), (JudgeFailed("slow"), 503)])
async def test_a_no_and_no_answer_at_all_end_it(verdict: Verdict | JudgeFailed, status: int) -> None:
    stage = Stage()
    stage.provider.says(text("One."))
    await stage.judges.say(verdict)
    await until(lambda: bool(stage.outcomes))
    assert (stage.kind, stage.provider.closed, stage.client.got) == ("blocked", False, b"")
    error = stage.outcomes[0].error
    assert error is not None
    assert error.status == status
    assert stage.faults == []


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (lambda pump: pump.client_gone(), "client_gone"),
        (lambda pump: pump.cut(Outcome("drained", Unavailable("x"))), "drained"),
        (lambda pump: None, "timeout"),  # the clock `total` runs out
    ],
)
async def test_the_end_withdraws_the_question(ending: Callable[[Pump], None], kind: str) -> None:
    total_s = 0.05 if kind == "timeout" else 60
    started_at = asyncio.get_running_loop().time()
    stage = Stage(stream(WORDS, terms=Terms(started_at=started_at, deadlines=Deadlines(total_s=total_s))))
    stage.provider.says(text("One."))
    await until(lambda: len(stage.judges.asked) == 1)
    ending(stage.pump)
    await until(lambda: stage.judges.withdrawn == 1)
    assert (stage.kind, stage.provider.closed) == (kind, False)
    assert stage.tasks() == 0


async def test_neither_a_client_that_reads_again_nor_a_verdict_wakes_a_provider_that_waits_for_the_other() -> None:
    stage = Stage()
    stage.provider.says(text("One."))
    stage.pump.client_paused()
    stage.pump.client_resumed()
    assert not stage.provider.reading
    stage.pump.client_paused()
    await stage.judges.say(PASS)
    await until(lambda: b"One." in stage.client.got)
    assert not stage.provider.reading
    stage.pump.client_resumed()
    assert stage.provider.reading


async def test_of_a_client_that_has_left_nobody_is_asked_any_more() -> None:
    stage = Stage(stream(WORDS, terms=terms(on_disconnect="continue")), reads_on=True)
    stage.provider.says(text("One."))
    await until(lambda: len(stage.judges.asked) == 1)
    stage.pump.client_gone()
    await until(lambda: stage.judges.withdrawn == 1)
    assert stage.provider.reading
    stage.provider.says(text("Two.") + STOP + DONE)
    assert stage.kind == "client_gone"
    assert len(stage.judges.asked) == 1


async def test_a_provider_whose_bytes_wait_for_their_turn_has_not_fallen_silent() -> None:
    stage = Stage(stream(WORDS, terms=terms(deadlines=Deadlines(idle_s=0.02))))
    stage.provider.in_line = True
    await asyncio.sleep(0.1)
    assert stage.outcomes == []
    stage.provider.in_line = False
    await until(lambda: bool(stage.outcomes))
    assert stage.kind == "timeout"


async def test_a_fault_of_ours_in_a_judge_ends_the_exchange_and_not_the_process() -> None:
    stage = Stage()
    stage.provider.says(text("One."))
    await stage.judges.say(ZeroDivisionError())
    await until(lambda: bool(stage.outcomes))
    assert stage.kind == "internal"
    assert [type(fault) for fault in stage.faults] == [ZeroDivisionError]
    assert stage.provider.closed is False
