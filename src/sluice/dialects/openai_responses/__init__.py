"""OpenAI Responses, streaming and not, as client and as provider.

Sources: platform.openai.com/docs/api-reference/responses and /responses-streaming, read 2026-11-21; the typed models of
the official client. Habits of peers that this dialect bears, each with a test: texts and arguments that come only in a
`.done`; an output that comes only with `response.completed`; no `sequence_number`; `[DONE]` after the end; errors as an
`error` event, flat or nested, or as a bare error object.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.caching import PromptCaching
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.dialect import Facts, StreamDecoder, StreamEncoder
from sluice.dialects.openai_responses import (
    answer,
    conversation_read,
    conversation_write,
    decode,
    encode,
    errors,
    request,
)
from sluice.dialects.openai_responses.facts import FACTS
from sluice.dialects.openai_responses.schema import MODULE_ID
from sluice.errors import Refused, SluiceError


class OpenAIResponses:
    """See `dialects.dialect.Dialect` for the obligations of each method."""

    module_id = MODULE_ID
    facts: Facts = FACTS

    def read_request(
        self, body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse"
    ) -> ChatRequest:
        return request.read(body, model=model, stream=stream, framing=framing)

    def write_request(self, chat: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        return request.write(chat, model=model)

    def read_conversation(self, chat: ChatRequest) -> Conversation:
        return conversation_read.read(chat)

    def write_conversation(self, conversation: Conversation, *, model: str, stream: bool, ask_usage: bool) -> bytes:
        return conversation_write.write(conversation, model=model, stream=stream)

    def enrich(
        self, chat: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]
    ) -> ChatRequest:
        return request.enrich(chat, prepend, append)

    def cached(self, request: ChatRequest, caching: PromptCaching) -> ChatRequest:
        return request  # this API keeps prompts by itself

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        return decode.ResponsesStreamDecoder(keep_leftovers=keep_leftovers)

    def encoder(self, chat: ChatRequest) -> StreamEncoder:
        return encode.ResponsesStreamEncoder(chat)

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        return answer.read(body, keep_leftovers=keep_leftovers)

    def write_answer(self, whole: Answer, chat: ChatRequest) -> bytes:
        return answer.write(whole, chat)

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name, owner in models]
        return msgspec.json.encode({"object": "list", "data": rows})

    def read_error(self, status: int, body: bytes) -> Refused:
        return errors.read(status, body)

    def error_status(self, error: SluiceError) -> int:
        return errors.status_of(error)

    def write_error(self, error: SluiceError) -> bytes:
        return errors.write(error)


OPENAI_RESPONSES = OpenAIResponses()
