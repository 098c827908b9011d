"""The state of a thread, now and before, as `langgraph-sdk` reads and changes it. agents.md C.4.

A thread's states are its checkpoints. A thread whose agent keeps none has one state after each run: what was said up
to then; its id is the run's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sluice.agent_server.run_history import until
from sluice.agent_server.run_json import moment
from sluice.agents.ids import name, uuid7
from sluice.agents.service import Service
from sluice.errors import BadRequest, NotFound
from sluice.runs.messages import Message
from sluice.runs.projections.langgraph_messages import all_written, read_all, rewritten
from sluice.runs.projections.langgraph_view import interrupt
from sluice.runs.records import LIVE, Checkpoint, Run, Thread

_Json = dict[str, Any]
RUNS = 1000
"""Runs of a thread that are looked through for its states, the newest."""


class States:
    """Those of one thread, as one request sees them."""

    def __init__(self, service: Service, thread: Thread, messages: list[Message], runs: list[Run]) -> None:
        self._service, self._thread, self._messages, self._runs = service, thread, messages, runs

    @staticmethod
    async def of(service: Service, thread: Thread) -> "States":
        """Read what is needed."""
        messages = await service.store.list_messages(thread.owner, thread.id)
        runs = await service.store.list_runs(thread.owner, thread.id, limit=RUNS)
        return States(service, thread, messages, runs)

    async def history(self, limit: int, before: str, metadata: Mapping[str, Any] | None = None) -> list[_Json]:
        """Return the states, newest first; `before` is the id of one that is not returned, nor any newer."""
        owner, thread = self._thread.owner, self._thread.id
        kept = await self._service.store.list_checkpoints(owner, thread, limit=limit, before=before)
        if kept or await self._service.store.get_checkpoint(owner, thread) is not None:
            states = [self._of_checkpoint(one) for one in kept]
        else:
            states = [self._of_run(place) for place in self._ended()]
            names = [state["checkpoint"]["checkpoint_id"] for state in states]
            states = states[names.index(before) + 1 if before in names else 0 :]
        wanted = (metadata or {}).items()
        return [state for state in states if wanted <= state["metadata"].items()][:limit]

    async def newest(self) -> _Json:
        """Return the state as it is now."""
        checkpoint = await self._service.store.get_checkpoint(self._thread.owner, self._thread.id)
        if checkpoint is not None:
            return self._state(checkpoint, self._messages, self._runs[0] if self._runs else None)
        ended = self._ended()
        if ended and ended[0] == 0:
            return self._state(self._made(0), self._messages, self._runs[0])
        nothing = Checkpoint(thread_id=self._thread.id, owner=self._thread.owner, id="", created=self._thread.updated)
        return self._state(nothing, self._messages, self._runs[0] if self._runs else None)

    async def at(self, checkpoint_id: str) -> _Json:
        """Return the state of one checkpoint.

        Raises:
            NotFound: there is none.
        """
        owner, thread = self._thread.owner, self._thread.id
        found = await self._service.store.get_checkpoint(owner, thread, checkpoint_id=checkpoint_id)
        if found is not None:
            return self._of_checkpoint(found)
        for place in self._ended():
            if self._runs[place].id == checkpoint_id:
                return self._of_run(place)
        raise NotFound(f"there is no checkpoint {checkpoint_id!r}")

    async def update(self, values: Any, as_node: str, from_id: str) -> _Json:
        """Change the state as a node would: messages are put at the end, or in place of those with their ids; other
        members as the graph's state says, or in place. Return the new checkpoint's name.

        Raises:
            BadRequest: the values are no object, or their messages are none.
            NotFound: there is no checkpoint to change.
        """
        if values is not None and not isinstance(values, dict):
            raise BadRequest("`values` is an object", param="values")
        service, thread, now = self._service, self._thread, self._service.now()
        base = await service.store.get_checkpoint(thread.owner, thread.id, checkpoint_id=from_id)
        if from_id and base is None:
            raise NotFound(f"there is no checkpoint {from_id!r}")
        changed = dict(values or {})
        said = tuple(
            message if message.id else msgspec.structs.replace(message, id=name("msg"))
            for message in read_all(changed.pop("messages", []), "values.messages")
        )
        await service.store.add_messages(thread.owner, thread.id, said)
        state = dict(base.state) if base is not None else {}
        if "messages" in state:
            changed["messages"] = [msgspec.to_builtins(message) for message in said]
        graph = service.catalogue.get(thread.agent).graph if thread.agent in service.catalogue.names else None
        state = graph.schema.apply(state, changed) if graph is not None else {**state, **changed}
        fresh = Checkpoint(
            thread_id=thread.id,
            owner=thread.owner,
            id=uuid7(),
            created=now,
            parent_id="" if base is None else base.id,
            step=0 if base is None else base.step + 1,
            source="update",
            state=msgspec.to_builtins(state),
            next=() if base is None else base.next,
            metadata={"as_node": as_node} if as_node else {},
        )
        await service.store.put_checkpoint(fresh)
        await service.store.put_thread(msgspec.structs.replace(thread, updated=now))
        return {"checkpoint": self._name(fresh.id), "checkpoint_id": fresh.id, "configurable": self._name(fresh.id)}

    # -- their words --------------------------------------------------------------------------------------------------

    def _ended(self) -> list[int]:
        """Return the places of the runs that have ended, newest first."""
        return [place for place, run in enumerate(self._runs) if run.status not in LIVE]

    def _made(self, place: int) -> Checkpoint:
        run = self._runs[place]
        older = [self._runs[one].id for one in self._ended() if one > place]
        return Checkpoint(
            thread_id=self._thread.id,
            owner=self._thread.owner,
            id=run.id,
            created=run.finished or run.created,
            parent_id=older[0] if older else "",
            run_id=run.id,
            step=len(older),
            next=(run.agent,) if run.status == "interrupted" else (),
        )

    def _of_run(self, place: int) -> _Json:
        return self._state(self._made(place), self._said_by(place), self._runs[place])

    def _of_checkpoint(self, checkpoint: Checkpoint) -> _Json:
        for place, run in enumerate(self._runs):
            if run.id == checkpoint.run_id:
                return self._state(checkpoint, self._said_by(place), run)
        return self._state(checkpoint, self._messages, None)

    def _said_by(self, place: int) -> list[Message]:
        """Return what was said up to the end of a run: what stands before the first message of a later one."""
        later = {message.id for run in self._runs[:place] for message in (*run.input, *run.output)}
        return until(self._messages, later)

    def _state(self, checkpoint: Checkpoint, messages: Sequence[Message], run: Run | None) -> _Json:
        asked = [interrupt(one) for one in run.interrupts] if run is not None else []
        values = rewritten(checkpoint.state)
        if not any(message.get("type") == "ai" for message in _objects(values.get("messages"))) and messages:
            values["messages"] = all_written(messages)
        metadata: _Json = {
            **checkpoint.metadata,
            **self._thread.metadata,
            "source": checkpoint.source,
            "step": checkpoint.step,
            "run_id": checkpoint.run_id or None,
            "thread_id": self._thread.id,
            "graph_id": self._thread.agent,
            "assistant_id": self._thread.agent,
        }
        for inner in ("writes", "arrived"):
            metadata.pop(inner, None)
        parent = self._name(checkpoint.parent_id) if checkpoint.parent_id else None
        failed = run.error.message if run is not None and run.error is not None else None
        tasks = [
            {
                "id": checkpoint.run_id or self._thread.id,
                "name": node,
                "error": failed,
                "interrupts": asked,
                "checkpoint": None,
                "state": None,
                "result": None,
            }
            for node in checkpoint.next
        ]
        return {
            "values": values,
            "next": list(checkpoint.next),
            "tasks": tasks,
            "checkpoint": self._name(checkpoint.id),
            "metadata": metadata,
            "created_at": moment(checkpoint.created),
            "parent_checkpoint": parent,
            "interrupts": asked,
            "checkpoint_id": checkpoint.id or None,
            "parent_checkpoint_id": checkpoint.parent_id or None,
        }

    def _name(self, checkpoint_id: str) -> _Json:
        return {"thread_id": self._thread.id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id or None}


async def undo(service: Service, run: Run) -> None:
    """Make the thread's state what it was before a run that is to have never been."""
    store = service.store
    newest = await store.get_checkpoint(run.owner, run.thread_id)
    if newest is None or newest.run_id != run.id:
        return
    older = [one for one in await store.list_checkpoints(run.owner, run.thread_id, limit=RUNS) if one.run_id != run.id]
    base = older[0] if older else msgspec.structs.replace(newest, id="", state={}, next=(), metadata={}, step=-1)
    restored = msgspec.structs.replace(base, id=uuid7(), created=service.now(), parent_id=base.id, source="fork")
    await store.put_checkpoint(restored)


def _objects(values: Any) -> list[_Json]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
