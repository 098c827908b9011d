"""A chat request, put to a target: shaped as the operator wishes, then in the client's own dialect or translated."""

from collections.abc import Mapping

import msgspec

from sluice.chat.conversation import Conversation
from sluice.chat.events import Started
from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, Rule, Target
from sluice.config.targets import model_for
from sluice.dialects.dialect import Dialect
from sluice.gateway import answers
from sluice.gateway.account import Account
from sluice.gateway.active import ActivePlan
from sluice.gateway.operation import Operation, read_chat
from sluice.gateway.outbound import Draft, Outbound
from sluice.gateway.ports import Request, UpstreamHead
from sluice.gateway.world import World
from sluice.policies.ai import AiPolicy, aliased, patched
from sluice.policies.deadlines import Deadlines
from sluice.providers.provider import Served
from sluice.providers.quirks import QUIRKS
from sluice.relay.relay import Limits, Redact, Relay
from sluice.wire.http1 import Header

_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class ChatCall:
    """See `Call`. What is the same for several targets is done once."""

    rewrites = True

    def __init__(
        self, world: World, active: ActivePlan, request: Request, client: Dialect, wanted: Operation, rule: Rule
    ) -> None:
        """Read the request.

        Raises:
            ClientError: it is not what its dialect asks for.
        """
        chat = read_chat(request, client, wanted)
        if rule.streams and not chat.stream and wanted.stream is None and "stream" not in chat.fields:
            chat = msgspec.structs.replace(chat, stream=True)
        self.chat = chat
        self.provider = client
        self._world, self._active, self._request, self._client = world, active, request, client
        self._wanted, self._rule = wanted, rule
        self._backend: AiBackend | None = None
        self._model = ""
        self._shaped: tuple[AiPolicy | None, ChatRequest] = (None, chat)
        self._translated: tuple[ChatRequest, Conversation] | None = None

    def at(self, backend: AiBackend) -> None:
        """The backend is known: whose policies hold."""
        self._backend = backend

    def draft(self, outbound: Outbound, traceparent: bytes) -> Draft:
        target = outbound.target
        policy = self._active.policy(self._rule, self._backend, target)
        chat = self._shape(policy)
        self._model = model = model_for(target, aliased(policy, chat.model))
        row = outbound.row(self._client.module_id, model)
        self.provider = provider = self._world.dialect(row.dialect)
        same = provider is self._client
        if same:
            body = provider.write_request(chat, model=model, ask_usage=target.provider.asks_usage)
            framing = chat.framing
        else:
            conversation = self._conversation(chat)
            asks = target.provider.asks_usage
            body = provider.write_conversation(conversation, model=model, stream=chat.stream, ask_usage=asks)
            framing = "sse"
        if row.quirk:
            body = _quirk(row, body, target, model)
        return outbound.chat(
            self._request,
            row,
            body,
            traceparent,
            model=model,
            stream=chat.stream,
            framing=framing,
            same_api=same,
            headers=provider.facts.headers,
        )

    def relay(
        self,
        head: UpstreamHead,
        account: Account,
        *,
        redact: Redact,
        started_at: float,
        now: float,
        deadlines: Deadlines,
        limits: Limits,
    ) -> Relay:
        return answers.chat_relay(
            head,
            self.chat,
            client=self._client,
            provider=self.provider,
            opening=Started(account.request_id, self._model, int(self._world.wall())),
            redact=redact,
            started_at=started_at,
            now=now,
            deadlines=deadlines,
            limits=limits,
        )

    def headers(self, head: UpstreamHead, account: Account) -> list[Header]:
        return answers.chat_headers(head, account, self.chat)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _shape(self, policy: AiPolicy) -> ChatRequest:
        """Apply what the operator wishes; targets mostly share one policy."""
        if policy is self._shaped[0]:
            return self._shaped[1]
        chat, wanted = self.chat, self._wanted
        fields = patched(policy, chat.fields)
        if fields is not chat.fields:
            read = self._client.read_request(
                _encode(fields), model=chat.model if wanted.model else "", stream=wanted.stream, framing=chat.framing
            )
            chat = msgspec.structs.replace(read, stream=read.stream or chat.stream)
        if policy.prepend or policy.append:
            chat = self._client.enrich(chat, policy.prepend, policy.append)
        self._shaped = policy, chat
        return chat

    def _conversation(self, chat: ChatRequest) -> Conversation:
        if self._translated is None or self._translated[0] is not chat:
            self._translated = chat, self._client.read_conversation(chat)
        return self._translated[1]


def _quirk(row: Served, body: bytes, target: Target, model: str) -> bytes:
    variables: Mapping[str, str] = {**target.variables, "model": model}
    return _encode(QUIRKS[row.quirk](_read_members(body), variables))
