"""Anthropic Messages, streaming and not, as client and as provider.

Sources: platform.claude.com/docs/en/api/messages, .../build-with-claude/streaming and the typed models of the official
client (2.11), read 2026-11-21. Habits of peers that this dialect bears, each with a test: counts in `message_start`,
in `message_delta`, in both; a call's whole input in its start; blocks left open at the end; `type` missing where the
event's name says it; an error event that is no JSON; `[DONE]` after the end.
"""

from collections.abc import Sequence

from sluice.chat.caching import PromptCaching
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.anthropic_messages import answer as answers
from sluice.dialects.anthropic_messages import caching as caches
from sluice.dialects.anthropic_messages import conversation_read, conversation_write, decode, encode, errors
from sluice.dialects.anthropic_messages import request as requests
from sluice.dialects.anthropic_messages.facts import FACTS
from sluice.dialects.anthropic_messages.schema import MODULE_ID
from sluice.dialects.dialect import Facts, StreamDecoder, StreamEncoder
from sluice.dialects.writing import to_json
from sluice.errors import Refused, SluiceError

_UNKNOWN_DAY = "1970-01-01T00:00:00Z"
"""The vendor's own word for a release date that is not known (types/model_info.py)."""


class AnthropicMessages:
    """See `dialects.dialect.Dialect` for the obligations of each method."""

    module_id = MODULE_ID

    @property
    def facts(self) -> Facts:
        return FACTS

    def read_request(
        self, body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse"
    ) -> ChatRequest:
        return requests.read(body, model=model, stream=stream, framing=framing)

    def write_request(self, request: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        return requests.write(request, model=model)

    def read_conversation(self, request: ChatRequest) -> Conversation:
        return conversation_read.read(request)

    def write_conversation(self, conversation: Conversation, *, model: str, stream: bool, ask_usage: bool) -> bytes:
        return conversation_write.write(conversation, model=model, stream=stream)

    def enrich(
        self, request: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]
    ) -> ChatRequest:
        return requests.enrich(request, prepend, append)

    def cached(self, request: ChatRequest, caching: PromptCaching) -> ChatRequest:
        return caches.mark(request, caching)

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        return decode.MessagesDecoder(keep_leftovers=keep_leftovers)

    def encoder(self, request: ChatRequest) -> StreamEncoder:
        return encode.MessagesEncoder(request)

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        return answers.read(body, keep_leftovers=keep_leftovers)

    def write_answer(self, answer: Answer, request: ChatRequest) -> bytes:
        return answers.write(answer, request)

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        names = [name for name, _ in models]
        rows = [{"type": "model", "id": name, "display_name": name, "created_at": _UNKNOWN_DAY} for name in names]
        first, last = (names[0], names[-1]) if names else (None, None)
        return to_json({"data": rows, "has_more": False, "first_id": first, "last_id": last})

    def read_error(self, status: int, body: bytes) -> Refused:
        return errors.read(status, body)

    def error_status(self, error: SluiceError) -> int:
        return errors.status_of(error)

    def write_error(self, error: SluiceError) -> bytes:
        return errors.write(error)


ANTHROPIC_MESSAGES = AnthropicMessages()
