"""Events to the events of a Responses stream.

A machine that cannot write an illegal order: `response.created` and `response.in_progress` first; then items, each
added, filled and done before the next one; one terminal event last, with the whole output; numbered from 0 without a
gap. Calls whose arguments interleave are written one after the other: the first as it comes, the others collected.
The API knows one choice; events of others are left out.
"""

from collections import deque

from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Ended,
    Event,
    Failed,
    Leftover,
    Reported,
    Sealed,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    Unrecognised,
)
from sluice.chat.request import ChatRequest
from sluice.chat.usage import Usage
from sluice.dialects.openai_responses import errors, logprobs
from sluice.dialects.openai_responses.calls_write import CallItem
from sluice.dialects.openai_responses.output_write import Item, OpaqueItem, Output, ReasoningItem, TextItem
from sluice.dialects.openai_responses.response import Head, echo, response
from sluice.dialects.openai_responses.schema import FINISH_WRITTEN
from sluice.dialects.openai_responses.strings import item_id, response_id
from sluice.dialects.openai_responses.tool_names import ClientTool, client_tools
from sluice.dialects.writing import whole
from sluice.errors import InBandFailure, SluiceError

_CUT = frozenset(["length", "content_filter"])
_ERROR = InBandFailure("the provider ended its answer with an error")


class ResponsesStreamEncoder:
    """One stream to one client. See `StreamEncoder`."""

    def __init__(self, request: ChatRequest) -> None:
        self._tools = client_tools(request.fields)
        self._members = echo(request.fields)
        self._said = Started("", "")
        self._begun = self._ended = False
        self._output = Output()
        self._open: deque[Item] = deque()
        """Items that are not done, oldest first. Only the first is written as it grows."""
        self._last: Item | None = None
        self._calls: dict[int, CallItem] = {}
        self._call_ids: set[str] = set()
        self._refused = self._cut = False
        self._finished: ChoiceFinished | None = None
        self._usage: Usage | None = None

    def encode(self, event: Event) -> bytes:
        if self._ended:
            return b""
        match event:
            case TextDelta(choice=0):
                return self._text(event)
            case ToolCallDelta(choice=0):
                return self._grown(self._call(event.index), whole(event.arguments))
            case ChoiceFinished(choice=0):
                return self._finish(event)
            case Started():
                self._start(event)
            case Reported():
                self._usage = event.usage
            case Leftover(place=""):
                self._members |= event.fields
            case Ended():
                return self._end()
            case Failed():
                return self._fail(event.error)
            case _:
                return self._told(event)
        return b""

    def _told(self, event: Event) -> bytes:
        """The rarer pieces of an item."""
        out = b""
        match event:
            case ToolCallStarted(choice=0):
                self._start_call(event.index, event.id, event.name)
            case Sealed(choice=0):
                self._seal(event)
            case Unrecognised(choice=0) if event.part is not None:
                self._push(OpaqueItem(event.part))
            case Cited(choice=0):
                out = self._words("text").cite(event.citation)
            case _:
                return out
        return out + self._advance()

    # -- items --------------------------------------------------------------------------------------------------------

    def _text(self, event: TextDelta) -> bytes:
        text = event.text if event.text.isascii() else whole(event.text)
        if event.channel == "reasoning":
            out = self._thoughts().add(text)
        else:
            self._refused |= event.channel == "refusal" and bool(text)
            rows = [] if event.logprobs is None else logprobs.rows_of(event.logprobs)
            out = self._words(event.channel).add(text, rows)
        return out or self._advance()

    def _words(self, channel: str) -> TextItem:
        last = self._last
        if isinstance(last, TextItem) and last.channel == channel:
            return last
        opened = TextItem(channel)
        self._push(opened)
        return opened

    def _thoughts(self) -> ReasoningItem:
        last = self._last
        if isinstance(last, ReasoningItem) and not last.sealed:
            return last
        opened = ReasoningItem()
        self._push(opened)
        return opened

    def _seal(self, event: Sealed) -> None:
        if event.seal.kind in ("redacted", "text"):
            self._push(ReasoningItem())
        self._thoughts().seal(event.seal)

    def _call(self, index: int) -> CallItem:
        return self._calls.get(index) or self._start_call(index, "", "")

    def _start_call(self, index: int, said: str, name: str) -> CallItem:
        """The official client tells calls apart by their ids: no two may have the same."""
        call_id = whole(said)
        if not call_id or call_id in self._call_ids:
            call_id = item_id(call_id or "call", self._said.id, len(self._call_ids))
        self._call_ids.add(call_id)
        name = whole(name)
        call = self._calls[index] = CallItem(call_id, self._tools.get(name) or ClientTool(name))
        self._push(call)
        return call

    def _push(self, item: Item) -> None:
        self._open.append(item)
        self._last = item

    def _grown(self, call: CallItem, arguments: str) -> bytes:
        out = call.add(arguments)
        return out + self._advance() if len(self._open) > 1 else out or self._advance()

    def _advance(self) -> bytes:
        """Write what may be written: open the first item, and as long as it is done, the next one."""
        out, items, finished = b"", self._open, self._finished is not None
        while items:
            item, followed = items[0], len(items) > 1 or finished
            if not item.visible:
                if not followed:
                    break
                items.popleft()  # a channel that was opened and never had a word
                continue
            if not item.opened:
                out += self._begin() + item.open(self._output)
            if not (item.sealed or finished or (followed and item.whole)):
                break
            # Of an answer that was cut, the last item is incomplete; so is any call whose arguments are no JSON.
            cut = self._cut and (len(items) == 1 or isinstance(item, CallItem))
            out += item.close(self._output, incomplete=cut)
            items.popleft()
        return out

    # -- the response -------------------------------------------------------------------------------------------------

    def _start(self, event: Started) -> None:
        """Nothing is written yet: Azure's first chunk names nobody, and the id of a response never changes once it was
        told, for the official client insists on it."""
        old = self._said
        said = Started(event.id or old.id, whole(event.model) or old.model, event.created or old.created)
        self._said = Started(old.id, said.model, said.created) if self._begun else said

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        self._said = Started(response_id(self._said.id), self._said.model, self._said.created)
        self._output.response = self._said.id
        members: dict[str, object] = {"response": self._response("in_progress")}
        created = self._output.event("response.created", members)
        return created + self._output.event("response.in_progress", members)

    def _finish(self, event: ChoiceFinished) -> bytes:
        if event.reason == "refusal" and not self._refused:
            self._push(TextItem("refusal", forced=True))  # it has no words, but a refusal it is
        self._finished, self._cut = event, event.reason in _CUT
        return self._begin() + self._advance()

    # -- the end ------------------------------------------------------------------------------------------------------

    def _end(self) -> bytes:
        out = self._begin()
        kind, body = self._terminal()
        self._ended = True
        return out + self._output.event(f"response.{kind}", {"response": body})

    def _fail(self, error: SluiceError) -> bytes:
        out = self._begin()
        body = self._response("failed", error=errors.in_response(error))
        self._ended = True
        return out + self._output.event("response.failed", {"response": body})

    def whole(self) -> dict[str, object]:
        """Return the response object of an answer all of whose events were encoded."""
        self._begin()
        return self._terminal()[1]

    def _terminal(self) -> tuple[str, dict[str, object]]:
        word = FINISH_WRITTEN[self._finished.reason] if self._finished else "failed"
        if word == "completed":
            return word, self._response(word)
        if word == "failed":
            return word, self._response(word, error=errors.in_response(_ERROR))
        return "incomplete", self._response("incomplete", reason=word)

    def _response(self, status: str, *, reason: str = "", error: dict[str, object] | None = None) -> dict[str, object]:
        said = self._said
        head = Head(id=said.id, model=said.model, created=said.created, members=self._members)
        usage = None if status == "in_progress" else self._usage
        return response(head, status, self._output.items, usage=usage, reason=reason, error=error)
