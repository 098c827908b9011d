"""The outside, as agents see it: a store, models, a clock. Implemented by `stores` and `net`, doubled by tests."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Literal, Protocol

from sluice.agents.model import Chunk, ModelRequest
from sluice.runs.messages import Message
from sluice.runs.records import Checkpoint, Item, Run, RunStatus, Thread, ThreadStatus
from sluice.wire.http1 import Header

Now = Callable[[], int]
"""Milliseconds since 1970."""
Clock = Callable[[], float]
"""Monotonic seconds."""


class Timer(Protocol):
    """What `Later` gives: it may be called off."""

    def cancel(self) -> None: ...


Later = Callable[[float, Callable[[], None]], Timer]
"""Call back in so many seconds; plain call from the event loop."""


class RunTraces(Protocol):
    """Who traces runs."""

    def began(self, run: Run, trail: tuple[Header, ...]) -> tuple[Header, ...]:
        """Begin the span of a run that was asked with these headers of a trace; return those for the calls it makes."""
        ...

    def left(self, run: Run) -> None:
        """The run has ended, or is another worker's. Must not raise."""
        ...


class Log(Protocol):
    """The events of all runs, append-only."""

    committed: Callable[[str, int], None] | None
    """Told the last number of a run's events that is safe now; plain call, from the event loop."""
    lost: Callable[[str], None] | None
    """Told of a run whose events are not kept from now on, because more waits to be written than memory may hold: its
    log ends where it is, without a gap. Plain call, from the event loop; may come from inside `append`."""

    def append(self, run_id: str, seq: int, data: bytes) -> None:
        """Take an event to be written with the next group, at most 5 ms or 64 events later. Numbers of one run come in
        order, without gaps. Never waits, never raises: a store that cannot write tries again, within bounded memory,
        and says so at `flush`. A number that is there already stays as it is."""
        ...

    async def flush(self) -> None:
        """Return when everything appended before this call is as safe as the store makes it.

        Raises:
            StoreFailed: it could not be written.
        """
        ...

    async def read(self, run_id: str, after: int, limit: int) -> list[bytes]:
        """Return up to `limit` events with numbers above `after`, in order."""
        ...

    async def grown(self, run_id: str, after: int, timeout_s: float) -> bool:
        """Wait until the log has an event beyond `after`, at most so long. For runs of other workers."""
        ...


class Runs(Protocol):
    """Records of runs."""

    async def create_run(self, run: Run) -> Run:
        """Keep a new run and return it; or return the one that has its owner, agent and request id already. Of two
        at the same time one is kept."""
        ...

    async def put_run(self, run: Run) -> None:
        """Replace the record of a run. One that has ended, at some time, stays as it ended: who stood still meanwhile
        and was taken for dead changes nothing any more."""
        ...

    async def get_run(self, run_id: str) -> Run | None: ...

    async def find_run(self, owner: str, request_id: str, agent: str = "") -> Run | None:
        """Return the newest run of that request id; of any agent if none is named."""
        ...

    async def list_runs(
        self, owner: str, thread_id: str, *, status: RunStatus | None = None, limit: int = 10, offset: int = 0
    ) -> list[Run]:
        """Return the runs of a thread, newest first."""
        ...

    async def live_runs(self) -> list[Run]:
        """Return all runs that are pending or running, of all owners and workers."""
        ...

    async def delete_run(self, run_id: str) -> None:
        """Forget a run and its events."""
        ...


class Threads(Protocol):
    """Conversations. Everything about one is under its owner: what belongs to another is not there."""

    async def create_thread(self, thread: Thread) -> Thread:
        """Keep a new thread and return it, or return the one that has its owner and id already."""
        ...

    async def put_thread(self, thread: Thread) -> None: ...

    async def get_thread(self, owner: str, thread_id: str) -> Thread | None: ...

    async def delete_thread(self, owner: str, thread_id: str) -> bool:
        """Forget a thread with its runs, events, messages and checkpoints. Return whether it was there."""
        ...

    async def search_threads(
        self,
        owner: str,
        *,
        metadata: dict[str, Any] | None = None,
        status: ThreadStatus | None = None,
        ids: Sequence[str] | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: Literal["created", "updated", "status", "id"] = "updated",
        descending: bool = True,
    ) -> list[Thread]:
        """Return the threads that match all of it; `metadata` matches if each of its keys has that value."""
        ...

    async def add_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        """Put messages at the end of a thread. One whose id is there already takes its place."""
        ...

    async def list_messages(self, owner: str, thread_id: str, *, limit: int = 0) -> list[Message]:
        """Return a thread's messages, oldest first; with a limit the newest of them."""
        ...

    async def replace_messages(self, owner: str, thread_id: str, messages: Sequence[Message]) -> None:
        """Make these the messages of a thread."""
        ...

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint at the end of its namespace; one whose id is there already takes its place."""
        ...

    async def get_checkpoint(
        self, owner: str, thread_id: str, *, ns: str = "", checkpoint_id: str = ""
    ) -> Checkpoint | None:
        """Return one checkpoint, or without an id the newest."""
        ...

    async def list_checkpoints(
        self, owner: str, thread_id: str, *, ns: str = "", limit: int = 10, before: str = ""
    ) -> list[Checkpoint]:
        """Return checkpoints, newest first; `before` is the id of one that is not returned, nor any newer."""
        ...


class Items(Protocol):
    """Values by namespace and key. What has expired is not there."""

    async def put_item(self, item: Item) -> None:
        """Keep an item, JSON as it is; one that is there is replaced, and `created` stays as it was.

        Raises:
            TypeError: its value is no JSON.
        """
        ...

    async def swap_item(self, item: Item, expected: Item | None) -> bool:
        """Replace an item if it still is what the caller read (None = is not there). Atomic among all workers."""
        ...

    async def get_item(self, namespace: tuple[str, ...], key: str) -> Item | None: ...

    async def delete_item(self, namespace: tuple[str, ...], key: str) -> bool: ...

    async def search_items(
        self,
        prefix: tuple[str, ...],
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the protocol's own name
        limit: int = 10,
        offset: int = 0,
    ) -> list[Item]:
        """Return the items below a namespace, newest change first; a filter matches as thread metadata does."""
        ...

    async def namespaces(
        self, prefix: tuple[str, ...], *, max_depth: int = 0, limit: int = 100, offset: int = 0
    ) -> list[tuple[str, ...]]:
        """Return the namespaces in use below a prefix, sorted; cut to `max_depth` elements, 0 = whole."""
        ...

    async def clear(self, prefix: tuple[str, ...]) -> int:
        """Delete all items below a namespace and return how many there were."""
        ...


class Coordination(Protocol):
    """What workers tell each other."""

    async def acquire(self, name: str, worker: str, now: int, until: int) -> bool:
        """Take or renew a lease; False if another holds it and it has not run out."""
        ...

    async def release(self, name: str, worker: str) -> None: ...

    async def tell(self, topic: str, message: bytes) -> None:
        """Tell all workers, this one too."""
        ...

    def hear(self, listener: Callable[[str, bytes], None]) -> None:
        """Have every message from now on handed over; plain calls from the event loop. Once, before `open`."""
        ...


class Store(Log, Runs, Threads, Items, Coordination, Protocol):
    """All of it. One conformance suite, tests/stores/runs, holds for each implementation."""

    async def open(self) -> None:
        """Connect and bring the schema up to date.

        Raises:
            ConfigError: it cannot be used; says why, without the password.
        """
        ...

    async def close(self) -> None:
        """Write what is waiting, and let go."""
        ...

    async def sweep(self, now: int, events_before: int) -> None:
        """Forget expired items, the events of runs that ended before `events_before`, and those of no run, unless they
        go by themselves within a day."""
        ...


class Models(Protocol):
    """The way to models: the gateway's own road, in process."""

    def stream(self, request: ModelRequest) -> AsyncIterator[Chunk]:
        """Ask a model and give what it says as it comes; the last chunk carries the finish reason and the usage.

        Closing the iterator closes the connection to the provider.

        Raises:
            SluiceError: the gateway's or the provider's refusal, with its status.
        """
        ...
