"""What OpenAI's two APIs share on this side: their models are our agents, and their errors one object.

Source: platform.openai.com/docs/guides/error-codes, read 2026-11-21. The official clients repeat what failed with 409
or 5xx by themselves unless `x-should-retry` says otherwise: nothing here is repeated that a repetition would not help.
"""

from collections.abc import Sequence

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response

from sluice.agent_server.event_stream import in_header
from sluice.agent_server.server import Server, as_json
from sluice.agents.agent import Agent
from sluice.agents.asked import Answer
from sluice.errors import BadRequest, Conflict, ModelNotFound, NotFound, SluiceError
from sluice.runs.events import Event
from sluice.runs.messages import Message, ToolResultPart
from sluice.runs.projections.openai_failure import Failure
from sluice.runs.records import Run
from sluice.runs.retold import retold

PREFIX = "agent/"
"""Before an agent's name, where a model is named."""
BATCH = 1000
"""Events read at once."""


def told(error: SluiceError) -> Response:
    """Return an error in OpenAI's shape."""
    headers = {"x-should-retry": "false"} if isinstance(error, Conflict) else {}
    return as_json({"error": error_object(error)}, error.status, headers=headers)


def error_object(error: SluiceError) -> dict[str, object]:
    """Return what is said of an error."""
    return {"message": str(error), "type": error.type, "param": error.param, "code": error.code}


def failed(failure: Failure, headers: dict[str, str]) -> Response:
    """Return the end of a run that gave no answer, for a client that waited for all of it."""
    retry = {"x-should-retry": "true" if failure.retryable else "false"}
    return as_json(failure.body(), failure.status, headers={**headers, **retry})


def agent_of(server: Server, request: HTTPConnection, model: str) -> Agent:
    """Return the agent that a model's name means: `agent/NAME`, `NAME`, each with `::VERSION` if one is wanted; that
    of the path wins, none is the default agent.

    Raises:
        ModelNotFound: there is none.
    """
    try:
        return server.service.catalogue.get(server.agent(request, model.removeprefix(PREFIX)))
    except NotFound:
        raise ModelNotFound(
            f"there is no model {model!r}: GET /v1/models names those there are", param="model"
        ) from None


def named(agent: Agent) -> str:
    """Return the agent with its version, as runs ask for it."""
    return f"{agent.name}::{agent.version}"


def about(run: Run) -> dict[str, str]:
    """Return the headers of an answer that say of which run it is."""
    return {"x-request-id": run.id, "x-run-id": run.id, "x-thread-id": in_header(run.thread_id)}


async def log_of(server: Server, run: Run) -> list[Event]:
    """Return the events of a run that are there now; if there are none, those that its record tells."""
    log: list[Event] = []
    while events := await server.service.past(run, len(log), BATCH):
        log += events
    return log or retold(run)


def answers_in(messages: Sequence[Message]) -> tuple[str, dict[str, Answer]]:
    """Return the run whose questions the newest messages answer, and the answers by question; nothing if they answer
    none. Older answers are history: clients send it again and again.

    Raises:
        BadRequest: they answer two runs, or say more than answers.
    """
    answers: dict[str, Answer] = {}
    runs: set[str] = set()
    for message in reversed(messages):
        if message.role == "assistant":
            break
        for part in message.parts:
            run, _, question = part.id.partition("_") if isinstance(part, ToolResultPart) else ("", "", "")
            runs.add(run if question.startswith("int-") else "")
            if question and isinstance(part, ToolResultPart):
                answers[question] = Answer(value=answer_of(part.output))
    if not runs - {""}:
        return "", {}
    if len(runs) > 1:
        raise BadRequest("answers to the questions of one run go alone")
    return runs.pop(), answers


def answer_of(given: object) -> object:
    """Return what an answer says: a text that is JSON is what it says."""
    try:
        value: object = msgspec.json.decode(given) if isinstance(given, str) else given
    except msgspec.DecodeError:
        return given
    return value


async def newest(server: Server, owner: str, thread_id: str) -> Run | None:
    """Return the newest run of a thread."""
    runs = await server.service.store.list_runs(owner, thread_id, limit=1) if thread_id else []
    return runs[0] if runs else None
