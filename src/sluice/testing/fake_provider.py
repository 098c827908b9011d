"""A provider without a model: every dialect on 127.0.0.1, deterministic, timed, scriptable. No key needed.

For Sluice's tests and for yours, for `sluice fake`, and behind `/fake` of a gateway without a key. Everything it
answers is a `Script`; what it was asked and how its answers ended is in plain attributes.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from sluice.errors import SluiceError
from sluice.gateway.ports import ClientStream, Request
from sluice.testing.fake_desk import Answer, Desk, Options
from sluice.testing.fake_doors import dialect_of
from sluice.testing.fake_fault import At, Fault, InBand, checked
from sluice.testing.fake_line import Line
from sluice.testing.fake_lines import Lines
from sluice.testing.fake_player import Ending, Player
from sluice.testing.fake_rules import Match, Rule
from sluice.testing.fake_script import EndOf, Pause, Script, Twist, cut, instead, whole
from sluice.testing.fake_sight import Book, ConnectionSight, Sight, Watch
from sluice.testing.fake_wall import Wall
from sluice.wire.http1 import Header

__all__ = [
    "At",
    "ConnectionSight",
    "FakeProvider",
    "Fault",
    "InBand",
    "Match",
    "Options",
    "Pause",
    "Rule",
    "Script",
    "Sight",
    "Twist",
    "cut",
    "instead",
    "whole",
]

LOOK_S = 0.002
"""How often `until` looks."""
REMEMBERED_BYTES = 16 << 20
"""Bodies of past requests that are kept for tests to look at; older ones are forgotten first."""


_AS_FAST_AS_READ = Options()


class FakeProvider:
    """One fake provider. `await start()`, and `await close()` at the end; or `async with`, which does both.

    Raises:
        ValueError: one of `options.replay` is no recorded stream, or two are of one dialect.
    """

    def __init__(self, options: Options = _AS_FAST_AS_READ, *, wall: Callable[[], float] = time.time) -> None:
        self.options = options
        self.port = 0
        self.requests: deque[Request] = deque()
        """The last requests, the newest at the right: `options.remember` of them, `REMEMBERED_BYTES` at most."""
        self._remembered = 0
        self.seen = 0
        """Requests so far, those that were refused included."""
        self.finished = 0
        """Answers that were played to their end."""
        self.cut = 0
        """Answers that ended early because a script said so, or `close` was called."""
        self.aborted = 0
        """Answers during which the client closed its connection."""
        self._desk = Desk(options, wall)
        self._next: deque[Twist | Fault] = deque()
        """What becomes of the next answers."""
        self._players: set[Player] = set()
        self._book = Book()
        self._lines = Lines(self._called, self._left)
        self._wall: Wall | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port: `port`, or a free one if that is 0.

        Raises:
            OSError: the address cannot be listened on.
        """
        if self.options.never_accept:
            self._wall = Wall()
            self.port = await self._wall.start(host, port)
        else:
            self.port = await self._lines.start(host, port, tls)
        return self.port

    async def close(self) -> None:
        """Cut every connection and listen no longer. Calling it again, or without `start`, does nothing."""
        if self._wall is not None:
            self._wall.close()
        if self._lines.deafen():
            for player in list(self._players):
                player.stop()
            await self._lines.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def url(self) -> str:
        """The `base_url` for clients of OpenAI's, and others that expect the version in it."""
        return f"{self.origin}/v1"

    @property
    def origin(self) -> str:
        """The `base_url` for clients of Anthropic's and Google's, and the endpoint for those of Amazon's and Azure."""
        return f"http://127.0.0.1:{self.port}"

    # -- scripts ------------------------------------------------------------------------------------------------------

    def script(self, *scripts: Script) -> None:
        """Answer the next requests with these, one each, whatever they ask for."""
        self._next.extend(map(instead, scripts))

    def answer_with(
        self,
        *,
        status: int = 200,
        headers: Sequence[Header] = (),
        body: bytes = b"",
        content_type: str = "application/json",
        times: int = 1,
    ) -> None:
        """Answer the next `times` requests with this body, whole."""
        self.script(*[whole(body, status=status, headers=headers, content_type=content_type)] * times)

    def cut_after(self, body_bytes: int, *, end: EndOf = "fin", times: int = 1) -> None:
        """Give the next `times` requests their usual answer, but end it so after that many bytes of its body.

        Raises:
            ValueError: `body_bytes` is negative.
        """
        self.twist(*[cut(body_bytes, end)] * times)

    def twist(self, *twists: Twist) -> None:
        """Change the next answers, each by one of these."""
        self._next.extend(twists)

    def fault(self, fault: Fault, *, times: int = 1) -> None:
        """Give the next `times` requests their usual answer, but with this fault, whatever else was said of it.

        Raises:
            ValueError: a member has a value that the JSON of a fault cannot have.
        """
        self._next.extend([checked(fault)] * times)

    # -- what it saw --------------------------------------------------------------------------------------------------

    @property
    def open_streams(self) -> int:
        """Answers under way, those that stall included."""
        return len(self._players)

    @property
    def open_connections(self) -> int:
        return self._lines.open

    @property
    def bytes_received(self) -> int:
        """From clients, heads included."""
        return self._lines.received

    @property
    def bytes_sent(self) -> int:
        """To clients, heads and framing included; raw scripts are not counted."""
        return self._lines.sent

    @property
    def sights(self) -> list[Sight]:
        """The last requests, and what became of their answers; newest last, `MAX_SIGHTS` at most."""
        return list(self._book.sights())

    def seen_of(self, *, tag: str | None = None, model: str | None = None, path: str | None = None) -> list[Sight]:
        """Return those of one tag, model, path; None = of any."""
        return list(self._book.sights(tag=tag, model=model, path=path))

    @property
    def connections(self) -> list[ConnectionSight]:
        """The last connections: those that are closed, in the order of their ends, then those that are open."""
        return self._lines.sights

    def reset(self) -> int:
        """Forget what was seen of requests, return of how many, and of closed connections; and count anew how often
        each rule was met."""
        self._desk.rules.reset()
        self._lines.forget()
        return self._book.forget()

    async def until(self, holds: Callable[[], bool], *, within_s: float = 5.0) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: it does not hold in time.
        """
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - anything may be asked, also what has no event
                await asyncio.sleep(LOOK_S)

    # -- requests -----------------------------------------------------------------------------------------------------

    def _called(self, line: Line, request: Request, client: ClientStream, error: SluiceError | None) -> None:
        self.serve(request, client, line.transport, error)

    def _left(self, line: Line, request: Request) -> None:
        """The client left before its request was whole, or before its turn came: no answer was begun."""
        self._watch(line, request, None).end("gone", line.left_s)

    def serve(
        self, request: Request, client: ClientStream, transport: asyncio.Transport, error: SluiceError | None
    ) -> None:
        """Answer a request, now and bit by bit. `error`: it is not fit to be read."""
        self._remember(request)
        line = self._lines.of(transport)
        change = self._next.popleft() if self._next else None
        answer = self._desk.serve(request, change if isinstance(change, Fault) else None, error)
        script = answer.script if change is None or isinstance(change, Fault) else change(answer.script)
        player = Player(script, client, line, self._watch(line, request, answer), self._ended)
        self._players.add(player)
        player.play()

    def _watch(self, line: Line, request: Request, answer: Answer | None) -> Watch:
        return self._book.open(
            Sight(
                tag="" if answer is None else answer.tag,
                dialect=dialect_of(request) if answer is None else answer.dialect,
                path=request.path,
                model="" if answer is None else answer.model,
                stream=answer is not None and answer.stream,
                connection=line.number,
                began_s=request.received_at,
                read_bytes=line.taken(),
            )
        )

    def _remember(self, request: Request) -> None:
        self.seen += 1
        self.requests.append(request)
        self._remembered += len(request.body)
        while len(self.requests) > self.options.remember or self._remembered > REMEMBERED_BYTES:
            self._remembered -= len(self.requests.popleft().body)

    def _ended(self, player: Player, how: Ending) -> None:
        self._players.discard(player)
        now = time.monotonic()
        match how:
            case "finished":
                self.finished += 1
            case "cut":
                self.cut += 1
            case "gone":
                self.aborted += 1
                now = player.line.left_s
        player.watch.end(how, now)
