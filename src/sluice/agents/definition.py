"""What an agent is, as data: its name, its model, its limits and what it may use. `agent.Agent` adds the decorators."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from sluice.agents.bounds import Bounds
from sluice.agents.callbacks import Callback
from sluice.agents.tools import Tool
from sluice.errors import BadRequest, ConfigError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}(?:\.[A-Za-z0-9_-]{1,64})?\Z")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z")
_LIMITS = ("ttft", "idle", "timeout", "buffer_timeout")
_COUNTS = ("buffer", "max_steps", "max_concurrent", "max_events", "max_event_bytes", "max_run_bytes")


class Definition:
    """An agent without its verbs.

    `name`: letters, digits, `_`, `-`, at most 64, optionally behind a company and a dot. `version`: semantic.
    `settings`: a type that clients' settings are converted to: a msgspec struct, a dataclass, a TypedDict, or anything
    with pydantic's `model_validate`.
    `ttft`, `idle`, `timeout`: seconds until the first chunk, between two chunks, and in all; None = no limit.
    `buffer`: events that the slowest viewer may be behind before `backpressure="block"` holds the handler up, for at
    most `buffer_timeout` seconds; with `merge` nobody holds anybody up. A `buffer_timeout` alone means `block`.
    `min_interval_ms`: text is joined into at most one event in so many milliseconds; 0 = each piece is one.
    `max_steps`: rounds of the tool loop. `max_concurrent`: runs at a time. `max_events`, `max_event_bytes`,
    `max_run_bytes`: of one run's log.
    `durable`: a run that a dead server left is run again from its last checkpoint, not ended as failed.
    `allow_system`: messages of the role `system` that clients send are kept.

    Raises:
        ConfigError: names everything that is wrong with it.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "1.0.0",
        description: str = "",
        model: str = "",
        instructions: str = "",
        settings: type[Any] | None = None,
        ttft: float | None = None,
        idle: float | None = None,
        timeout: float | None = 600.0,
        buffer: int = 256,
        buffer_timeout: float | None = None,
        backpressure: Literal["merge", "block"] | None = None,
        min_interval_ms: float = 0.0,
        max_steps: int = 25,
        max_concurrent: int = 1000,
        max_events: int = Bounds().events,
        max_event_bytes: int = Bounds().event_bytes,
        max_run_bytes: int = Bounds().run_bytes,
        durable: bool = False,
        allow_system: bool = False,
        temperature: float | None = None,
        max_tokens: int | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.name, self.version, self.description = name, version, description
        self.model, self.instructions, self.settings = model, instructions, settings
        self.ttft, self.idle, self.timeout = ttft, idle, timeout
        self.buffer, self.buffer_timeout = buffer, buffer_timeout
        self.backpressure = backpressure or ("merge" if buffer_timeout is None else "block")
        self.min_interval_ms, self.max_steps, self.max_concurrent = min_interval_ms, max_steps, max_concurrent
        self.max_events, self.max_event_bytes, self.max_run_bytes = max_events, max_event_bytes, max_run_bytes
        self.durable, self.allow_system = durable, allow_system
        self.temperature, self.max_tokens = temperature, max_tokens
        self.metadata = dict(metadata or {})
        self.tools: dict[str, Tool] = {}
        self.callbacks: dict[str, Callback] = {}
        self.endpoints: dict[str, Callable[..., Any]] = {}
        wrong = self._wrong()
        if wrong:
            raise ConfigError("; ".join(wrong), path=f"agent {name!r}")

    def _wrong(self) -> list[str]:
        wrong: list[str] = []
        if not _NAME.match(self.name):
            wrong.append(f"name {self.name!r}: 1 to 64 letters, digits, _ or -")
        if not _VERSION.match(self.version):
            wrong.append(f"version {self.version!r}: as 1.0.0")
        for field in _LIMITS:
            value = getattr(self, field)
            if value is not None and value <= 0:
                wrong.append(f"{field} {value!r}: seconds above 0, or None for no limit")
        counts = {field: getattr(self, field) for field in _COUNTS}
        wrong += [f"{field} {value!r}: at least 1" for field, value in counts.items() if value < 1]
        if self.min_interval_ms < 0:
            wrong.append(f"min_interval_ms {self.min_interval_ms!r}: at least 0")
        if self.backpressure not in ("merge", "block"):
            wrong.append(f"backpressure {self.backpressure!r}: merge or block")
        return wrong

    @property
    def bounds(self) -> Bounds:
        """How much a run may write."""
        return Bounds(events=self.max_events, event_bytes=self.max_event_bytes, run_bytes=self.max_run_bytes)

    def settings_of(self, given: dict[str, Any]) -> Any:
        """Return a client's settings as the agent's own type; as they are if it has none.

        Raises:
            BadRequest: they are of another shape; names the place.
        """
        if self.settings is None:
            return given
        validate = getattr(self.settings, "model_validate", None)
        try:
            return msgspec.convert(given, self.settings) if validate is None else validate(given)
        except (msgspec.ValidationError, ValueError) as error:
            sentence, _, path = str(error).partition(" - at `$")
            raise BadRequest(f"settings: {sentence}", param=f"settings{path.rstrip('`')}") from None
