"""What one client hears: at most one head, the body's bytes, and one end, which is over when the client has it.

    waiting ──keep-alive──► opened ──┐
       │                             ├──first bytes, or all──► ended ──taken by the client──► delivered
       └─────────────────────────────┘

An answer that its client waits for long is opened before there is one: a 200 and keep-alives, so that nobody on the way
takes the silence for death. From then on a failure has no status any more, only an error event.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from sluice.chat.request import ChatRequest
from sluice.config.plan import Rule
from sluice.errors import Internal, SluiceError
from sluice.gateway import answers
from sluice.gateway.account import Account
from sluice.gateway.outbound import Outbound
from sluice.gateway.policing import Policing
from sluice.gateway.ports import ClientStream, Request
from sluice.gateway.quoted import redact
from sluice.gateway.slow_reader import SlowReader
from sluice.gateway.world import World
from sluice.policies.ai import RouteType
from sluice.policies.deadlines import Deadlines
from sluice.relay.guarding import Guarding
from sluice.relay.outcome import CLIENT_GONE, SLOW_READER, Outcome
from sluice.relay.terms import Allowance, Terms
from sluice.standard import CLIENT_DIALECTS, DEFAULT_DIALECT
from sluice.wire.http1 import Header

_NO_RULE = Rule(name="", backends=())


class Reply:
    """One client's. `over(outcome)` is called exactly once, at the end: with the outcome that was given, or with what
    became of the client meanwhile. The plain attributes are what the exchange learns on its way."""

    __slots__ = (
        "_account",
        "_broken",
        "_outcome",
        "_over",
        "_reads_on",
        "_timer",
        "_world",
        "client",
        "dialect",
        "guards",
        "kind",
        "left_at",
        "opened",
        "policing",
        "rule",
        "said_at",
        "secrets",
    )

    def __init__(
        self,
        world: World,
        client: ClientStream,
        account: Account,
        kind: RouteType,
        over: Callable[[Outcome], None],
    ) -> None:
        self.client = client
        self._world = world
        self.dialect = world.dialect(DEFAULT_DIALECT)
        """What the client speaks."""
        self.speaks(kind)
        self.rule = _NO_RULE
        self.policing: Policing | None = None
        """Who has a say in the headers of the answer; None = nobody."""
        self.secrets: Sequence[str] = ()
        """What providers may quote of our credentials in their errors."""
        self.guards: Guarding | None = None
        """Of the answers of who is asked now, for what else it says in its errors; None = none."""
        self.opened = False
        """The client has the head of its answer."""
        self.left_at = 0.0
        """When the client went, if what its answer reports is wanted all the same; 0 = it has not."""
        self.said_at = account.request.received_at
        """When it was told something last, or when it began to wait."""
        self._account = account
        self._over: Callable[[Outcome], None] | None = over
        self._outcome: Outcome | None = None
        self._broken: Outcome | None = None
        """What became of it where a keep-alive could not be written."""
        self._timer: asyncio.TimerHandle | None = None
        self._reads_on = False

    def speaks(self, kind: RouteType) -> None:
        """Take note of what is asked, and so of what the client speaks; what belongs to no API leaves it as it was."""
        self.kind = kind
        if kind in CLIENT_DIALECTS:
            self.dialect = self._world.dialect(CLIENT_DIALECTS[kind])

    def terms(
        self,
        deadlines: Deadlines,
        max_whole_bytes: int,
        *,
        guards: Guarding | None = None,
        allowance: Allowance | None = None,
    ) -> Terms:
        """Return the terms for an answer that begins now."""
        account = self._account
        return Terms(
            started_at=account.request.received_at,
            asked_at=account.asked_at,
            now=self._world.clock(),
            deadlines=deadlines,
            streaming=self.rule.streaming,
            max_whole_bytes=max_whole_bytes,
            keep_alive=self.dialect.facts.keep_alive,
            opened=self.opened,
            said_at=self.said_at,
            redact=partial(  # our own method would make a circle of objects
                redact, secrets=self.secrets, guards=self.guards, tally=account.quoted
            ),
            left_at=self.left_at,
            guards=guards,
            allowance=allowance,
            transcript=None if account.witness is None else account.witness.listens(),
        )

    def asks(self, outbound: Outbound, request: Request, chat: ChatRequest | None) -> None:
        """Take note of whom the client's request, as it is by now, is put to, and how."""
        self._account.put = chat
        self.secrets = outbound.secrets(request)
        if chat is not None:
            self.keep_company(chat)

    def redact(self, error: SluiceError) -> None:
        """Take out of an error what nobody is to see."""
        redact(error, self.secrets, self.guards, self._account.quoted)

    # -- while there is no answer yet ---------------------------------------------------------------------------------

    def keep_company(self, chat: ChatRequest) -> None:
        """Send a keep-alive whenever the client of a stream has waited long enough, until `quiet`, or until the request
        is put to somebody as no stream. `chat`: as it is put to targets."""
        streaming = self.rule.streaming
        if self.left or not self.dialect.facts.keep_alive or not streaming.keep_alive_s:
            return
        if not chat.stream:
            if not self.opened:
                self.quiet()
            return
        if self._timer is None:
            wait = streaming.keep_alive_s if self.opened else max(streaming.keep_alive_s, streaming.commit_after_s)
            due = self.said_at + wait - self._world.clock()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due), self._beat, chat)

    def _beat(self, chat: ChatRequest) -> None:
        self._timer = None
        try:
            if not self.opened:
                self.opens(chat)
            self.client.write(self.dialect.facts.keep_alive)
        except Exception as fault:  # nobody waits for a timer: who is at work hears that the client has gone
            self._world.fault(fault)
            self._broken = Outcome("internal", Internal("internal error"))
            observer = self.client.observer
            self.client.abort()
            if observer is not None:
                observer.client_gone()
            return
        self.said_at = self._world.clock()
        self.keep_company(chat)

    def opens(self, chat: ChatRequest) -> None:
        """Give the head of a stream that is nobody's yet, under a name of our own. `chat`: as it is put to targets."""
        account = self._account
        account.request_id = account.identity.request_id
        self.start(200, answers.chat_headers(None, account, chat), None)

    def quiet(self) -> None:
        """Somebody else keeps the client company now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the answer ---------------------------------------------------------------------------------------------------

    def start(self, status: int, headers: Sequence[Header], length: int | None, theirs: Sequence[Header] = ()) -> None:
        """Give the head. See `ClientStream.start`. `theirs`: all headers of the answer that it is of."""
        self.opened = True
        self._account.sent_status = status
        if self.policing is not None:
            headers = self.policing.dressed(status, headers, theirs)
        self.client.start(status, headers, length)

    def whole(self, status: int, headers: Sequence[Header], body: bytes, outcome: Outcome) -> None:
        """Give an answer that the gateway wrote itself."""
        self._account.replied_bytes = len(body)
        self.start(status, headers, len(body))
        self.finish(body, outcome)

    def fail(self, error: SluiceError, outcome: Outcome) -> None:
        """Tell the client, in its dialect, that there is no answer: with a status if it has none yet."""
        self.redact(error)
        account = self._account
        if self.left or self._broken is not None:
            self.gone(CLIENT_GONE)
        elif not self.opened:
            said = answers.error_reply(error, self.dialect, self.kind, account, self.rule)
            self.whole(*said, outcome)
        elif account.chat is not None:
            self.finish(answers.error_event(error, self.dialect, account, account.chat, self._world.wall()), outcome)
        else:
            self.abort(outcome)

    def finish(self, data: bytes, outcome: Outcome) -> None:
        """Give the last bytes. The answer is over once the client has taken them, leaves, or reads no more."""
        self.quiet()
        self._outcome = outcome
        self.client.observer = self
        slow_reader_s = self.rule.streaming.slow_reader_s
        if self.client.finish(data):
            self.gone(outcome)
        elif slow_reader_s:
            self._watch(SlowReader(slow_reader_s, self.client, self._world.clock()))

    def abort(self, outcome: Outcome) -> None:
        """Cut the connection: what the client has is not to be taken for a whole answer."""
        self.client.abort()
        self.gone(outcome)

    def gone(self, outcome: Outcome) -> None:
        """It is over, and nobody is left to be told anything."""
        self.quiet()
        self.client.observer = None  # no circle of objects is left for the collector to find
        outcome = self._broken or outcome
        if outcome.error is not None:
            outcome.error.let_go()
        if self._reads_on:
            self._reads_on = False
            self._world.reading_on -= 1
        over, self._over = self._over, None
        if over is not None:
            over(outcome)

    @property
    def ended(self) -> bool:
        """The last bytes were given."""
        return self._outcome is not None

    # -- the client, when it leaves or reads too slowly ---------------------------------------------------------------

    @property
    def read_on(self) -> bool:
        """The client has left, and the rest of its answer is read all the same."""
        return self._reads_on

    @property
    def left(self) -> bool:
        """The client is gone, and what its answer reports is wanted all the same."""
        return self.left_at > 0

    def may_read_on(self) -> bool:
        """The client has left: whether the rest of its answer is wanted all the same."""
        self._reads_on = self._reads_on or self._world.may_read_on(self.rule.streaming)
        return self._reads_on

    def reads_on(self, stop: Callable[[Outcome], None]) -> bool:
        """The same before there is an answer. `stop` is called if none comes in the time that the policy gives."""
        streaming = self.rule.streaming
        if self._broken is not None or not self.may_read_on():
            return False
        self.left_at = self._world.clock()
        self.quiet()
        if streaming.drain_s and streaming.on_disconnect == "drain":
            self._timer = asyncio.get_running_loop().call_later(streaming.drain_s, stop, CLIENT_GONE)
        return True

    def client_gone(self) -> None:
        outcome = self._outcome
        self.gone(CLIENT_GONE if outcome is None or outcome.kind == "completed" else outcome)

    def client_paused(self) -> None: ...

    def client_resumed(self) -> None:
        assert self._outcome is not None
        self.gone(self._outcome)

    def _watch(self, slow: SlowReader) -> None:
        wait = max(0.0, slow.deadline - self._world.clock())
        self._timer = asyncio.get_running_loop().call_later(wait, self._look, slow)

    def _look(self, slow: SlowReader) -> None:
        if slow.given_up(self._world.clock()):
            self.abort(SLOW_READER)
        else:
            self._watch(slow)
