"""What a client asks of an agent, in no protocol's words: each protocol reads its body into this."""

from typing import Any, Literal

import msgspec

from sluice.runs.messages import Message
from sluice.runs.records import Multitask, OnDisconnect, ToolSpec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to an interrupt."""

    status: Literal["resolved", "cancelled"] = "resolved"
    value: Any = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a run."""

    owner: str
    """The authenticated principal."""
    agent: str = ""
    """Name, with `::version` if one is wanted; empty = the default agent."""
    input: tuple[Message, ...] = ()
    thread_id: str = ""
    """Empty = a run of its own; its messages are not kept."""
    create_thread: bool = True
    """Whether a thread of that id is made if there is none; otherwise it is NotFound."""
    replace_history: bool = False
    """`input` is the whole conversation: the protocol's client keeps it, and the thread's messages become these."""
    request_id: str = ""
    digest: str = ""
    """Of the body: the same request id with another digest is a Conflict."""
    settings: dict[str, Any] = {}
    context: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    tools: tuple[ToolSpec, ...] = ()
    """The client's own, which it carries out itself."""
    options: dict[str, Any] = {}
    """Kept with the run for the protocol."""
    answers: dict[str, Answer] = {}
    """Answers to the interrupts of the thread's last run; the key `*` answers whichever is first."""
    resumes: str = ""
    """The run that asked them; empty = the newest of the thread."""
    keep_system: bool = False
    """Whether system messages of the client are part of the request in this protocol (agents.md E.6)."""
    on_disconnect: OnDisconnect = "continue"
    linger_s: float = 5.0
    """How long a run without a viewer goes on, if `on_disconnect` is `cancel`."""
    multitask: Multitask = "enqueue"
    timeout_s: float | None = None
    checkpoint_id: str = ""
    """Begin from this checkpoint of the thread instead of the newest."""
