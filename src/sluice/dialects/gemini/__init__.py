"""Gemini's generateContent and streamGenerateContent, as client and as provider, on the Gemini API and on Vertex.

Sources: ai.google.dev/api/generate-content, the types of google-genai 3.4, read 2026-11-21. Habits of peers that this
dialect bears, each with a test: usage in every chunk; a finish reason that is said twice; `FINISH_REASON_UNSPECIFIED`
while nothing has finished; calls without ids; an answer that is an array of chunks; one object where a list is wanted;
snake_case for camelCase; an error in a list.
"""

from collections.abc import Sequence

from sluice.chat.caching import PromptCaching
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.dialect import Facts, StreamDecoder, StreamEncoder
from sluice.dialects.gemini import answer, conversation_read, conversation_write, decode, encode, errors, request
from sluice.dialects.gemini.facts import FACTS
from sluice.dialects.gemini.schema import MODULE_ID
from sluice.dialects.writing import to_json
from sluice.errors import Refused, SluiceError


class Gemini:
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
        return conversation_write.write(conversation, model=model)

    def enrich(
        self, chat: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]
    ) -> ChatRequest:
        return request.enrich(chat, prepend, append)

    def cached(self, request: ChatRequest, caching: PromptCaching) -> ChatRequest:
        return request  # this API keeps prompts by itself

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        return decode.GeminiStreamDecoder(keep_leftovers=keep_leftovers)

    def encoder(self, chat: ChatRequest) -> StreamEncoder:
        return encode.GeminiStreamEncoder(framing=chat.framing, asked_model=chat.model)

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        return answer.read(body, keep_leftovers=keep_leftovers)

    def write_answer(self, whole: Answer, chat: ChatRequest) -> bytes:
        return answer.write(whole, asked_model=chat.model)

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        methods = ["generateContent", "streamGenerateContent"]
        rows = [
            {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods} for name, _ in models
        ]
        return to_json({"models": rows})

    def read_error(self, status: int, body: bytes) -> Refused:
        return errors.read(status, body)

    def error_status(self, error: SluiceError) -> int:
        return errors.status_of(error)

    def write_error(self, error: SluiceError) -> bytes:
        return errors.write(error)


GEMINI = Gemini()
