"""OpenAI chat completions, streaming and not, as client and as provider.

Sources: platform.openai.com/docs/api-reference/chat and /chat-streaming, read 2026-11-21; shared recordings in tests.
Habits of peers that this dialect bears, each with a test: Azure's first chunk without choices, id or model; usage
in the last content chunk; tool calls without an index; `finish_reason: ""`; `reasoning` for `reasoning_content`;
numbers as error codes.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest
from sluice.dialects.dialect import StreamDecoder, StreamEncoder
from sluice.dialects.openai_chat import answer, decode, encode, errors, request
from sluice.errors import Refused, SluiceError


class OpenAIChat:
    """See `dialects.dialect.Dialect` for the obligations of each method."""

    module_id = "dialect.openai_chat"

    def read_request(self, body: bytes) -> ChatRequest:
        return request.read(body)

    def write_request(self, chat: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        return request.write(chat, model=model, ask_usage=ask_usage)

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        return decode.ChatStreamDecoder(keep_leftovers=keep_leftovers)

    def encoder(self, chat: ChatRequest) -> StreamEncoder:
        return encode.ChatStreamEncoder(show_usage=chat.wants_usage)

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        return answer.read(body, keep_leftovers=keep_leftovers)

    def write_answer(self, whole: Answer) -> bytes:
        return answer.write(whole)

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name, owner in models]
        return msgspec.json.encode({"object": "list", "data": rows})

    def read_error(self, status: int, body: bytes) -> Refused:
        return errors.read(status, body)

    def write_error(self, error: SluiceError) -> bytes:
        return errors.write(error)

    def write_stream_error(self, error: SluiceError) -> bytes:
        return errors.write_event(error)


OPENAI_CHAT = OpenAIChat()
