"""A chat request, put to a target: shaped as the operator wishes, then in the client's own dialect or translated."""

from collections.abc import Mapping
from copy import copy

import msgspec

from sluice.chat.conversation import Conversation
from sluice.chat.events import Started
from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, Rule, Target
from sluice.dialects.dialect import Dialect
from sluice.errors import ClientError
from sluice.gateway import answers
from sluice.gateway.account import Account
from sluice.gateway.active import NO_POLICY, ActivePlan
from sluice.gateway.operation import Operation, read_chat
from sluice.gateway.outbound import Draft, Outbound, asked_for
from sluice.gateway.policing import Policing
from sluice.gateway.ports import Request, UpstreamHead
from sluice.gateway.world import World
from sluice.operations.estimate import conversation_tokens, members_tokens
from sluice.policies.ai import AiPolicy, patched
from sluice.policies.guards import Guards
from sluice.policies.headers import without_credentials
from sluice.policies.prompt_caching import marked
from sluice.policies.transformation import body_fields, final_body
from sluice.providers.provider import Served
from sluice.providers.quirks import QUIRKS
from sluice.relay.relay import Relay
from sluice.relay.sinks import NAMELESS
from sluice.relay.terms import Terms
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
        self.read = chat
        """As the client sent it."""
        self.chat: ChatRequest | None = chat
        self.provider = client
        self._world, self._active, self._request, self._client = world, active, request, client
        self._wanted, self._rule = wanted, rule
        self.kind = wanted.kind
        self.backend: AiBackend | None = None
        """Whose policies hold, once it is known."""
        self.policing: Policing | None = None
        """Who has a say in the request; None = nobody."""
        self._passed = chat
        """As its guards let it pass."""
        self.target_model = ""
        self._shaped: tuple[AiPolicy | None, ChatRequest] = (None, chat)
        self._translated: tuple[ChatRequest, Conversation] | None = None
        self._foreseen: tuple[ChatRequest, ...] = ()

    # -- before a target is chosen ------------------------------------------------------------------------------------

    def prompt_tokens(self) -> int:
        return max(map(self._prompt_tokens, self._ahead()))

    def largest(self) -> ChatRequest:
        return max(self._ahead(), key=lambda chat: ((chat.max_tokens or 0) * chat.choices, chat.choices))

    def model_at(self, target: Target) -> str:
        policy = self._active.policy(self._rule, self.backend, target)
        return asked_for(target, policy, self._foresee(policy).model)

    def _prompt_tokens(self, chat: ChatRequest) -> int:
        try:
            return conversation_tokens(self._client.read_conversation(chat))
        except ClientError:  # it has words for which there is no translation; its own provider may know them
            return members_tokens(chat.fields)

    def _ahead(self) -> tuple[ChatRequest, ...]:
        """The request as each target may be asked."""
        if not self._foreseen:
            groups = () if self.backend is None else self.backend.groups
            policies = [self._active.policy(self._rule, self.backend, target) for group in groups for target in group]
            each = {id(policy): policy for policy in policies or [NO_POLICY]}
            self._foreseen = tuple(map(self._foresee, each.values()))
        return self._foreseen

    def _foresee(self, policy: AiPolicy) -> ChatRequest:
        call = self
        if policy.transformations and self.policing is not None and self.backend is not None:
            # They may look at who is asked, and nobody is yet; and what they have seen shows to whoever comes next.
            call = self.aside(self.backend, self.policing.aside())
        try:
            return call._shape(policy)
        except ClientError:  # who drafts it for its target says so
            return self.read

    # -- a target is chosen -------------------------------------------------------------------------------------------

    async def look(self, policing: Policing, guards: Guards) -> None:
        passed = self.read
        if guards.request:
            passed = await policing.look(guards.request, passed, self._client.module_id, self._request.body)
        if passed is not self._passed:
            self._passed, self._shaped = passed, (None, passed)

    def aside(self, backend: AiBackend, policing: Policing) -> "ChatCall":
        other = copy(self)
        other.read, other.backend, other.policing = self._passed, backend, policing
        other._request = msgspec.structs.replace(self._request, added=tuple(without_credentials(self._request.added)))
        return other

    def as_asked(self, outbound: Outbound) -> bytes:
        policy = self._active.policy(self._rule, self.backend, outbound.target)
        chat = self._shape(policy)
        body = _encode(chat.fields)
        if self.policing is None or not outbound.way(self._client, policy, chat, self._world.dialect).same:
            return body
        return final_body(policy.final_transformations, body, self.policing.scene)

    def draft(self, outbound: Outbound, traceparent: bytes) -> Draft:
        target = outbound.target
        policy = self._active.policy(self._rule, self.backend, target)
        self.chat = chat = self._shape(policy)
        way = outbound.way(self._client, policy, chat, self._world.dialect)
        self.target_model, self.provider = way.model, way.provider
        asks = target.provider.asks_usage
        if way.same:
            body = way.provider.write_request(chat, model=way.model, ask_usage=asks)
        else:
            conversation = self._conversation(chat)
            if policy.prompt_caching is not None:
                conversation = marked(policy.prompt_caching, conversation)
            body = way.provider.write_conversation(conversation, model=way.model, stream=chat.stream, ask_usage=asks)
        if way.row.quirk:
            body = _quirk(way.row, body, target, way.model)
        shape = None
        if self.policing is not None:
            shape = self.policing.shape
            body = final_body(policy.final_transformations, body, self.policing.scene)
        return outbound.chat(self._request, way, body, traceparent, shape)

    def relay(self, head: UpstreamHead, account: Account, terms: Terms) -> Relay:
        named = self.provider is self._client  # then its own words are passed on
        opening = NAMELESS if named else Started(account.request_id, self.target_model, int(self._world.wall()))
        assert self.chat is not None
        return answers.chat_relay(
            head, self.chat, client=self._client, provider=self.provider, opening=opening, terms=terms
        )

    def headers(self, head: UpstreamHead, account: Account) -> list[Header]:
        assert self.chat is not None
        return answers.chat_headers(head, account, self.chat)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _shape(self, policy: AiPolicy) -> ChatRequest:
        """Apply what the operator wishes; targets mostly share one policy."""
        if policy is NO_POLICY:
            return self._passed
        if policy is self._shaped[0]:
            return self._shaped[1]
        chat, wanted = self._passed, self._wanted
        if self.policing is not None:
            fields = body_fields(policy, policy.transformations, chat.fields, self.policing.scene)
        else:
            fields = patched(policy, chat.fields)
        if fields is not chat.fields:
            read = self._client.read_request(
                _encode(fields), model=chat.model if wanted.model else "", stream=wanted.stream, framing=chat.framing
            )
            chat = read if "stream" in fields else msgspec.structs.replace(read, stream=chat.stream)
        if policy.prepend or policy.append:
            chat = self._client.enrich(chat, policy.prepend, policy.append)
        if policy.prompt_caching is not None:
            chat = self._client.cached(chat, policy.prompt_caching)
        self._shaped = policy, chat
        return chat

    def _conversation(self, chat: ChatRequest) -> Conversation:
        if self._translated is None or self._translated[0] is not chat:
            self._translated = chat, self._client.read_conversation(chat)
        return self._translated[1]


def _quirk(row: Served, body: bytes, target: Target, model: str) -> bytes:
    variables: Mapping[str, str] = {**target.variables, "model": model}
    return _encode(QUIRKS[row.quirk](_read_members(body), variables))
