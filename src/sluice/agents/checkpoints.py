"""The state of a thread as one run sees and changes it: where it begins, and the checkpoints it leaves.

A handler's state is kept when its run has ended, however it ended, but not when it ended with a question: then the
handler runs again and changes it again. A graph keeps its own after every step.
"""

from typing import Any, Literal

import msgspec

from sluice.agents.ids import uuid7
from sluice.agents.ports import Now, Store
from sluice.runs.records import Checkpoint, Run

Source = Literal["input", "loop", "update", "fork"]


class Checkpoints:
    """Those of one run. `begun`: the checkpoint that the run begins from; `left`: where a graph goes on that was
    interrupted, or whose worker died."""

    def __init__(self, store: Store, run: Run, now: Now, begun: Checkpoint | None, left: Checkpoint | None) -> None:
        self._store, self._run, self._now = store, run, now
        self.begun, self.left = begun, left
        self._parent = "" if begun is None else begun.id
        self._step = -1 if begun is None else begun.step
        self.state: dict[str, Any] = {} if begun is None else begun.state
        """As it was kept last; whoever changes it works on a copy."""
        self._kept = encoded(self.state)

    def changed(self, state: dict[str, Any]) -> bool:
        """Return whether this is another state than was kept last.

        Raises:
            TypeError: it holds what JSON has no word for.
        """
        return encoded(state) != self._kept

    async def save(
        self,
        state: dict[str, Any],
        following: tuple[str, ...] = (),
        step: int | None = None,
        source: Source = "loop",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Keep this state, behind the one before, and before that what was said up to here: a checkpoint never knows
        more than the log, or a run that goes on from it would leave something out. A run without a thread keeps
        nothing."""
        kept = encoded(state)
        self._kept, self.state = kept, msgspec.json.decode(kept)
        self._step = self._step + 1 if step is None else step
        if not self._run.stored:
            return
        checkpoint = Checkpoint(
            thread_id=self._run.thread_id,
            owner=self._run.owner,
            id=uuid7(),
            created=self._now(),
            parent_id=self._parent,
            run_id=self._run.id,
            step=self._step,
            source=source,
            state=self.state,
            next=following,
            metadata=metadata or {},
        )
        self._parent = checkpoint.id
        await self._store.flush()
        await self._store.put_checkpoint(checkpoint)


def encoded(state: Any) -> bytes:
    """Return a state as bytes that are the same for the same state.

    Raises:
        TypeError: it holds what JSON has no word for.
    """
    return msgspec.json.encode(state, order="deterministic")


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return what changed in the members of a state, as RFC 6902 has it."""
    patch: list[dict[str, Any]] = [{"op": "remove", "path": pointer(name)} for name in before if name not in after]
    for name, value in after.items():
        if name not in before:
            patch.append({"op": "add", "path": pointer(name), "value": value})
        elif before[name] != value:
            patch.append({"op": "replace", "path": pointer(name), "value": value})
    return tuple(patch)


def pointer(name: str) -> str:
    """Return the JSON pointer of a member (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
