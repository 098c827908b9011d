"""OpenAI chat completions, streaming and not, as client and as provider.

Sources: platform.openai.com/docs/api-reference/chat and /chat-streaming, read 2026-11-21; shared recordings in tests.
Habits of peers that this dialect bears, each with a test: Azure's first chunk without choices, id or model; usage
in the last content chunk; tool calls without an index, with a late name, with indices from 1; `finish_reason: ""`;
`reasoning` for `reasoning_content`; content as a list of parts; numbers as error codes; an error in a list.
"""

from collections.abc import Sequence

import msgspec

from sluice.chat.caching import PromptCaching
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.dialect import Facts, StreamDecoder, StreamEncoder
from sluice.dialects.openai_chat import answer as answers
from sluice.dialects.openai_chat import conversation_read, conversation_write, decode, encode, errors
from sluice.dialects.openai_chat import request as requests
from sluice.dialects.openai_chat.facts import FACTS, MODULE_ID
from sluice.errors import Refused, SluiceError


class OpenAIChat:
    """See `dialects.dialect.Dialect` for the obligations of each method."""

    module_id = MODULE_ID

    @property
    def facts(self) -> Facts:
        return FACTS

    # -- requests -----------------------------------------------------------------------------------------------------

    def read_request(
        self, body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse"
    ) -> ChatRequest:
        return requests.read(body, model=model, stream=stream, framing=framing)

    def write_request(self, request: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        return requests.write(request, model=model, ask_usage=ask_usage)

    def read_conversation(self, request: ChatRequest) -> Conversation:
        return conversation_read.read(request)

    def write_conversation(self, conversation: Conversation, *, model: str, stream: bool, ask_usage: bool) -> bytes:
        return conversation_write.write(conversation, model=model, stream=stream, ask_usage=ask_usage)

    def enrich(
        self, request: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]
    ) -> ChatRequest:
        return requests.enrich(request, prepend, append)

    def cached(self, request: ChatRequest, caching: PromptCaching) -> ChatRequest:
        return request  # this API keeps prompts by itself

    # -- answers ------------------------------------------------------------------------------------------------------

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        return decode.ChatStreamDecoder(keep_leftovers=keep_leftovers)

    def encoder(self, request: ChatRequest) -> StreamEncoder:
        return encode.ChatStreamEncoder(request)

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        return answers.read(body, keep_leftovers=keep_leftovers)

    def write_answer(self, answer: Answer, request: ChatRequest) -> bytes:
        return answers.write(answer, request)

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name, owner in models]
        return msgspec.json.encode({"object": "list", "data": rows})

    # -- errors -------------------------------------------------------------------------------------------------------

    def read_error(self, status: int, body: bytes) -> Refused:
        return errors.read(status, body)

    def error_status(self, error: SluiceError) -> int:
        return errors.status_of(error)

    def write_error(self, error: SluiceError) -> bytes:
        return errors.write(error)


OPENAI_CHAT = OpenAIChat()
