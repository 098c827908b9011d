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

from sluice.config.plan import Limits
from sluice.errors import SluiceError
from sluice.gateway.ports import ClientStream, Request
from sluice.net.server import ServerConnection
from sluice.telemetry.metrics import ListenerCounters
from sluice.testing.fake_desk import Desk, Options
from sluice.testing.fake_player import Ending, Player
from sluice.testing.fake_script import EndOf, Pause, Script, Twist, cut, instead, whole
from sluice.wire.http1 import Header

__all__ = ["FakeProvider", "Options", "Pause", "Script", "Twist", "cut", "instead", "whole"]

BACKLOG = 4096
SWEEP_S = 1.0
"""How often connections are looked at whose time is over."""
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
        self._twists: deque[Twist] = deque()
        self._players: set[Player] = set()
        self._connections: set[ServerConnection] = set()
        self._counters = ListenerCounters()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0, *, tls: ssl.SSLContext | None = None) -> int:
        """Listen, and return the port: `port`, or a free one if that is 0.

        Raises:
            OSError: the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, host, port, backlog=BACKLOG, ssl=tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        return self.port

    async def close(self) -> None:
        """Cut every connection and listen no longer. Calling it again, or without `start`, does nothing."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._sweeper is not None:
            self._sweeper.cancel()
        server.close()
        for player in list(self._players):
            player.stop()
        for connection in list(self._connections):
            connection.transport.abort()
        await self.until(lambda: not self._connections)
        await server.wait_closed()

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
        self._twists.extend(map(instead, scripts))

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
        self._twists.extend(twists)

    # -- what it saw --------------------------------------------------------------------------------------------------

    @property
    def open_streams(self) -> int:
        """Answers under way, those that stall included."""
        return len(self._players)

    @property
    def open_connections(self) -> int:
        return len(self._connections)

    @property
    def bytes_received(self) -> int:
        """From clients, heads included."""
        return self._counters.received

    @property
    def bytes_sent(self) -> int:
        """To clients, heads and framing included; raw scripts are not counted."""
        return self._counters.sent

    async def until(self, holds: Callable[[], bool], *, within_s: float = 5.0) -> None:
        """Wait until something holds.

        Raises:
            TimeoutError: it does not hold in time.
        """
        async with asyncio.timeout(within_s):
            while not holds():  # noqa: ASYNC110 - anything may be asked, also what has no event
                await asyncio.sleep(LOOK_S)

    # -- connections --------------------------------------------------------------------------------------------------

    def _connection(self) -> ServerConnection:
        seat = _Seat(self.serve)
        seat.connection = ServerConnection(seat, Limits(), self._counters, self._connections)
        return seat.connection

    def _sweep(self) -> None:
        now = time.monotonic()
        for connection in [c for c in self._connections if c.deadline <= now]:
            connection.expire()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def serve(
        self, request: Request, client: ClientStream, transport: asyncio.Transport, error: SluiceError | None
    ) -> None:
        """Answer a request, now and bit by bit. `error`: it is not fit to be read."""
        self._remember(request)
        usual = self._desk.answer(request) if error is None else self._desk.refuse(error, request)
        script = self._twists.popleft()(usual) if self._twists else usual
        player = Player(script, client, transport, self._ended)
        self._players.add(player)
        player.play()

    def _remember(self, request: Request) -> None:
        self.seen += 1
        self.requests.append(request)
        self._remembered += len(request.body)
        while len(self.requests) > self.options.remember or self._remembered > REMEMBERED_BYTES:
            self._remembered -= len(self.requests.popleft().body)

    def _ended(self, player: Player, how: Ending) -> None:
        self._players.discard(player)
        match how:
            case "finished":
                self.finished += 1
            case "cut":
                self.cut += 1
            case "gone":
                self.aborted += 1


class _Seat:
    """The handler of one connection: an answer that ends without its framing's end needs the transport."""

    connection: ServerConnection

    def __init__(self, serve: Callable[[Request, ClientStream, asyncio.Transport, SluiceError | None], None]) -> None:
        self._serve = serve

    def handle(self, request: Request, client: ClientStream) -> None:
        self._serve(request, client, self.connection.transport, None)

    def refuse(self, error: SluiceError, request: Request, client: ClientStream) -> None:
        self._serve(request, client, self.connection.transport, error)

    def abandon(self, request: Request, client: ClientStream) -> None:
        """The client left before its request was whole: no answer was begun."""
