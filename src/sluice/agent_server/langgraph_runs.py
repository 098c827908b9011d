"""Runs as `langgraph-sdk` begins, reads and stops them: below a thread, and without one. agents.md C.4.

`?protocol=` reads any of these streams in another protocol; `Idempotency-Key` finds the run of a request again.
"""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sluice.agent_server.event_stream import in_header, stream_headers
from sluice.agent_server.langgraph_bodies import RunBody, asked_of
from sluice.agent_server.langgraph_errors import detail
from sluice.agent_server.langgraph_states import undo
from sluice.agent_server.run_json import run_json
from sluice.agent_server.run_streams import final_values, reading
from sluice.agent_server.server import Server, answering, as_json, cursor, number, takes
from sluice.agents.beginnings import forget
from sluice.errors import BadRequest, NotFound
from sluice.runs.records import LIVE, Run

MOST = 1000
"""Runs in one list, or in one batch."""
_STATUS = {"cancelled": "interrupted"}
"""Their words for ours."""


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `/runs/cancel`."""

    thread_id: str | None = None
    run_ids: list[str] = []
    status: str | None = None


def as_theirs(run: Run) -> dict[str, Any]:
    """Return a run in LangGraph's words."""
    reason = run.metadata.get("cancel_reason") if run.status == "cancelled" else None
    return {**run_json(run), "status": _STATUS.get(run.status, run.status), "kwargs": {}, "cancel_reason": reason}


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route(path, answering(detail, endpoint), methods=[method])
        for method, path, endpoint in (*_Beginning(server).table(), *_Reading(server).table())
    ]


class _Beginning:
    """Requests that begin runs."""

    def __init__(self, server: Server) -> None:
        self._server, self._service = server, server.service

    def table(self) -> list[tuple[str, str, Any]]:
        return [
            ("POST", "/threads/{thread}/runs", self.create),
            ("POST", "/threads/{thread}/runs/stream", self.stream),
            ("POST", "/threads/{thread}/runs/wait", self.wait),
            ("POST", "/runs", self.create),
            ("POST", "/runs/stream", self.stream),
            ("POST", "/runs/wait", self.wait),
            ("POST", "/runs/batch", self.batch),
        ]

    async def _begin(self, request: Request, body: RunBody, digest: str, key: str) -> Run:
        owner = await self._server.who(request)
        thread = request.path_params.get("thread", "") or body.thread_id or ""
        last: Run | None = None
        if thread and body.command is not None:
            last = next(iter(await self._service.store.list_runs(owner, thread, limit=1)), None)
        asked = asked_of(
            body,
            self._service.catalogue,
            owner=owner,
            agent=self._server.agent(request),
            thread_id=thread,
            digest=digest,
            key=key,
            last=last,
        )
        return await self._service.start(asked)

    async def _begun(self, request: Request) -> Run:
        body, digest = await self._server.body(request, RunBody)
        return await self._begin(request, body, digest, request.headers.get("idempotency-key", ""))

    @takes(RunBody)
    async def create(self, request: Request) -> Response:
        run = await self._begun(request)
        return as_json(as_theirs(run), headers=stream_headers(run))

    @takes(RunBody)
    async def stream(self, request: Request) -> Response:
        run = await self._begun(request)
        return self._server.stream(run, await reading(self._service, run, request, "langgraph"), after=cursor(request))

    @takes(RunBody)
    async def wait(self, request: Request) -> Response:
        run = await self._begun(request)
        ended = await self._server.whole(request, run)
        return as_json(await final_values(self._service, ended), headers=_place(run))

    @takes(list[RunBody])
    async def batch(self, request: Request) -> Response:
        bodies, digest = await self._server.body(request, list[RunBody])
        if len(bodies) > MOST:
            raise BadRequest(f"at most {MOST} runs at once")
        runs = [await self._begin(request, body, digest, "") for body in bodies]
        return as_json([as_theirs(run) for run in runs])


class _Reading:
    """Requests about runs that there are."""

    def __init__(self, server: Server) -> None:
        self._server, self._service = server, server.service

    def table(self) -> list[tuple[str, str, Any]]:
        one = "/threads/{thread}/runs/{run}"
        return [
            ("GET", "/threads/{thread}/runs", self.every),
            ("GET", one, self.show),
            ("DELETE", one, self.delete),
            ("GET", f"{one}/stream", self.stream),
            ("GET", f"{one}/join", self.join),
            ("GET", f"{one}/wait", self.join),
            ("POST", f"{one}/cancel", self.cancel),
            ("POST", "/runs/cancel", self.cancel_many),
        ]

    async def _run(self, request: Request) -> Run:
        run = await self._service.run(await self._server.who(request), request.path_params["run"])
        if run.thread_id != request.path_params["thread"]:
            raise NotFound(f"there is no run {run.id!r} in thread {request.path_params['thread']!r}")
        return run

    async def every(self, request: Request) -> Response:
        owner, thread = await self._server.who(request), request.path_params["thread"]
        await self._service.thread(owner, thread)
        status = request.query_params.get("status")
        found = await self._service.store.list_runs(
            owner,
            thread,
            status=_status(status),
            limit=number(request, "limit", 10, MOST),
            offset=number(request, "offset", 0, 1_000_000),
        )
        select = request.query_params.getlist("select")
        rows = [as_theirs(run) for run in found]
        return as_json([{name: row[name] for name in select if name in row} for row in rows] if select else rows)

    async def show(self, request: Request) -> Response:
        return as_json(as_theirs(await self._run(request)))

    async def stream(self, request: Request) -> Response:
        run = await self._run(request)
        leaves = request.query_params.get("cancel_on_disconnect", "").lower() in ("1", "true")
        told = await reading(self._service, run, request, "langgraph")
        return self._server.stream(run, told, after=cursor(request), cancels=leaves)

    async def join(self, request: Request) -> Response:
        run = await self._server.whole(request, await self._run(request))
        return as_json(await final_values(self._service, run), headers=_place(run))

    async def cancel(self, request: Request) -> Response:
        run = await self._run(request)
        await self._stop(run, request)
        if not number(request, "wait", 0, 1):
            return Response(status_code=202)
        return Response(status_code=204)

    async def _stop(self, run: Run, request: Request) -> None:
        """Cancel a run as the query says: with `action=rollback` it is as if it had never been."""
        action = request.query_params.get("action", "interrupt")
        if action not in ("interrupt", "rollback"):
            raise BadRequest("`action` is interrupt or rollback", param="action")
        await self._service.cancel(run.owner, run.id, "cancelled" if action == "interrupt" else "rollback")
        if action == "rollback" or number(request, "wait", 0, 1):
            run = await self._server.whole(request, run)
        if action == "rollback":
            await undo(self._service, run)
            await forget(self._service.house, run)

    @takes(Cancel)
    async def cancel_many(self, request: Request) -> Response:
        owner = await self._server.who(request)
        body, _ = await self._server.body(request, Cancel)
        if (body.status is None) == (not body.run_ids):
            raise BadRequest("name either `run_ids` or a `status`")
        if body.run_ids:
            runs = [await self._service.run(owner, name) for name in body.run_ids[:MOST]]
        else:
            wanted = LIVE if body.status == "all" else {_status(body.status)}
            live = await self._service.store.live_runs()
            runs = [run for run in live if run.owner == owner and run.status in wanted]
        for run in runs:
            if body.thread_id is None or run.thread_id == body.thread_id:
                await self._stop(run, request)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        run = await self._run(request)
        if run.status in LIVE:
            await self._service.cancel(run.owner, run.id, "deleted")
            run = await self._server.whole(request, run)
        await self._service.store.delete_run(run.id)
        return Response(status_code=204)


def _place(run: Run) -> dict[str, str]:
    """Where a run that was waited for is. No `Location`: the answer is whole."""
    headers = stream_headers(run)
    return {
        "content-location": headers["content-location"],
        "x-run-id": run.id,
        "x-thread-id": in_header(run.thread_id),
    }


def _status(text: str | None) -> Any:
    """
    Raises:
        BadRequest: there is no such status.
    """
    if text in (None, "pending", "running", "error", "success", "timeout", "interrupted", "cancelled"):
        return text
    raise BadRequest(f"{text!r} is no status of a run", param="status")
