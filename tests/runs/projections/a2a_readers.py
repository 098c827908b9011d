"""Readers of A2A streams for tests: what a client makes of the frames, and the rules of agents.md C.3."""

import json
from typing import Any

from sluice.runs.projection import Frame

STILL = {"completed", "canceled", "failed", "input-required"}


class Read:
    """One frame, whatever the version: `kind` is task, status or artifact."""

    def __init__(self, frame: Frame) -> None:
        body = json.loads(frame.data)
        names = {"task": "task", "statusUpdate": "status", "artifactUpdate": "artifact"}
        if "kind" in body:
            self.kind = {"task": "task", "status-update": "status", "artifact-update": "artifact"}[body["kind"]]
            self.body: dict[str, Any] = body
        else:
            ((name, self.body),) = body.items()
            self.kind = names[name]

    @property
    def state(self) -> str:
        """As 0.3 spells it."""
        state: str = self.body["status"]["state"]
        return state.removeprefix("TASK_STATE_").lower().replace("_", "-").replace("cancelled", "canceled")

    @property
    def task_id(self) -> str:
        return str(self.body["id" if self.kind == "task" else "taskId"])


def check_order(frames: list[Frame]) -> None:
    """The task, submitted; working; pieces of artifacts, each `append` but the first, nothing behind the last; one end,
    and nothing behind it."""
    read = [Read(frame) for frame in frames]
    assert [one.kind for one in read[:2]] == ["task", "status"]
    assert [one.state for one in read[:2]] == ["submitted", "working"]
    assert len({one.task_id for one in read}) == len({one.body["contextId"] for one in read}) == 1
    begun: set[str] = set()
    ended: set[str] = set()
    for one in read[2:-1]:
        if one.kind == "status":
            assert one.state == "working"
            continue
        assert one.kind == "artifact"
        name = one.body["artifact"]["artifactId"]
        assert name not in ended
        assert bool(one.body.get("append")) == (name in begun)
        assert one.body["artifact"]["parts"]
        begun.add(name)
        ended |= {name} if one.body.get("lastChunk") else set()
    assert begun == ended
    assert read[-1].kind == "status"
    assert read[-1].state in STILL


def artifacts_of(frames: list[Frame]) -> dict[str, list[Any]]:
    """Return what a client has of the artifacts; the pieces of a text are one."""
    found: dict[str, list[Any]] = {}
    for one in map(Read, frames):
        if one.kind == "task":
            found = {piece["artifactId"]: list(piece["parts"]) for piece in one.body.get("artifacts", [])}
        elif one.kind == "artifact":
            piece = one.body["artifact"]
            kept = found.setdefault(piece["artifactId"], []) if one.body.get("append") else []
            found[piece["artifactId"]] = kept + piece["parts"]
    return {name: _joined(parts) for name, parts in found.items()}


def _joined(parts: list[Any]) -> list[Any]:
    out: list[Any] = []
    for part in parts:
        if out and "text" in part and "text" in out[-1]:
            out[-1] = out[-1] | {"text": out[-1]["text"] + part["text"]}
        else:
            out.append(part)
    return out
