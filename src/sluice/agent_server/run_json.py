"""Records as JSON, in the words of the Agent Protocol with ours beside them. agents.md C.4, D.4."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from sluice.runs.messages import Message
from sluice.runs.records import Run


def moment(ms: int) -> str:
    """Return a time as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def run_json(run: Run) -> dict[str, Any]:
    """Return a run. `status` is ours: `cancelled` beside those of the Agent Protocol."""
    return {
        "run_id": run.id,
        "thread_id": run.thread_id,
        "assistant_id": run.agent,
        "agent": run.agent,
        "version": run.version,
        "status": run.status,
        "created_at": moment(run.created),
        "updated_at": moment(run.finished or run.started or run.created),
        "metadata": run.metadata,
        "multitask_strategy": run.multitask,
        "request_id": run.request_id,
        "resumes": run.resumes or None,
        "output": [message_json(message) for message in run.output],
        "error": None if run.error is None else msgspec.to_builtins(run.error),
        "usage": msgspec.to_builtins(run.usage),
        "stats": msgspec.to_builtins(run.stats),
        "last_seq": run.last_seq,
    }


def message_json(message: Message) -> dict[str, Any]:
    """Return a message: its role, its parts, and its text for those who want no more."""
    said: dict[str, Any] = msgspec.to_builtins(message)
    return {**said, "text": message.text}
