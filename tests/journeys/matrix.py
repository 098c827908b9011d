"""Every client by every provider: one gateway, one fake provider behind it, one route to each of the provider's
dialects.

`Matrix` starts them; `PAIRS` names them; `Matrix.counted` says what the fake counted for the last request.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Unpack

from sluice.chat.usage import Usage
from sluice.config.plan import AiBackend, Entry, Target
from sluice.providers.custom import CUSTOM
from sluice.providers.provider import Served
from sluice.relay.record import ExchangeRecord
from sluice.testing import fake_doors, fake_seal
from sluice.testing.fake_chunks import CHAT
from sluice.testing.fake_converse import CONVERSE
from sluice.testing.fake_desk import Options
from sluice.testing.fake_doors import Vendor
from sluice.testing.fake_gemini import GEMINI
from sluice.testing.fake_gemini_request import THOUGHT
from sluice.testing.fake_messages import MESSAGES
from sluice.testing.fake_provider import FakeProvider
from sluice.testing.fake_reply import reply
from sluice.testing.fake_responses import RESPONSES
from sluice.testing.fake_responses_request import SEALED
from sluice.testing.fake_talk import REDACTED, THINKING
from sluice.testing.fake_voice import Voice
from tests.journeys.talk import Said, Talk
from tests.journeys.talk_openai import ChatTalk, ResponsesTalk
from tests.journeys.talk_others import GeminiTalk, MessagesTalk
from tests.support.plans import RuleMembers, here, plan, route
from tests.support.serving import Serving

Json = dict[str, Any]

SERVED: dict[str, Served] = {
    "chat": Served(dialect="dialect.openai_chat", path="/v1/chat/completions"),
    "responses": Served(dialect="dialect.openai_responses", path="/v1/responses"),
    "messages": Served(dialect="dialect.anthropic_messages", path="/v1/messages"),
    "gemini": Served(
        dialect="dialect.gemini",
        path="/v1beta/models/{model}:generateContent",
        stream_path="/v1beta/models/{model}:streamGenerateContent?alt=sse",
    ),
    "converse": Served(
        dialect="dialect.bedrock_converse", path="/model/{model}/converse", stream_path="/model/{model}/converse-stream"
    ),
}
MODELS = {
    "chat": "gpt-5",
    "responses": "gpt-5",
    "messages": "claude-opus-4-5",
    "gemini": "gemini-3-pro-preview",
    "converse": "anthropic.claude-sonnet-4-5-20250929-v1:0",
}
"""Each provider's own: models that reason, and demand their proofs back."""
PROVIDERS = tuple(SERVED)
_TALKS: dict[str, Callable[[str], Talk]] = {
    "chat": ChatTalk,
    "responses": ResponsesTalk,
    "messages": MessagesTalk,
    "gemini": GeminiTalk,
}
CLIENTS = tuple(_TALKS)
PAIRS = [(client, provider) for client in CLIENTS for provider in PROVIDERS]
CLIENT_DIALECTS = {client: SERVED[client].dialect for client in CLIENTS}

_VOICES: dict[Vendor, Voice] = {
    "openai": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "gemini": GEMINI,
    "converse": CONVERSE,
}
_SEAL_KINDS = (THINKING, REDACTED, SEALED, THOUGHT)


class Matrix:
    """A gateway whose address `/<provider>` leads to the fake, asked in that provider's dialect and nothing else."""

    def __init__(self, fake: FakeProvider, serving: Serving) -> None:
        self.fake, self.serving = fake, serving
        self.talks: list[Talk] = []

    def talk(self, client: str, provider: str) -> Talk:
        """Begin a conversation of that client with that provider."""
        self.talks.append(_TALKS[client](self.url(provider)))
        return self.talks[-1]

    def url(self, provider: str) -> str:
        return f"{self.serving.url}/{provider}"

    @property
    def last_body(self) -> Json:
        """What the provider was last asked."""
        body = json.loads(self.fake.requests[-1].body)
        assert isinstance(body, dict)
        return body

    def counted(self) -> Usage:
        """What the fake counted for the last request, worked out again from the request."""
        request = self.fake.requests[-1]
        door = fake_doors.find(request)
        said = reply(_VOICES[door.vendor].read(request.body, door.model))
        return Usage(
            input_tokens=said.prompt_tokens,
            output_tokens=said.completion_tokens,
            cache_read_tokens=said.cached_tokens,
            cache_write_tokens=said.cache_write_tokens,
            reasoning_tokens=said.reasoning_tokens,
        )

    def seals(self) -> list[str]:
        """The proofs in the last request that the fake once gave out, byte for byte, in order. Google's client writes
        bytes in the other alphabet of base64."""
        texts = [text.replace("-", "+").replace("_", "/") for text in _texts(self.last_body)]
        return [text for text in texts if any(_known(kind, text) for kind in _SEAL_KINDS)]

    async def record(self, number: int) -> ExchangeRecord:
        """The last of exactly `number` records."""
        return await self.serving.record(number)


_REQUEST_ID = re.compile("req_[0-9a-f]{32}")


def alike(said: Said, provider: str) -> Json:
    """The client's object, without what the provider did not say: Converse has no id, so that its request's is taken;
    only OpenAI's dialects say when an answer was made."""
    body: Json = json.loads(_REQUEST_ID.sub("req", json.dumps(said.body)))
    return body if provider in ("chat", "responses") else {k: v for k, v in body.items() if k not in _MADE}


_MADE = frozenset({"created", "created_at"})


def _known(kind: str, text: str) -> bool:
    try:
        return fake_seal.disclosed(kind, text) is not None
    except UnicodeError:
        return False


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for member in value.values():
                yield from _texts(member)
        case list():
            for member in value:
                yield from _texts(member)


def _entry(provider: str, port: int, **members: Unpack[RuleMembers]) -> Entry:
    target = Target(
        name=provider,
        provider=CUSTOM,
        endpoint=here(port),
        model=MODELS[provider],
        serves=(SERVED[provider],),
        base_path="",
    )
    return route(f"/{provider}", AiBackend(name=f"test/{provider}", groups=((target,),)), **members)


@asynccontextmanager
async def running(**members: Unpack[RuleMembers]) -> AsyncIterator[Matrix]:
    """The two, started. The fake's clock stands still, so that answers of one kind are the same to the byte.

    `members`: what every route says besides.
    """
    async with FakeProvider(Options(), wall=lambda: 1_790_000_000.0) as fake:
        serving = Serving(plan(*(_entry(provider, fake.port, **members) for provider in PROVIDERS)))
        await serving.start()
        matrix = Matrix(fake, serving)
        try:
            yield matrix
        finally:
            for talk in matrix.talks:
                await talk.close()
            await serving.close()
