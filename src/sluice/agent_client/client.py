"""`sluice.Client`: an agent server from Python.

    async with Client("http://localhost:8080") as client:
        thread = await client.threads.create()
        async for event in client.runs.stream("Tell me a story", thread=thread.id):
            if isinstance(event, TextDelta):
                print(event.text, end="")

A run lives on the server, so a broken connection costs nothing: the client comes back, says the number of the last
event that it has, and goes on behind it. A run is begun under a key of its own: a request that got lost on the way is
sent again and begins nothing twice. Source: agents.md D.4, D.6.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from sluice.agent_client.http import Http
from sluice.agents.ids import uuid7
from sluice.errors import Refused, SluiceError, Truncated, UpstreamError
from sluice.runs.events import TERMINAL, Codec, Event, TextDelta
from sluice.runs.messages import Message
from sluice.wire.sse import SseDecoder

T = TypeVar("T")
SILENCE_S = 60.0
"""Servers break a silence every 15 seconds at least: after four of them the connection is taken for dead."""
Input = str | Mapping[str, Any] | Message | Sequence[Message | Mapping[str, Any]]
"""A text, a message, several, or the input of a graph."""


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation."""

    id: str = msgspec.field(name="thread_id")
    status: str = "idle"
    metadata: dict[str, Any] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the server tells it."""

    id: str = msgspec.field(name="run_id")
    thread_id: str
    status: str
    error: dict[str, Any] | None = None
    output: list[Any] = []


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """What pressing a button came to."""

    success: bool = True
    message: str = ""
    attachments: list[dict[str, Any]] = []
    patch: dict[str, Any] | None = None


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that is served."""

    name: str
    version: str
    description: str = ""
    default: bool = False


class Client:
    """One server.

    `retries`: how often in a row it is tried again after a connection failed, waiting `backoff_s`, twice that and so on
    up to `most_s` seconds, each time a little less by chance; every event heard begins the count anew.

    Raises:
        ValueError: `url` is no address.
    """

    def __init__(
        self, url: str, *, key: str = "", retries: int = 6, backoff_s: float = 0.25, most_s: float = 8.0
    ) -> None:
        self._http = Http(url, key)
        self._retries, self._backoff_s, self._most_s = retries, backoff_s, most_s
        self.threads = Threads(self)
        self.runs = Runs(self)

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. Runs go on."""
        self._http.close()

    async def agents(self) -> list[AgentInfo]:
        """Return the agents that are served."""
        return await self.ask("GET", "/agents", into=list[AgentInfo])

    async def press(self, token: str) -> Pressed:
        """Press a button of an answer.

        Raises:
            Refused: it was pressed before (409), is too old or somebody else's (403), or its handler said no.
        """
        headers = {"idempotency-key": uuid7()}
        return await self.ask("POST", "/callback", {"token": token}, into=Pressed, headers=headers)

    async def ask(
        self, method: str, path: str, body: object = None, *, into: type[T], headers: Mapping[str, str] | None = None
    ) -> T:
        """Send a request that may be sent twice, and return its answer as this type.

        Raises:
            Refused: the server said no; `status` and `code` say how.
            UpstreamError: it could not be asked, however often that was tried.
        """
        attempt = 0
        while True:
            try:
                answer = await self._http.ask(method, path, body, headers=headers)
                break
            except UpstreamError as error:
                attempt += 1
                await self.wait_after(error, attempt)
        return msgspec.json.decode(answer.body or b"null", type=into)

    async def wait_after(self, error: SluiceError, attempt: int) -> None:
        """Wait before the next attempt, or raise the error if it is no use or there were enough."""
        if attempt > self._retries or (isinstance(error, Refused) and error.status not in (429, 502, 503, 504)):
            raise error
        wait = min(self._most_s, self._backoff_s * 2 ** (attempt - 1))
        await asyncio.sleep(wait * (0.5 + random.random() / 2))  # noqa: S311  # so that clients do not come all at once

    async def events(self, path: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """Give the events of a stream up to its terminal one, coming back behind the last one heard."""
        attempt = 0
        while True:
            heard = after
            try:
                async with aclosing(self._read(path, after)) as events:
                    async for event in events:
                        after = event.seq
                        yield event
                        if isinstance(event, TERMINAL):
                            return
                raise Truncated("the stream ended before the run's end")
            except UpstreamError as error:
                attempt = 1 if after > heard else attempt + 1
                await self.wait_after(error, attempt)

    async def _read(self, path: str, after: int) -> AsyncGenerator[Event, None]:
        headers = {"accept": "text/event-stream", **({"last-event-id": str(after)} if after else {})}
        decoder = SseDecoder()
        opened = self._http.open("GET", path, headers=headers, within_s=SILENCE_S)
        async with opened as body, aclosing(body.pieces(SILENCE_S)) as pieces:
            async for piece in pieces:
                for frame in decoder.feed(piece):
                    if frame.data is not None:
                        yield Codec.decode(frame.data)
                if decoder.fault is not None:
                    raise decoder.fault


class Threads:
    """`client.threads`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, id: str = "", metadata: Mapping[str, Any] | None = None) -> Thread:  # noqa: A002 - the field's name
        """Begin a conversation, or find the one of that id."""
        body = {"thread_id": id or uuid7(), "metadata": metadata or {}, "if_exists": "do_nothing"}
        return await self._client.ask("POST", "/threads", body, into=Thread)

    async def get(self, id: str) -> Thread:  # noqa: A002 - the field's name
        """Return a conversation.

        Raises:
            Refused: there is none (404).
        """
        return await self._client.ask("GET", f"/threads/{_name(id)}", into=Thread)

    async def messages(self, id: str) -> list[Message]:  # noqa: A002 - the field's name
        """Return what was said in a conversation."""
        return await self._client.ask("GET", f"/threads/{_name(id)}/messages", into=list[Message])

    async def delete(self, id: str) -> None:  # noqa: A002 - the field's name
        """Forget a conversation."""
        await self._client.ask("DELETE", f"/threads/{_name(id)}", into=object)


class Runs:
    """`client.runs`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(
        self,
        input: Input,  # noqa: A002 - the field's name
        *,
        agent: str = "",
        thread: str = "",
        metadata: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        request_id: str = "",
    ) -> Run:
        """Begin a run. Without a thread its messages are not kept. The same `request_id` is the same run."""
        body = {
            "agent": agent,
            "input": _input(input),
            "metadata": metadata or {},
            "config": {"configurable": dict(settings or {})},
            "if_not_exists": "create",
        }
        path = f"/threads/{_name(thread)}/runs" if thread else "/runs"
        headers = {"idempotency-key": request_id or uuid7()}
        return await self._client.ask("POST", path, body, into=Run, headers=headers)

    async def stream(self, input: Input, **options: Any) -> AsyncGenerator[Event, None]:  # noqa: A002 - the field's name
        """Begin a run and give its events as they come, to its end. Options as `start` has them. Leaving the loop ends
        the watching, not the run."""
        run = await self.start(input, **options)
        async with aclosing(self.watch(run.id)) as events:
            async for event in events:
                yield event

    def watch(self, run: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """Give the events of a run beyond `after`, of one that is over too."""
        return self._client.events(f"/runs/{_name(run)}/stream", after)

    async def text(self, input: Input, **options: Any) -> str:  # noqa: A002 - the field's name
        """Begin a run and return what it said, when it has ended. Options as `start` has them."""
        async with aclosing(self.stream(input, **options)) as events:
            said = [event.text async for event in events if isinstance(event, TextDelta) and event.channel == "text"]
        return "".join(said)

    async def get(self, run: str) -> Run:
        """Return a run as it stands.

        Raises:
            Refused: there is none (404).
        """
        return await self._client.ask("GET", f"/runs/{_name(run)}", into=Run)

    async def cancel(self, run: str) -> Run:
        """Stop a run, and return it when it has stopped."""
        return await self._client.ask("POST", f"/runs/{_name(run)}/cancel?wait=1", into=Run)

    async def resume(self, run: str, value: Any = None, *, answers: Mapping[str, Any] | None = None) -> Run:
        """Answer what an interrupted run asked, and return the run that goes on. `answers`: by the questions' ids,
        where there are several; else `value` is the one."""
        headers = {"idempotency-key": uuid7()}
        given = {id: {"value": answer} for id, answer in (answers or {}).items()}  # noqa: A001 - the field's name
        body = {"answers": given} if given else {"value": value}
        return await self._client.ask("POST", f"/runs/{_name(run)}/resume", body, into=Run, headers=headers)


def _name(text: str) -> str:
    return quote(text, safe="")


def _input(given: Input) -> object:
    """An input as the server takes it."""
    if isinstance(given, str):
        return {"messages": [{"role": "user", "content": given}]}
    if isinstance(given, Message):
        return {"messages": [given]}
    if isinstance(given, Mapping):
        return given if "role" not in given else {"messages": [given]}
    return {"messages": list(given)}
