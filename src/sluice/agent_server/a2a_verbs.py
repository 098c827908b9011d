"""What A2A clients can ask for, in any version and over any binding: each verb once. agents.md C.3, D.7, E.5.

Who sends a message and waits gets a task in 1.0. In 0.2 and 0.3 he gets a message, since seed 003's client takes
nothing else: what the agent said, and if it failed half-way, that with the notice of the seed behind it. It names no
task, for there is nothing left to do with it. A task he gets where a message would not do: the agent asks something,
the task was cancelled, or he did not wait.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from sluice.agent_server.a2a_errors import (
    INTERNAL,
    INVALID_PARAMS,
    NO_CARD,
    NO_PUSH,
    NO_VERSION,
    NOT_CANCELABLE,
    Refused,
)
from sluice.agent_server.a2a_reading import MAX_ID, Fields, Sent, read_sent
from sluice.agent_server.a2a_tasks import Tasks, changed
from sluice.agent_server.event_stream import as_sse, stream_headers
from sluice.agent_server.server import Server, cursor
from sluice.agents.asked import Answer
from sluice.errors import BadRequest
from sluice.runs.messages import Message, TextPart
from sluice.runs.projection import Projection, project
from sluice.runs.projections.a2a import WORDS as WORDS_10
from sluice.runs.projections.a2a import A2a
from sluice.runs.projections.a2a_03 import WORDS as WORDS_03
from sluice.runs.projections.a2a_03 import A2a03
from sluice.runs.projections.a2a_03_rest import WORDS as WORDS_03_REST
from sluice.runs.projections.a2a_03_rest import A2a03Rest
from sluice.runs.projections.a2a_record import remembered
from sluice.runs.projections.a2a_task import Snapshot, Task
from sluice.runs.projections.a2a_words import Words
from sluice.runs.records import LIVE, Run

PAGE_SIZE, MAX_PAGE_SIZE = 50, 100
"""Tasks in one answer of ListTasks (A2A 1.0, section 3.1.4)."""


class Version(NamedTuple):
    """A version of A2A in one binding."""

    name: str
    words: Words
    projection: Callable[[Task | None, bytes, int], Projection]
    replies: bool
    """Whether who waits gets a message."""


V1 = Version("1.0", WORDS_10, A2a, replies=False)
V03 = Version("0.3", WORDS_03, A2a03, replies=True)
V03_REST = Version("0.3", WORDS_03_REST, A2a03Rest, replies=True)


class Call(NamedTuple):
    """One request, understood."""

    request: Request
    tasks: Tasks
    version: Version
    params: object
    id: bytes = b""
    """The id of the JSON-RPC request, as JSON; empty = there is none, over REST."""

    @property
    def fields(self) -> Fields:
        return Fields({} if self.params is None else self.params, "params")

    def task_id(self) -> str:
        """
        Raises:
            Refused: none is given.
        """
        name = self.fields.text("id", MAX_ID)
        if not name:
            raise Refused(INVALID_PARAMS, "`params.id` is missing: which task?", field="params.id")
        return name


Verb = Callable[[Call], Awaitable[dict[str, Any] | Response]]


class Verbs:
    """Gives the result of each verb: an object, or a stream."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.table: Mapping[str, Verb] = {
            "send": self.send,
            "stream": self.stream,
            "get": self.get,
            "list": self.list,
            "cancel": self.cancel,
            "subscribe": self.subscribe,
            "push": self.push,
            "card": self.card,
        }

    # -- sending ------------------------------------------------------------------------------------------------------

    async def _begin(self, call: Call, sent: Sent) -> Run:
        key = call.request.headers.get("idempotency-key", "")
        if len(key) > MAX_ID:
            raise BadRequest(f"the header `Idempotency-Key` is longer than {MAX_ID} characters")
        digest = sha256(msgspec.json.encode(call.params)).hexdigest()
        return await call.tasks.begin(sent, request_id=key, digest=digest)

    async def send(self, call: Call) -> dict[str, Any]:
        """Send a message and wait for what comes of it, unless the sender will not wait."""
        sent = read_sent(call.params, nested=call.version is V03_REST)
        run = await self._begin(call, sent)
        words = call.version.words
        if not sent.at_once:
            run = await self._server.whole(call.request, run)
        task = await call.tasks.told(run)
        if call.version.replies and not sent.at_once and (reply := reply_of(task, run)) is not None:
            return words.answer(words.message(reply, "", task.context_id), "message")
        return words.answer(words.task(shown(task.snapshot(), sent.history_length)), "task")

    async def stream(self, call: Call) -> Response:
        """Send a message and watch the task."""
        run = await self._begin(call, read_sent(call.params, nested=call.version is V03_REST))
        return self._server.stream(run, call.version.projection(await call.tasks.before(run), call.id, 0))

    # -- tasks --------------------------------------------------------------------------------------------------------

    async def get(self, call: Call) -> dict[str, Any]:
        """Return a task as it is."""
        length = call.fields.number("historyLength")
        task = await call.tasks.told((await call.tasks.chain(call.task_id()))[-1])
        return call.version.words.task(shown(task.snapshot(), length))

    async def list(self, call: Call) -> dict[str, Any]:
        """Return tasks, those that changed last first."""
        fields = call.fields
        size = fields.number("pageSize", MAX_PAGE_SIZE) or PAGE_SIZE
        start = _page(fields.text("pageToken"))
        status, since = fields.text("status"), _ms(fields.text("statusTimestampAfter"))
        every = await call.tasks.every(fields.text("contextId", MAX_ID))
        found = [chain for chain in every if _wanted(chain[-1], status, since)]
        artifacts, length = fields.raw("includeArtifacts") in (True, "true"), fields.number("historyLength")
        tasks = []
        for chain in found[start : start + size]:
            task = shown((await call.tasks.told(chain[-1])).snapshot(), length)
            tasks.append(call.version.words.task(task if artifacts else msgspec.structs.replace(task, artifacts=())))
        more = str(start + size) if start + size < len(found) else ""
        return {"tasks": tasks, "nextPageToken": more, "pageSize": size, "totalSize": len(found)}

    async def cancel(self, call: Call) -> dict[str, Any]:
        """Stop a task and return it; one that waits for an answer gets none any more."""
        last = (await call.tasks.chain(call.task_id()))[-1]
        service = self._server.service
        if last.status == "interrupted":
            answers = {question.id: Answer(status="cancelled") for question in last.interrupts}
            last = await service.resume(last.owner, last.id, answers, agent=f"{last.agent}::{last.version}")
        elif last.status not in LIVE:
            raise Refused(NOT_CANCELABLE, f"the task {call.task_id()!r} is over", taskId=call.task_id())
        await service.cancel(last.owner, last.id, "cancelled by its client")
        task = await call.tasks.told(await self._server.whole(call.request, last))
        if task.status.state != "canceled":
            raise Refused(NOT_CANCELABLE, f"the task {call.task_id()!r} was over first", taskId=call.task_id())
        return call.version.words.task(task.snapshot())

    async def subscribe(self, call: Call) -> Response:
        """Watch a task: the whole of it as it stands, then what comes. With `Last-Event-ID` only what comes after that
        event. One that is over is told and the stream ends."""
        run = (await call.tasks.chain(call.task_id()))[-1]
        task = await call.tasks.before(run)
        if "last-event-id" in call.request.headers:
            return self._server.stream(run, call.version.projection(task, call.id, 0), after=cursor(call.request))
        last = await call.tasks.length(run)
        if not last and run.status not in LIVE:
            events = remembered(run)
            told = call.version.projection(task, call.id, len(events))
            headers = stream_headers(run, {"content-type": told.content_type}, protocol=told.name)
            return Response(as_sse(project(told, events, len(events) - 1)), headers=headers)
        projection = call.version.projection(task, call.id, last)
        return self._server.stream(run, projection, after=max(0, last - 1))

    # -- what there is not --------------------------------------------------------------------------------------------

    async def push(self, call: Call) -> dict[str, Any]:
        raise Refused(NO_PUSH, "this server sends no push notifications: subscribe to the task instead")

    async def card(self, call: Call) -> dict[str, Any]:
        raise Refused(NO_CARD, "there is no other card than the public one")


def checked(version: Version, wanted: str) -> None:
    """Check that a method or path of a version may be asked for with this `A2A-Version`; without one it is 0.3.

    Raises:
        Refused: it may not.
    """
    major = (wanted.strip() or "0.3").partition(".")[0]
    if major not in ("0", "1") or (version is V1) != (major == "1"):
        raise Refused(NO_VERSION, f"this is A2A {version.name}, not {wanted or '0.3'}: see the header A2A-Version")


def shown(task: Snapshot, length: int | None) -> Snapshot:
    """Return the task with no more than so many messages of its history; None = all."""
    if length is None:
        return task
    return msgspec.structs.replace(task, history=task.history[-length:] if length else ())


def reply_of(task: Task, run: Run) -> Message | None:
    """Return the message for who sent one and waited; None if only a task will do.

    Raises:
        Refused: the agent failed before it said anything.
    """
    if task.status.state == "completed":
        empty = Message(role="assistant", parts=(TextPart(text=""),), id=f"msg-{run.id}")
        return task.reply(run.id) or empty
    if task.status.state != "failed":
        return None
    reply = task.reply(run.id)
    if reply is None:
        why = task.status.message.text if task.status.message is not None else "the agent failed"
        raise Refused(INTERNAL, why, taskId=task.id, code=str(task.status.metadata.get("code", "error")))
    return reply


def _page(token: str) -> int:
    if token and not (token.isdecimal() and len(token) < 10):
        raise Refused(INVALID_PARAMS, "`params.pageToken` is none of ours", field="params.pageToken")
    return int(token or 0)


_STATES = {
    "TASK_STATE_SUBMITTED": {"pending"},
    "TASK_STATE_WORKING": {"running"},
    "TASK_STATE_INPUT_REQUIRED": {"interrupted"},
    "TASK_STATE_COMPLETED": {"success"},
    "TASK_STATE_CANCELED": {"cancelled"},
    "TASK_STATE_FAILED": {"error", "timeout"},
}
"""What runs are in each state of a task; those that are not here no task of ours is ever in."""


def _wanted(run: Run, status: str, since: int) -> bool:
    if status and status != "TASK_STATE_UNSPECIFIED" and run.status not in _STATES.get(status, set()):
        return False
    return changed(run) > since


def _ms(text: str) -> int:
    """Return a time of RFC 3339 in milliseconds since 1970; none is the beginning."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000) if text else -1
    except ValueError:
        place = "params.statusTimestampAfter"
        raise Refused(INVALID_PARAMS, f"`{place}` is no time of RFC 3339", field=place) from None
