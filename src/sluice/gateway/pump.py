"""A relay between two transports. Plain calls only: nothing is awaited, created or queued per chunk.

provider's bytes ──► relay.feed ──► actions ──► client.write
client above its high-water mark ──► upstream.pause        client drained ──► upstream.resume
client gone ──► relay.client_gone ──► upstream.close       a clock ran out ──► relay.tick
     └── or, where the policy reads on ──► relay.read_on

What a judge has to be asked is the exception: a task of its own, and the provider waits for it.

What the gateway itself takes for an event is measured for one event in SAMPLED, from the read that brought it to the
write that hands it on: two more clock readings and a place in a histogram for each would be 0.2 us of a chunk's 20, and
so they are 0.05.
"""

import asyncio
from collections.abc import Awaitable, Callable

from sluice.errors import Internal, UpstreamError
from sluice.gateway.ports import ClientStream, Clock, UpstreamStream
from sluice.gateway.slow_reader import SlowReader
from sluice.gateway.unpacked import Unpacked
from sluice.policies.judges import JudgeFailed, Verdict
from sluice.relay.actions import Action, Ask, End, Send
from sluice.relay.clocks import NEVER
from sluice.relay.outcome import SLOW_READER, Outcome
from sluice.relay.relay import Relay
from sluice.wire.coding import Inflate

SAMPLED = 16
"""One event in so many is timed, the first that follows an answer's beginning among them."""

Fault = Callable[[BaseException], None]
Judging = Callable[[Ask], Awaitable[Verdict]]
"""Whoever puts a relay's questions to judges. Keeps their deadlines; raises `JudgeFailed` where there is no verdict."""


async def nobody(question: Ask) -> Verdict:
    """Nobody can be asked."""
    raise JudgeFailed("no judge can be asked here")


class Pump:
    """Own one answer from its head to its end.

    `start_answer` is called once, before the first byte is written, unless the answer has `started`; `done(outcome,
    last bytes)` exactly once, when the relay has ended, and once more if it raised: then the relay is `committed`, and
    the connection is to be cut. The upstream is closed before `done`; the client's answer is `done`'s to finish.
    `reads_on` is asked once, when the client has left. `judge` is asked at most one question at a time, and cancelled
    when its answer is not wanted any more.
    """

    __slots__ = (
        *("_client", "_clock", "_done", "_due", "_ended", "_fault", "_full", "_judge", "_question"),
        *("_reads_on", "_relay", "_slow", "_start_answer", "_timer", "_until_timed", "_upstream", "started"),
    )

    def __init__(
        self,
        relay: Relay,
        upstream: UpstreamStream,
        client: ClientStream,
        *,
        clock: Clock,
        start_answer: Callable[[], None],
        reads_on: Callable[[], bool],
        done: Callable[[Outcome, bytes], None],
        fault: Fault,
        slow_reader_s: float,
        started: bool = False,
        inflate: Inflate | None = None,
        judge: Judging = nobody,
    ) -> None:
        self._relay = relay
        self._upstream = upstream if inflate is None else Unpacked(upstream, inflate)
        self._client = client
        self._clock = clock
        self._start_answer = start_answer
        self._reads_on = reads_on
        self._done = done
        self._fault = fault
        self._slow: SlowReader | float = slow_reader_s
        """The policy, until the client stops reading for the first time."""
        self._judge = judge
        self._question: asyncio.Task[None] | None = None
        """The one that is open: until it is answered the provider is not read."""
        self._full = False
        """The client does not read."""
        self._timer: asyncio.TimerHandle | None = None
        self._due = NEVER
        """When the timer fires."""
        self._ended = False
        self._until_timed = 1
        """Events."""
        self.started = started

    def start(self) -> None:
        """Begin: what the provider has already sent is handled before this returns."""
        self._client.observer = self
        self._upstream.attach(self)
        self._arm()  # an answer that came with its head needs no timer: its relay has ended

    # -- the provider -------------------------------------------------------------------------------------------------

    def body(self, data: bytes) -> None:
        try:
            actions = self._relay.feed(data, now := self._clock())
            if self.started and len(actions) == 1 and type(send := actions[0]) is Send:
                self._client.write(send.data)  # what `_perform` would do, without its questions
                self._until_timed -= 1
                if not self._until_timed:
                    self._time(now)
            elif actions:
                self._perform(actions)
        except Exception as error:
            self._crash(error)

    def _time(self, since: float) -> None:
        """Note how long it took to pass on what was read then."""
        self._until_timed = SAMPLED
        self._relay.meter.added(self._clock() - since)

    def eof(self) -> None:
        self._ask(self._relay.eof)

    def broke(self, error: UpstreamError) -> None:
        self._ask(lambda now: self._relay.broke(error, now))

    # -- the client ---------------------------------------------------------------------------------------------------

    def client_gone(self) -> None:
        if self._ended:
            return
        if self._reads_on() and self._relay.read_on(self._clock()):
            self._slow = 0.0
            self._full = False
            self._relay.meter.heard_from = self._clock()
            self._withdraw()
            self._upstream.resume()
            self._arm()
        else:
            self._ask(self._relay.client_gone)

    def client_paused(self) -> None:
        if self._ended:  # the last bytes may fill the client's buffer: by then the connection is somebody else's
            return
        self._full = True
        self._upstream.pause()
        self._relay.clocks.pause()
        if self._slow:
            seconds = self._slow if isinstance(self._slow, float) else self._slow.timeout_s
            self._slow = SlowReader(seconds, self._client, self._clock())
            self._arm()

    def client_resumed(self) -> None:
        if self._ended:
            return
        self._full = False
        self._relay.meter.heard_from = now = self._clock()
        self._relay.clocks.resume(now)
        if isinstance(self._slow, SlowReader):
            self._slow = self._slow.timeout_s
        self._read()
        self._arm()

    @property
    def client_is_full(self) -> bool:
        """The client does not read, and the provider waits for it."""
        return self._full

    @property
    def asks(self) -> bool:
        """A judge is asked, and the provider waits for the verdict."""
        return self._question is not None

    # -- the server ---------------------------------------------------------------------------------------------------

    def cut(self, outcome: Outcome) -> None:
        """End the exchange from our side."""
        self._ask(lambda now: self._relay.cut(outcome, now))

    def _arm(self) -> None:
        """One timer per stream. It is set anew only when it fires, or when something is due before it: the clocks'
        deadline mostly moves to later, with every chunk."""
        if self._ended:
            return
        due = self._relay.deadline
        if isinstance(self._slow, SlowReader):
            due = min(due, self._slow.deadline)
        if due >= self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - self._clock()), self._tick)

    def _tick(self) -> None:
        if self._upstream.in_line:
            self._timer = asyncio.get_running_loop().call_later(0.0, self._tick)
            return
        self._timer, self._due = None, NEVER
        if isinstance(self._slow, SlowReader) and self._slow.given_up(self._clock()):
            self.cut(SLOW_READER)
        else:
            self._ask(self._relay.tick)
        self._arm()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _ask(self, verb: Callable[[float], list[Action]]) -> None:
        """Tell the relay something that happens once or seldom, and perform what it answers."""
        try:
            self._perform(verb(self._clock()))
        except Exception as error:
            self._crash(error)

    def _perform(self, actions: list[Action]) -> None:
        last = b""
        for action in actions:
            if isinstance(action, Send):
                last += action.data
            elif isinstance(action, End):
                self._end(action.outcome, last)  # both leave in one write
                return
            else:
                self._upstream.pause()
                self._question = asyncio.get_running_loop().create_task(self._put(action))
        if last:
            if not self.started:
                self.started = True
                try:
                    self._start_answer()
                except Exception as error:
                    self._give_up(error)
                    return
            self._client.write(last)

    async def _put(self, question: Ask) -> None:
        """Ask a judge, and go on with what it says."""
        try:
            verdict: Verdict | JudgeFailed
            try:
                verdict = await self._judge(question)
            except JudgeFailed as failure:
                verdict = failure.with_traceback(None)  # or it would hold this frame, which holds it
            self._question = None
            self._relay.meter.heard_from = now = self._clock()
            self._perform(self._relay.resume(verdict, now))
            self._arm()
        except Exception as error:
            self._question = None
            self._crash(error)
        self._read()

    def _withdraw(self) -> None:
        """Nobody wants the answer to the open question any more."""
        if self._question is not None:
            self._question.cancel()
            self._question = None

    def _read(self) -> None:
        """Read the provider unless somebody has to be waited for."""
        if not (self._ended or self._full or self._question is not None):
            self._upstream.resume()

    def _end(self, outcome: Outcome, last: bytes) -> None:
        self._ended = True
        if not self._full and self._question is None:  # else the silence is ours
            self._relay.meter.ended(self._clock())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._withdraw()
        try:
            self._upstream.close(complete=outcome.kind == "completed")
            self._done(outcome, last)
        except Exception as error:
            self._give_up(error)

    def _crash(self, error: Exception) -> None:
        """A fault of ours inside the relay: the exchange ends as `internal`, the process does not."""
        self._fault(error)
        outcome = Outcome("internal", Internal("internal error"))
        try:
            actions = self._relay.cut(outcome, self._clock())
        except Exception:
            actions = [End(outcome)]  # it cannot even end: then nothing more is sent
        self._perform(actions)

    def _give_up(self, error: Exception) -> None:
        """A fault of ours where the answer's head is written, or at its end: nothing can be said any more, and nobody
        but us would end the exchange."""
        self._fault(error)
        self._relay.committed = True  # no status, no event, nobody else's answer: the connection is cut
        outcome = Outcome("internal", Internal("internal error"))
        if self._ended:
            self._done(outcome, b"")
        else:
            self._end(outcome, b"")
