"""OpenAI Responses: a run as typed events with their own gapless numbers, and as one response object.

    response.created ─ response.in_progress ─ (output_item.added … output_item.done) × n ─ response.completed

An answer that was cut is `response.incomplete`, as is a cancelled one (its status says so: the protocol has no event
for it); what failed or ran out of time is `response.failed`. An interrupt is a call of the function `interrupt`, and
completes the response: the client answers with a `function_call_output`.

Source: platform.openai.com/docs/api-reference/responses-streaming, openresponses.org/specification and the types of the
official client, read 2026-11-21. agents.md C.5, E.2.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from sluice.runs.events import (
    Event,
    File,
    InterruptRequested,
    MessageFinished,
    ReasoningDelta,
    ReasoningFinished,
    ReasoningStarted,
    RunFailed,
    RunFinished,
    RunStarted,
    Source,
    TextDelta,
    TextFinished,
    TextStarted,
    TokenUsage,
    ToolFailed,
    ToolInput,
    ToolInputDelta,
    ToolOutput,
    ToolStarted,
)
from sluice.runs.projection import Frame
from sluice.runs.projections.openai_chat import arguments_of, call_of
from sluice.runs.projections.openai_failure import failure_of
from sluice.runs.projections.responses_items import Items, Json, as_text

PREFIX = "resp_"
"""Before the run's id."""
UNSAID: Mapping[str, Any] = {
    "background": False,
    "conversation": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": None,
    "store": True,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
"""What a response repeats of its request, where the request does not say it."""
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}
_ERRORS = {"rate_limited": "rate_limit_exceeded", "guard": "invalid_prompt"}
"""The protocol's codes are a closed set; all others are `server_error`."""
_encode = msgspec.json.Encoder().encode


class Responses:
    """One response. `echo`: what it repeats of its request. Frames up to number `starting_after` are not said."""

    name: ClassVar[str] = "responses"
    content_type: ClassVar[str] = "text/event-stream"
    heartbeat_s: ClassVar[float] = 15.0
    merges: ClassVar[bool] = False
    folds: ClassVar[bool] = True

    def __init__(self, echo: Mapping[str, Any] | None = None, *, starting_after: int = -1) -> None:
        self._echo = {**UNSAID, **(echo or {})}
        self._after = starting_after
        self._number = 0
        """Of the next frame."""
        self._frames: list[Frame] = []
        self._items = Items(self._say)
        self._folded_away: set[str] = set()
        """Blocks of text that are not the answer: they are told as reasoning."""
        self._finish = ""
        self._state: Json = {"status": "queued", "output": []}

    def step(self, event: Event) -> list[Frame]:
        self._frames = []
        self._take(event)
        if self._frames:
            self._frames[-1] = msgspec.structs.replace(self._frames[-1], id=str(event.seq))
        return self._frames

    def end(self) -> list[Frame]:
        return []

    def response(self) -> Json:
        """Return the response as it is now."""
        return {**self._state, "output": self._items.output()}

    def _say(self, kind: str, members: Json) -> None:
        number, self._number = self._number, self._number + 1
        if number > self._after:
            data = _encode({"type": kind, "sequence_number": number, **members})
            self._frames.append(Frame(data, kind))

    def _take(self, event: Event) -> None:
        match event:
            case TextStarted() | TextDelta() | TextFinished():
                self._text(event)
            case ReasoningStarted() | ReasoningDelta() | ReasoningFinished():
                self._thought(event)
            case ToolStarted() | ToolInputDelta() | ToolInput() | ToolOutput() | ToolFailed():
                self._tool(event)
            case InterruptRequested():
                self._items.open_call(call_of(event), "interrupt")
                self._items.call_input(call_of(event), arguments_of(event))
                self._items.close_call(call_of(event), None)
            case MessageFinished():
                self._finish = event.finish_reason
            case Source() if event.url:
                self._items.source(event.url, event.title)
            case File():
                self._file(event)
            case RunStarted():
                self._start(event)
            case RunFinished() | RunFailed():
                self._last(event)

    # -- the response -------------------------------------------------------------------------------------------------

    def _start(self, event: RunStarted) -> None:
        self._state = {
            "id": PREFIX + event.run_id,
            "object": "response",
            "created_at": event.ts // 1000,
            "status": "in_progress",
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "model": f"agent/{event.agent}",
            "output": [],
            "usage": None,
            **self._echo,
        }
        self._say("response.created", {"response": self._state})
        self._say("response.in_progress", {"response": self._state})

    def _last(self, event: RunFinished | RunFailed) -> None:
        failure = failure_of(event)
        state = self._state
        state["usage"] = usage(event.usage)
        if failure is None and self._finish in _CUT:
            state |= {"status": "incomplete", "incomplete_details": {"reason": _CUT[self._finish]}}
        elif failure is None:
            state |= {"status": "completed", "completed_at": event.ts // 1000}
        elif failure.code == "cancelled":
            state["status"] = "cancelled"
        else:
            error = {"code": _ERRORS.get(failure.code, "server_error"), "message": failure.message}
            state |= {"status": "failed", "error": error}
        if state["status"] != "completed":
            self._items.cut()
        state["output"] = self._items.output()
        kind = "incomplete" if state["status"] == "cancelled" else state["status"]
        self._say(f"response.{kind}", {"response": state})

    # -- items --------------------------------------------------------------------------------------------------------

    def _text(self, event: TextStarted | TextDelta | TextFinished) -> None:
        items, aside = self._items, event.id in self._folded_away
        match event:
            case TextStarted(channel="text"):
                items.open_text(event.id)
            case TextStarted():
                self._folded_away.add(event.id)
                items.open_thought(event.id)
            case TextDelta():
                (items.thought if aside else items.text)(event.id, event.text)
            case TextFinished():
                (items.close_thought if aside else items.close_text)(event.id)

    def _thought(self, event: ReasoningStarted | ReasoningDelta | ReasoningFinished) -> None:
        match event:
            case ReasoningStarted():
                self._items.open_thought(event.id)
            case ReasoningDelta():
                self._items.thought(event.id, event.text)
            case ReasoningFinished():
                self._items.close_thought(event.id)

    def _tool(self, event: ToolStarted | ToolInputDelta | ToolInput | ToolOutput | ToolFailed) -> None:
        match event:
            case ToolStarted():
                self._items.open_call(event.id, event.name)
            case ToolInputDelta():
                self._items.call_input(event.id, event.text)
            case ToolInput():
                self._items.close_call(event.id, event.input)
            case ToolOutput():
                self._items.result(event.id, as_text(event.output))
            case ToolFailed():
                self._items.result(event.id, event.error, failed=True)

    def _file(self, event: File) -> None:
        head, found, data = event.url.partition(";base64,")
        if found and head.startswith("data:image/"):
            self._items.picture(event.id, data, head.removeprefix("data:image/"))


def usage(spent: TokenUsage) -> Json:
    """Return tokens as Responses count them."""
    cached = {"cached_tokens": spent.cache_read_tokens, "cache_write_tokens": spent.cache_write_tokens}
    return {
        "input_tokens": spent.input_tokens,
        "input_tokens_details": cached,
        "output_tokens": spent.output_tokens,
        "output_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
        "total_tokens": spent.total_tokens,
    }
