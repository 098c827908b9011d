"""What is known of a button: the record behind its token. How it changes: `agents.buttons`."""

from typing import Any, Literal

import msgspec

Status = Literal["pending", "processing", "completed", "failed", "expired"]


class Button(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a button. Times are milliseconds since 1970."""

    agent: str
    version: str
    handler: str
    params: dict[str, Any]
    owner: str
    """Who alone may press it."""
    thread_id: str
    run_id: str
    stored: bool
    """Whether the thread is kept."""
    created: int
    expires: int
    scopes: tuple[str, ...] = ()
    status: Status = "pending"
    since: int = 0
    """When it came into this status."""
    retries: int = 0
    """Presses that failed."""
    last_error: str = ""
    key: str = ""
    """The idempotency key of the press that is or was answered."""
    result: dict[str, Any] | None = None
    """What that press was answered."""
