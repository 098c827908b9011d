"""Runs in Redis, for several workers. Implements `agents.ports.Store`.

What Redis keeps over a crash of its own is for its operator to say (`appendonly yes`). Searches read all threads of an
owner, or all items below a namespace: for many thousands of them PostgreSQL is the better place.
"""

from collections.abc import Callable, Sequence

from sluice.config.store_url import RedisUrl
from sluice.runs.records import LIVE, Run, RunStatus
from sluice.stores import runs_redis_desk as desk
from sluice.stores import runs_redis_scripts as lua
from sluice.stores.runs_keys import decode_run, encode, search
from sluice.stores.runs_logged import LoggedRuns
from sluice.stores.runs_pen import MAX_WAITING_BYTES, Entry
from sluice.stores.runs_redis_items import RedisItems
from sluice.stores.runs_redis_threads import RedisThreads

LOG_MS = 24 * 3_600_000
"""How long a log lives after its last event, whoever sweeps."""


class RedisRuns(LoggedRuns, RedisThreads, RedisItems):
    """One per process. `now` gives milliseconds since 1970."""

    def __init__(self, url: RedisUrl, now: Callable[[], int], *, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        super().__init__(max_waiting_bytes=max_waiting_bytes)
        self._now = now
        self._desk = desk.RedisDesk(url, grown=self._growth.reached, told=self._heard, back=self._growth.look_again)

    async def open(self) -> None:
        await self._desk.open()
        await self._begin()

    async def close(self) -> None:
        if await self._end():
            await self._desk.close()

    # -- log ----------------------------------------------------------------------------------------------------------

    async def read(self, run_id: str, after: int, limit: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < limit:
            words = (max(0, after) + 1, limit - len(found), desk.PAGE_BYTES)
            reply = await self._desk.ask(desk.READ, [lua.key("log", run_id)], words)
            last, *events = [part for part in reply if isinstance(part, bytes)] if isinstance(reply, list) else [b"0"]
            if not events:
                break
            found += events
            after = int(last)
        return found

    async def _last(self, run_id: str) -> int:
        newest = await self._desk.call(lua.key("log", run_id), "XREVRANGE", "+", "-", "COUNT", 1)
        if isinstance(newest, list) and newest and isinstance(newest[0], list) and isinstance(newest[0][0], bytes):
            return int(newest[0][0].partition(b"-")[0])
        return 0

    async def _write(self, group: Sequence[Entry]) -> None:
        logs: dict[str, list[desk.Word]] = {}
        for run_id, seq, data in group:
            logs.setdefault(run_id, []).extend((seq, data))
        lasts = [f"{events[-2]!s} {run_id}" for run_id, events in logs.items()]
        said = "\n".join(["grown", self._desk.teller, *lasts])
        words: list[desk.Word] = [LOG_MS, self._desk.channel, said]
        for events in logs.values():
            words += (len(events) // 2, *events)
        await self._desk.ask(desk.APPEND, [lua.key("log", run_id) for run_id in logs], words)

    # -- runs ---------------------------------------------------------------------------------------------------------

    async def create_run(self, run: Run) -> Run:
        reply = await self._desk.ask(desk.SAVE_RUN, _run_keys(run), _run_words(run, fresh=True))
        assert isinstance(reply, bytes)
        return decode_run(reply)

    async def put_run(self, run: Run) -> None:
        await self._desk.ask(desk.SAVE_RUN, _run_keys(run), _run_words(run, fresh=False))

    async def get_run(self, run_id: str) -> Run | None:
        body = await self._desk.bytes_of(lua.RUNS, "HGET", run_id)
        return None if body is None else decode_run(body)

    async def find_run(self, owner: str, request_id: str, agent: str = "") -> Run | None:
        if agent:
            found = await self._desk.bytes_of(lua.REQUESTS, "HGET", _request(owner, agent, request_id))
        else:
            found = next(iter(await self._desk.names_of(lua.key("asked", owner, request_id), "ZREVRANGE", 0, 0)), None)
        return None if found is None else await self.get_run(found.decode())

    async def list_runs(
        self, owner: str, thread_id: str, *, status: RunStatus | None = None, limit: int = 10, offset: int = 0
    ) -> list[Run]:
        async def page(size: int, start: int) -> list[Run]:
            ids = await self._desk.names_of(lua.key("of", owner, thread_id), "ZREVRANGE", start, start + size - 1)
            return [decode_run(body) for body in await self._desk.many(lua.RUNS, ids)]

        if status is None:
            return await page(limit, offset) if limit else []
        return await search(page, lambda run: run.status == status, limit, offset)

    async def live_runs(self) -> list[Run]:
        ids = await self._desk.names_of(lua.LIVE, "ZRANGE", 0, -1)
        return [decode_run(body) for body in await self._desk.many(lua.RUNS, ids)]

    async def delete_run(self, run_id: str) -> None:
        self._pen.forget(run_id)
        run = await self.get_run(run_id)
        if run is not None:
            keys = [*_run_keys(run)[:-1], lua.key("log", run_id)]
            await self._desk.ask(desk.DELETE_RUN, keys, [run_id, _request(run.owner, run.agent, run.request_id)])

    async def delete_thread(self, owner: str, thread_id: str) -> bool:
        for run_id in await self._desk.names_of(lua.key("of", owner, thread_id), "ZRANGE", 0, -1):
            await self.delete_run(run_id.decode())
        return await self.forget_thread(owner, thread_id)

    # -- coordination -------------------------------------------------------------------------------------------------

    async def acquire(self, name: str, worker: str, now: int, until: int) -> bool:
        return await self._desk.ask(desk.ACQUIRE, [lua.key("lease", name)], [worker, now, until]) == 1

    async def release(self, name: str, worker: str) -> None:
        await self._desk.ask(desk.RELEASE, [lua.key("lease", name)], [worker])

    async def tell(self, topic: str, message: bytes) -> None:
        words: list[desk.Word] = [self._desk.teller, topic, message, self._desk.channel]
        await self._desk.ask(desk.TELL, [lua.TOLD], words)
        self._heard(topic, message)

    async def sweep(self, now: int, events_before: int) -> None:
        ended = (lua.ENDED, "ZRANGEBYSCORE", "-inf", f"({events_before}", "LIMIT", 0, desk.MANY)
        while ids := await self._desk.names_of(*ended):
            logs = [lua.key("log", run_id.decode()) for run_id in ids]
            await self._desk.ask(desk.FORGET_LOGS, [lua.ENDED, *logs], ids)
        expired = (lua.EXPIRING, "ZRANGEBYSCORE", "-inf", now, "LIMIT", 0, desk.MANY)
        while names := await self._desk.names_of(*expired):
            await self.delete_names(names)


def _request(owner: str, agent: str, request_id: str) -> bytes:
    return encode((owner, agent, request_id)) if request_id else b""


def _run_keys(run: Run) -> list[bytes]:
    of_it = (lua.key("asked", run.owner, run.request_id), lua.key("of", run.owner, run.thread_id))
    return [lua.RUNS, lua.LIVE, lua.ENDED, lua.REQUESTS, *of_it, lua.NEXT]


def _run_words(run: Run, *, fresh: bool) -> list[desk.Word]:
    request = _request(run.owner, run.agent, run.request_id)
    return [run.id, encode(run), request, int(run.status in LIVE), run.finished, int(fresh)]
