"""What stores keep beside the log: threads, runs, checkpoints, items. Facts; whoever changes one writes a new one."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from sluice.runs.events import InterruptRequested, RunStats, TokenUsage
from sluice.runs.messages import Message

ThreadStatus = Literal["idle", "busy", "interrupted", "error"]
RunStatus = Literal["pending", "running", "success", "error", "timeout", "interrupted", "cancelled"]
LIVE: frozenset[RunStatus] = frozenset({"pending", "running"})
OnDisconnect = Literal["continue", "cancel"]
Multitask = Literal["enqueue", "reject", "interrupt", "rollback"]


class _Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row. Times are milliseconds since 1970."""


class Thread(_Record, frozen=True, kw_only=True):
    """A conversation. It belongs to `owner`, and its id is unique among that owner's: clients may choose it, and two
    that choose the same never meet."""

    id: str
    owner: str
    created: int
    updated: int
    agent: str = ""
    status: ThreadStatus = "idle"
    metadata: dict[str, Any] = {}


class RunError(_Record, frozen=True, kw_only=True):
    code: str
    message: str
    retryable: bool = False
    status: int = 500


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as a model is told of it."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = {}
    """JSON schema of an object."""


class Run(_Record, frozen=True, kw_only=True):
    """One time that an agent was asked. Its id is ours, unique everywhere."""

    id: str
    thread_id: str
    owner: str
    agent: str
    created: int
    version: str = ""
    stored: bool = True
    """Whether its messages stay in the thread; False for what was asked without one."""
    request_id: str = ""
    """Given by the client; unique among the owner's runs of the agent."""
    digest: str = ""
    """Of the request's body: the same id with another digest is a conflict."""
    status: RunStatus = "pending"
    input: tuple[Message, ...] = ()
    settings: dict[str, Any] = {}
    context: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    tools: tuple[ToolSpec, ...] = ()
    """The client's own: the model may call them, and the client carries them out."""
    options: dict[str, Any] = {}
    """What a protocol wants to find again when a reader comes back: stream modes, ids of its own."""
    resumes: str = ""
    """The interrupted run that this one resumes."""
    root: str = ""
    """The first run of the chain of resumptions; empty = this one."""
    answers: dict[str, Any] = {}
    """Of the whole chain: interrupt id -> `{"status": "resolved" | "cancelled", "value": …}`."""
    answered: tuple[str, ...] = ()
    """Those of `answers` that this run brought."""
    brought: tuple[Message, ...] = ()
    """Messages that came with the answers: for the thread, not for the handler, which sees what it saw first."""
    interrupts: tuple[InterruptRequested, ...] = ()
    """The open questions with which it ended."""
    replace_history: bool = False
    """`input` is the whole conversation and becomes the thread's."""
    checkpoint_id: str = ""
    """The checkpoint it began from; empty = the newest when its turn came, `-` = none."""
    on_disconnect: OnDisconnect = "continue"
    linger_s: float = 5.0
    multitask: Multitask = "enqueue"
    timeout_s: float | None = None
    """Bounds what the agent allows, never widens it."""
    output: tuple[Message, ...] = ()
    error: RunError | None = None
    usage: TokenUsage = TokenUsage()
    stats: RunStats = RunStats()
    started: int = 0
    finished: int = 0
    last_seq: int = 0
    worker: str = ""
    """Who runs it."""
    lease_until: int = 0


class Checkpoint(_Record, frozen=True, kw_only=True):
    """The state of a thread at one step; `parent_id` empty = the first."""

    thread_id: str
    owner: str
    id: str
    created: int
    ns: str = ""
    parent_id: str = ""
    run_id: str = ""
    step: int = -1
    source: Literal["input", "loop", "update", "fork"] = "loop"
    state: dict[str, Any] = {}
    next: tuple[str, ...] = ()
    """Nodes that would run next."""
    metadata: dict[str, Any] = {}


class Item(_Record, frozen=True, kw_only=True):
    """A value that outlives threads."""

    namespace: tuple[str, ...]
    key: str
    value: Any
    created: int
    updated: int
    expires: int = 0
    """0 = never."""
