"""Amazon Bedrock's Converse and ConverseStream, as provider only: no client speaks them to Sluice.

Sources: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and API_runtime_ConverseStream.html,
and the service's model in botocore, read 2026-11-21. The model stands in the address, and so does whether the answer is
streamed; a stream is framed by `wire.event_stream`. Neither the answer nor its stream says an id or a model: `Started`
says neither, and the id is a header (`x-amzn-requestid`).
"""

from collections.abc import Sequence
from typing import NoReturn

from sluice.chat.caching import PromptCaching
from sluice.chat.conversation import Conversation
from sluice.chat.events import Event
from sluice.chat.fold import Answer
from sluice.chat.request import ChatRequest, Framing
from sluice.dialects.bedrock_converse import answer as answers
from sluice.dialects.bedrock_converse import conversation_write, decode, errors
from sluice.dialects.bedrock_converse.facts import FACTS
from sluice.dialects.bedrock_converse.schema import MODULE_ID
from sluice.dialects.dialect import StreamDecoder
from sluice.errors import Refused, SluiceError


class BedrockConverse:
    """See `dialects.dialect.Dialect` for the obligations of each method."""

    module_id = MODULE_ID
    facts = FACTS

    # -- what a provider is asked, and answers -------------------------------------------------------------------------

    def write_conversation(self, conversation: Conversation, *, model: str, stream: bool, ask_usage: bool) -> bytes:
        return conversation_write.write(conversation, model=model)

    def decoder(self, *, keep_leftovers: bool) -> StreamDecoder:
        """Leftovers are kept for clients of the same dialect, and there are none."""
        return decode.ConverseStreamDecoder()

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        return answers.read(body)

    def read_error(self, status: int, body: bytes) -> Refused:
        return errors.read(status, body)

    # -- what a client would ask, and be answered ----------------------------------------------------------------------

    def read_request(
        self, body: bytes, *, model: str = "", stream: bool | None = None, framing: Framing = "sse"
    ) -> ChatRequest:
        _no_client()

    def write_request(self, request: ChatRequest, *, model: str, ask_usage: bool) -> bytes:
        _no_client()

    def read_conversation(self, request: ChatRequest) -> Conversation:
        _no_client()

    def enrich(
        self, request: ChatRequest, prepend: Sequence[tuple[str, str]], append: Sequence[tuple[str, str]]
    ) -> ChatRequest:
        _no_client()

    def cached(self, request: ChatRequest, caching: PromptCaching) -> ChatRequest:
        _no_client()

    def encoder(self, request: ChatRequest) -> NoReturn:
        _no_client()

    def write_answer(self, answer: Answer, request: ChatRequest) -> bytes:
        _no_client()

    def write_models(self, models: Sequence[tuple[str, str]]) -> bytes:
        _no_client()

    def error_status(self, error: SluiceError) -> int:
        _no_client()

    def write_error(self, error: SluiceError) -> bytes:
        _no_client()


def _no_client() -> NoReturn:
    raise NotImplementedError("no client speaks Converse to Sluice")


BEDROCK_CONVERSE = BedrockConverse()
