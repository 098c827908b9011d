"""What `langgraph-sdk` sends for a run, read into what an agent is asked. agents.md C.4.

Members that this server has no part in (tracing, durability, feedback) are taken and left; those that would change
what happens and are not done here are refused: nobody waits for a webhook that is never sent.
"""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from sluice.agent_server.run_streams import MODES, SUBGRAPHS
from sluice.agents.asked import Answer, Asked
from sluice.agents.catalogue import Catalogue
from sluice.errors import BadRequest, NotFound
from sluice.runs.messages import DataPart, Message
from sluice.runs.projections.langgraph import modes_of
from sluice.runs.projections.langgraph_messages import read_all
from sluice.runs.records import Multitask, OnDisconnect, Run

_Json = dict[str, Any]
GRAPHS = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""Names of graphs become ids of assistants under this one in LangGraph's own servers."""
_OURS = frozenset({"thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map", "run_id"})
"""Members of `configurable` that are no settings."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """`command` of a run: how it goes on."""

    resume: Any = None
    update: Any = None
    goto: Any = None


class RunBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every request that begins a run. `agent` is our own word for `assistant_id`."""

    assistant_id: str = ""
    agent: str = ""
    thread_id: str | None = None
    """Only in `/runs/batch`, which has one body for each."""
    input: Any = None
    command: Command | None = None
    stream_mode: str | list[str] | None = None
    stream_subgraphs: bool = False
    on_disconnect: OnDisconnect | None = None
    multitask_strategy: Multitask | None = None
    if_not_exists: Literal["create", "reject"] = "reject"
    config: _Json | None = None
    context: _Json | None = None
    metadata: _Json | None = None
    checkpoint: _Json | None = None
    checkpoint_id: str | None = None
    request_id: str = ""
    replace_history: bool = False
    """Our own: `input` is the whole conversation, and takes the place of what the thread has."""
    timeout_s: float | None = None
    webhook: str | None = None
    interrupt_before: Any = None
    interrupt_after: Any = None
    after_seconds: float | None = None


def agent_named(catalogue: Catalogue, wanted: str) -> str:
    """Return the agent that an assistant's id names: a name, with `::version` or not, or the UUID made of a name.

    Raises:
        NotFound: there is none.
    """
    try:
        asked = UUID(wanted)
    except ValueError:
        catalogue.get(wanted)
        return wanted
    for name in catalogue.names:
        if asked in (uuid5(GRAPHS, name), uuid5(NAMESPACE_OID, name)):
            return name
    raise NotFound(f"there is no assistant {wanted!r}")


def asked_of(
    body: RunBody,
    catalogue: Catalogue,
    *,
    owner: str,
    agent: str,
    thread_id: str,
    digest: str,
    key: str,
    last: Run | None,
) -> Asked:
    """Return what a body asks. `agent`: of the path, before that of the body; `key`: the header `Idempotency-Key`;
    `last`: the newest run of the thread, whose questions a `resume` answers.

    Raises:
        BadRequest: names what is wrong, or not done here.
        NotFound: there is no such assistant.
    """
    _refuse(body)
    configurable = (body.config or {}).get("configurable") or {}
    settings = {name: value for name, value in configurable.items() if name not in _OURS}
    checkpoint = body.checkpoint_id or (body.checkpoint or {}).get("checkpoint_id") or configurable.get("checkpoint_id")
    tags = (body.config or {}).get("tags")
    options: _Json = {MODES: list(modes_of(body.stream_mode))}
    if body.stream_subgraphs:
        options[SUBGRAPHS] = True
    return Asked(
        owner=owner,
        agent=agent_named(catalogue, agent or body.assistant_id or body.agent),
        input=messages_of(body.input),
        thread_id=thread_id,
        create_thread=body.if_not_exists == "create",
        replace_history=body.replace_history,
        request_id=body.request_id or key,
        digest=digest,
        settings=settings or body.context or {},
        context=body.context or {},
        metadata={**(body.metadata or {}), **({"tags": tags} if tags else {})},
        options=options,
        answers=answers_of(body.command, last),
        on_disconnect=body.on_disconnect or "continue",
        multitask=body.multitask_strategy or "enqueue",
        timeout_s=body.timeout_s,
        checkpoint_id=checkpoint or "",
    )


def _refuse(body: RunBody) -> None:
    for name, value in (
        ("webhook", body.webhook),
        ("interrupt_before", body.interrupt_before),
        ("interrupt_after", body.interrupt_after),
        ("after_seconds", body.after_seconds),
        ("command.update", body.command and body.command.update),
        ("command.goto", body.command and body.command.goto),
    ):
        if value:
            raise BadRequest(f"`{name}` is not done by this server", param=name)
    if body.timeout_s is not None and body.timeout_s <= 0:
        raise BadRequest("`timeout_s` is above 0", param="timeout_s")


def messages_of(value: Any) -> tuple[Message, ...]:
    """Return a run's input as messages. Members beside `messages` go with the last of them as data: graphs begin with
    them.

    Raises:
        BadRequest: it holds no messages where they should be.
    """
    if value is None:
        return ()
    if not isinstance(value, dict):
        return read_all(value, "input")
    if "role" in value or "type" in value:
        return read_all(value, "input")
    messages = read_all(value["messages"], "input.messages") if value.get("messages") is not None else ()
    more = {name: member for name, member in value.items() if name != "messages"}
    if not more:
        return messages
    data = DataPart(data=more, name="input")
    if messages and messages[-1].role == "user":
        last = messages[-1]
        return (*messages[:-1], msgspec.structs.replace(last, parts=(*last.parts, data)))
    return (*messages, Message(role="user", parts=(data,)))


def answers_of(command: Command | None, last: Run | None) -> dict[str, Answer]:
    """Return the answers of a `resume`: by interrupt if its members are named so, else one for whichever is first."""
    if command is None:
        return {}
    open_questions = {one.id for one in last.interrupts} if last is not None else set()
    value = command.resume
    if isinstance(value, Mapping) and value and set(value) <= open_questions:
        return {name: Answer(value=one) for name, one in value.items()}
    return {"*": Answer(value=value)}
