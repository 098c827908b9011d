"""What `langgraph-sdk` sends about threads and their states. agents.md C.4."""

from typing import Any, Literal

import msgspec

from sluice.runs.records import ThreadStatus

_Json = dict[str, Any]


class Create(msgspec.Struct, frozen=True, kw_only=True):
    thread_id: str | None = None
    metadata: _Json = {}
    if_exists: Literal["raise", "do_nothing"] = "raise"
    ttl: Any = None
    supersteps: Any = None


class Update(msgspec.Struct, frozen=True, kw_only=True):
    metadata: _Json = {}
    ttl: Any = None


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Of `/threads/search` and `/threads/count`."""

    metadata: _Json | None = None
    values: _Json | None = None
    ids: list[str] | None = None
    status: ThreadStatus | None = None
    limit: int = 10
    offset: int = 0
    sort_by: str = "updated_at"
    sort_order: Literal["asc", "desc"] = "desc"
    select: list[str] | None = None
    extract: Any = None


class Prune(msgspec.Struct, frozen=True, kw_only=True):
    thread_ids: list[str]
    strategy: Literal["delete", "keep_latest"] = "delete"


class UpdateState(msgspec.Struct, frozen=True, kw_only=True):
    values: Any = None
    as_node: str | None = None
    checkpoint: _Json | None = None
    checkpoint_id: str | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    limit: int = 10
    before: str | _Json | None = None
    metadata: _Json | None = None
    checkpoint: _Json | None = None


class AtCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    checkpoint: _Json
    subgraphs: bool = False
