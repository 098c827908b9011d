"""The button of a question: a press answers it, and what the agent says then is the answer to the press. agents.md D.7.

Its token is no secret of its own: it names the question, and only whose run it is may answer, once. `value` in the body
is the answer; a bare press says yes.
"""

from collections.abc import Mapping
from contextlib import aclosing
from hashlib import sha256
from typing import Any

import msgspec
from starlette.requests import Request

from sluice.agent_server.server import Server
from sluice.agents.asked import Answer
from sluice.agents.pressing import Outcome, Pressed
from sluice.errors import CallbackFailed, NotFound, Unauthenticated
from sluice.runs.projections.flutch import ending
from sluice.runs.projections.flutch_answer import QUESTION
from sluice.runs.projections.flutch_answer import Answer as Whole


async def answer(server: Server, request: Request, asked: Pressed, body: Mapping[str, Any]) -> Outcome:
    """Answer the question that a token names, wait for what comes of it, and return that.

    Raises:
        RateLimited: see `PressDesk.room`.
        Unauthenticated: there is no such question of this user.
        Conflict: it was answered before, or its time has passed.
        CallbackFailed: the run that went on failed.
        SluiceError: what else `Service.resume` raises.
        ClientDisconnect: the client went; the run goes on.
    """
    service = server.service
    standing = await service.callbacks.room(asked)
    run_id, _, question = asked.token.removeprefix(QUESTION).partition("::")
    value = body.get("value", True)
    try:
        run = await service.run(asked.user, run_id)
        resumed = await service.resume(
            asked.user,
            run_id,
            {question: Answer(value=value)},
            agent=f"{run.agent}::{run.version}",
            request_id=asked.key,
            digest=sha256(msgspec.json.encode((asked.token, value))).hexdigest(),
        )
    except NotFound:
        raise Unauthenticated("Invalid callback token", reason="Callback") from None
    ended = await server.whole(request, resumed)
    whole = Whole()
    name, data = "error", {"message": "what was said is not kept any more"}
    async with aclosing(service.watch(ended, merge=True)) as batches:
        async for events in batches:
            for event in events:
                whole.step(event)
                name, data = ending(event, whole) or (name, data)
    if name != "final":
        raise CallbackFailed(data["message"])
    told = {"message": data["text"], "attachments": data["attachments"]}
    place = {"runId": ended.id, "threadId": ended.thread_id}
    return Outcome({"success": True, **{key: said for key, said in told.items() if said}, **place}, standing)
