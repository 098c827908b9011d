"""The agents' way to models: a request put to this process's own gateway, with no socket between the two.

So an agent's model calls have what every client's have: keys, guards, limits, fail-over, one record each. The gateway
sees a client of chat completions (`in_process.Ear`); what it writes is decoded into chunks. A slow agent holds up the
provider as a slow client would, and one that stops reading closes the provider's connection.
"""

from collections.abc import AsyncIterator, Iterator

import msgspec

from sluice.agents.asking import body
from sluice.agents.model import Chunk, ModelRequest, ToolCallDelta
from sluice.agents.trail import trail
from sluice.chat import events as chat
from sluice.chat.usage import Usage
from sluice.config.plan import Entry, Listener, Plan
from sluice.dialects.dialect import Dialect
from sluice.errors import (
    BudgetExceeded,
    ConfigError,
    GuardRejected,
    Overloaded,
    RateLimited,
    SluiceError,
    Truncated,
)
from sluice.gateway.gateway import Gateway
from sluice.gateway.ports import Request
from sluice.net.in_process import Ear
from sluice.policies.principal import Principal
from sluice.runs.events import TokenUsage
from sluice.standard import CLIENT_DIALECTS
from sluice.wire.http1 import Header
from sluice.wire.sse import SseDecoder

CHAT = "/v1/chat/completions"
OK = 200
_LABELS = {"agent": "gen_ai.agent.name", "thread": "gen_ai.conversation.id", "run": "sluice.run.id"}
"""What a request says of itself -> the field of the access log (OpenTelemetry's GenAI conventions, read 2026-11-21)."""
_OWN: tuple[type[RateLimited] | type[Overloaded], ...] = (BudgetExceeded, RateLimited, Overloaded)


class Place(msgspec.Struct, frozen=True):
    """Where in a plan models are asked for."""

    port: int
    host: str
    path: str


def place_in(plan: Plan) -> Place:
    """Return the unified address of a plan, or if it has none, the first that leads to models.

    Raises:
        ConfigError: nothing in it leads to a model.
    """
    for listener, entry in _entries(plan):
        if entry.answer == "by_model" and (entry.match.path.value in ("/", "/v1") or entry.match.path.value == CHAT):
            return Place(listener.port, _host(listener, entry), CHAT)
    for listener, entry in _entries(plan):
        path = entry.match.path
        if (
            entry.answer == "backends"
            and path.kind != "RegularExpression"
            and any(
                weighted.backend is not None and hasattr(weighted.backend, "groups") for weighted in entry.rule.backends
            )
        ):
            base = path.value.removesuffix("/chat/completions").rstrip("/")
            return Place(listener.port, _host(listener, entry), path.value if path.kind == "Exact" else base + CHAT[3:])
    raise ConfigError("no route of it leads to a model that agents could ask")


def _entries(plan: Plan) -> Iterator[tuple[Listener, Entry]]:
    """Those that ask for no header of a client's."""
    for listener in plan.listeners:
        yield from ((listener, entry) for entry in listener.entries if not entry.match.headers)


def _host(listener: Listener, entry: Entry) -> str:
    return (entry.hostname or listener.hostname or "localhost").replace("*", "agents")


class ModelRoad:
    """Implements `agents.ports.Models`. `default_model`: what an agent asks that names none."""

    def __init__(self, gateway: Gateway, default_model: str = "") -> None:
        self._gateway = gateway
        self._default_model = default_model
        self._dialect = gateway.dialect(CLIENT_DIALECTS["completions"])
        self._known: tuple[Plan, Place] | None = None

    def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        return self._ask(request)

    async def _ask(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        ear = Ear()
        self._gateway.handle(self._request(request), ear)
        try:
            status = await ear.status()
            if status != OK:
                raise refusal(self._dialect, status, await ear.rest(), ear.header(b"retry-after"))
            hearing = Hearing()
            async for event in _events(self._dialect, ear):
                chunk = hearing.step(event)
                if chunk is not None:
                    yield chunk
            yield hearing.last()
        finally:
            ear.leave()

    def _request(self, request: ModelRequest) -> Request:
        place = self._place()
        model = request.model or self._default_model
        headers: list[Header] = [(b"host", place.host.encode()), (b"content-type", b"application/json")]
        if request.credential:
            headers.append((b"authorization", f"Bearer {request.credential}".encode()))
        headers += trail()
        user = request.metadata.get("user", "")
        said = request.metadata
        return Request(
            method="POST",
            path=place.path,
            query="",
            headers=tuple(headers),
            body=body(request, model),
            http_version="HTTP/1.1",
            peer="127.0.0.1:0",
            port=place.port,
            received_at=self._gateway.clock(),
            vouched=None if request.credential else _principal(user),
            labels=tuple((field, said[name]) for name, field in _LABELS.items() if said.get(name)),
        )

    def _place(self) -> Place:
        plan = self._gateway.active.plan
        if self._known is None or self._known[0] is not plan:
            self._known = (plan, place_in(plan))
        return self._known[1]


def _principal(user: str) -> Principal:
    """The user of a run, whom the agent server has recognised."""
    kind, colon, name = user.partition(":")
    if colon and kind in ("jwt", "api_key", "basic", "external"):
        return Principal(kind=kind, id=name)  # type: ignore[arg-type]  # one of the kinds
    return Principal(kind="external", id=user) if user else Principal()


def refusal(dialect: Dialect, status: int, told: bytes, retry_after: str = "") -> SluiceError:
    """Return an answer that is none as the error that it was: the gateway's own by their codes."""
    read = dialect.read_error(status, told)
    seconds = int(retry_after) if retry_after.isdigit() else None
    error: SluiceError = read
    own = next((kind for kind in _OWN if read.code == kind.code), None)
    if own is not None:
        error = own(str(read))
    if read.code == GuardRejected.code:
        error = GuardRejected(str(read), status=status)
    if type(error) is RateLimited:
        error.retryable = True  # a limit of a minute passes, whoever set it; a budget does not
    error.param, error.retry_after_s = read.param, seconds
    return error


async def _events(dialect: Dialect, ear: Ear) -> AsyncIterator[chat.Event]:
    """
    Raises:
        ProtocolError: the gateway passed on what is no event of the dialect.
        Truncated: the answer broke off.
    """
    if not ear.header(b"content-type").startswith("text/event-stream"):
        for event in dialect.read_answer(await ear.rest()):
            yield event
        return
    decoder, frames = dialect.decoder(keep_leftovers=False), SseDecoder()
    while data := await ear.read():
        for frame in frames.feed(data):
            for event in decoder.decode(frame):
                yield event
        if frames.fault is not None:
            raise frames.fault


class Hearing:
    """Events of an answer to chunks. The finish reason and the usage come last, in one."""

    def __init__(self) -> None:
        self._model = ""
        self._finish = ""
        self._usage: TokenUsage | None = None
        self._ended = False

    def step(self, event: chat.Event) -> Chunk | None:
        """Return what an event says, if it says something now.

        Raises:
            SluiceError: it says that the provider failed.
        """
        match event:
            case chat.TextDelta(choice=0):
                if not event.text:
                    return None
                if event.channel == "reasoning":
                    return Chunk(reasoning=event.text, model=self._model)
                return Chunk(text=event.text, model=self._model)
            case chat.ToolCallStarted(choice=0):
                call = ToolCallDelta(index=event.index, id=event.id, name=event.name)
                return Chunk(tool_calls=(call,), model=self._model)
            case chat.ToolCallDelta(choice=0):
                call = ToolCallDelta(index=event.index, arguments=event.arguments)
                return Chunk(tool_calls=(call,), model=self._model)
            case chat.Started():
                self._model = event.model
            case chat.ChoiceFinished(choice=0):
                self._finish = event.reason
            case chat.Reported():
                self._usage = tokens(event.usage)
            case chat.Ended():
                self._ended = True
            case chat.Failed():
                raise event.error
        return None

    def last(self) -> Chunk:
        """Return the last chunk of a whole answer.

        Raises:
            Truncated: it is not whole.
        """
        if not self._ended:
            raise Truncated("the answer of the model broke off")
        return Chunk(finish_reason=self._finish, usage=self._usage, model=self._model)


def tokens(usage: Usage) -> TokenUsage:
    """Return a model call's counts as a run's."""
    return TokenUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
