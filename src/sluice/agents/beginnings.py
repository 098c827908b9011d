"""From what a client asks to the record of a run: the thread, the place in its queue, answers to open questions."""

from collections.abc import Iterable

import msgspec

from sluice.agents.agent import Agent
from sluice.agents.asked import Asked
from sluice.agents.household import Household
from sluice.agents.ids import name, uuid7
from sluice.agents.interrupts import answers_to
from sluice.errors import Conflict, NotFound
from sluice.runs.messages import Message
from sluice.runs.records import LIVE, Run, Thread

MANY = 1000
"""Runs of a thread that are looked at when one makes way for another."""


async def interrupted_run(house: Household, asked: Asked) -> Run:
    """Return the run whose questions these answers are for.

    Raises:
        NotFound: there is no such run or thread.
        Conflict: it asks nothing.
    """
    if asked.resumes:
        run = await house.store.get_run(asked.resumes)
        if run is None or run.owner != asked.owner:
            raise NotFound(f"there is no run {asked.resumes!r}")
    else:
        runs = await house.store.list_runs(asked.owner, asked.thread_id, limit=1)
        if not runs:
            raise NotFound(f"there is no thread {asked.thread_id!r}")
        run = runs[0]
    if not run.interrupts:
        raise Conflict("no question is open")
    return run


async def thread_for(house: Household, asked: Asked, agent: Agent) -> Thread:
    """Return the thread of a request, made if need be.

    Raises:
        NotFound: it is not there and none is to be made.
    """
    now = house.now()
    fresh = Thread(id=asked.thread_id or uuid7(), owner=asked.owner, created=now, updated=now, agent=agent.name)
    if not asked.thread_id:
        return fresh
    if asked.create_thread:
        return await house.store.create_thread(fresh)
    thread = await house.store.get_thread(asked.owner, asked.thread_id)
    if thread is None:
        raise NotFound(f"there is no thread {asked.thread_id!r}")
    return thread


def draft(house: Household, asked: Asked, agent: Agent, thread: Thread) -> Run:
    """Return the record of a run that begins now."""
    system = asked.keep_system or agent.allow_system
    return Run(
        id=uuid7(),
        thread_id=thread.id,
        owner=asked.owner,
        agent=agent.name,
        version=agent.version,
        created=house.now(),
        stored=bool(asked.thread_id),
        request_id=asked.request_id,
        digest=asked.digest,
        input=_named(message for message in asked.input if system or message.role != "system"),
        settings=asked.settings,
        context=asked.context,
        metadata=asked.metadata,
        tools=asked.tools,
        options=asked.options,
        on_disconnect=asked.on_disconnect,
        linger_s=asked.linger_s,
        multitask=asked.multitask,
        timeout_s=asked.timeout_s,
        worker=house.worker,
        replace_history=asked.replace_history,
        checkpoint_id=asked.checkpoint_id,
    )


def resuming(run: Run, asked: Asked, before: Run, now: int) -> Run:
    """Return the record of a run that answers another's questions: its handler sees what that one saw.

    Raises:
        BadRequest, Conflict: see `interrupts.answers_to`.
    """
    given = answers_to(before.interrupts, asked.answers, now)
    return msgspec.structs.replace(
        run,
        input=before.input,
        brought=() if asked.replace_history else run.input,
        settings=asked.settings or before.settings,
        context=asked.context or before.context,
        tools=asked.tools or before.tools,
        stored=before.stored,
        thread_id=before.thread_id,
        replace_history=False,
        resumes=before.id,
        root=before.root or before.id,
        answers={**before.answers, **{key: msgspec.to_builtins(answer) for key, answer in given.items()}},
        answered=tuple(given),
    )


def _named(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple(message if message.id else msgspec.structs.replace(message, id=name("msg")) for message in messages)


async def make_way(house: Household, run: Run) -> list[Run]:
    """Return the runs of the thread that must go before this one, by its `multitask`.

    Raises:
        Conflict: it would rather not run than wait.
    """
    if run.multitask == "enqueue" or not run.stored:
        return []
    older = [
        other
        for status in LIVE
        for other in await house.store.list_runs(run.owner, run.thread_id, status=status, limit=MANY)
        if other.id != run.id and (other.status == "running" or (other.created, other.id) < (run.created, run.id))
    ]
    if older and run.multitask == "reject":
        raise Conflict(f"thread {run.thread_id!r} is busy")
    return older


async def forget(house: Household, run: Run) -> None:
    """Undo a run that another takes the place of: its messages and its record."""
    gone = {message.id for message in (*run.input, *run.brought, *run.output)}
    messages = await house.store.list_messages(run.owner, run.thread_id)
    left = [message for message in messages if message.id not in gone]
    if len(left) < len(messages):
        await house.store.replace_messages(run.owner, run.thread_id, left)
    await house.store.delete_run(run.id)
