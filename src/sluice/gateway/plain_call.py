"""An operation beside chat: embeddings, rerank, token counts; and what nobody here knows, which crosses unread.

asked in the client's own form ── the body crosses with another model's name, the answer is looked at on its way
asked in another (`operations`) ── both are translated
a token count that the target does not offer ── estimated here, and marked so
"""

from collections.abc import Sequence
from copy import copy

import msgspec

from sluice.chat.events import Ended, Event, Reported, Started
from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, Rule, Target
from sluice.config.targets import model_for
from sluice.dialects.dialect import Dialect
from sluice.dialects.reading import UNREADABLE, tell_apart
from sluice.dialects.texts import OPERATION
from sluice.errors import BadRequest, Forbidden
from sluice.gateway import answers
from sluice.gateway.account import COUNTING, Account
from sluice.gateway.active import ActivePlan
from sluice.gateway.gather import apart
from sluice.gateway.operation import Operation, check
from sluice.gateway.outbound import Draft, Outbound, OwnAnswer
from sluice.gateway.policing import Policing
from sluice.gateway.ports import Request, UpstreamHead
from sluice.gateway.shaping import Shape
from sluice.gateway.world import World
from sluice.operations import token_count
from sluice.operations.estimate import conversation_tokens, members_tokens
from sluice.operations.forms import TRANSLATIONS
from sluice.operations.translation import Answered, Asked, Headers
from sluice.policies.ai import AiPolicy, RouteType, aliased, patched
from sluice.policies.guards import NO_GUARDS, Guards
from sluice.policies.headers import without_credentials
from sluice.providers.provider import Operated, name_in_path, operated
from sluice.providers.quirks import QUIRKS
from sluice.relay.observe import ObservedRelay
from sluice.relay.opaque import OpaqueRelay
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.relay.whole import WholeRelay
from sluice.wire.http1 import Header

OPERATION_NAMES: dict[RouteType, str] = {
    "embeddings": "embeddings",
    "rerank": "rerank",
    "messages_token_count": COUNTING,
    "content_token_count": COUNTING,
}
"""Operations whose body names a model, and what the record calls them."""

ESTIMATED: Header = (b"x-sluice-estimated", b"true")
"""On a count of tokens that no tokenizer made."""
_JSON: Header = (b"content-type", b"application/json")


class _Named(msgspec.Struct):
    model: str | None = None


_read_name = msgspec.json.Decoder(_Named).decode
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class PlainCall:
    """See `Call`."""

    chat = None

    def __init__(
        self, world: World, active: ActivePlan, request: Request, client: Dialect, wanted: Operation, rule: Rule
    ) -> None:
        """Read the model, where there is one.

        Raises:
            ClientError: the operation needs a JSON body and has none.
        """
        self.provider = client
        self.model = wanted.model
        self.operation = OPERATION_NAMES.get(wanted.kind, "")
        self._world, self._active, self._request, self._wanted, self._rule = world, active, request, wanted, rule
        self.kind = wanted.kind
        self.backend: AiBackend | None = None
        self.policing: Policing | None = None
        self._asked_fields: ChatRequest | None = None
        """The body's members as the client sent them, once guards have asked for them."""
        self._asked: Asked | None = None
        """The last target's request, if it is a translated one."""
        self.target_model = ""
        self._own: tuple[Header, ...] = ()
        """What the answer's head says besides."""
        if self.operation:
            check(request)
            self.model = self.model or _model(request.body)
        elif wanted.kind == "detect":
            self.model = self.model or _detected_model(request.body)

    def prompt_tokens(self) -> int:
        if not self.operation:
            return 0
        try:
            return members_tokens(_read_members(self._request.body))
        except UNREADABLE:  # who drafts it for its target says so
            return members_tokens({"": msgspec.Raw(self._request.body)})

    def largest(self) -> None:
        return None

    def model_at(self, target: Target) -> str:
        return model_for(target, aliased(self._active.policy(self._rule, self.backend, target), self.model))

    async def look(self, policing: Policing, guards: Guards) -> None:
        """All texts of the body are looked at. What crosses unread cannot be, and so does not cross."""
        if guards == NO_GUARDS:
            return
        if not self.operation:
            raise Forbidden("This route has guards, and they cannot look into this operation.")
        if not guards.request:
            return
        if self._asked_fields is None:
            self._asked_fields = ChatRequest(fields=_read_members(self._request.body))
        passed = await policing.look(guards.request, self._asked_fields, OPERATION, self._request.body)
        if passed.fields is not self._asked_fields.fields:
            self._request = msgspec.structs.replace(self._request, body=_encode(passed.fields))

    def aside(self, backend: AiBackend, policing: Policing) -> "PlainCall":
        other = copy(self)
        other.backend, other.policing, other._asked_fields = backend, policing, None
        other._request = msgspec.structs.replace(self._request, added=tuple(without_credentials(self._request.added)))
        return other

    def as_asked(self, outbound: Outbound) -> bytes:
        if not self.operation:
            return self._request.body
        return self._body(self._active.policy(self._rule, self.backend, outbound.target), self.model)

    def draft(self, outbound: Outbound, traceparent: bytes) -> Draft | OwnAnswer:
        request, target, wanted = self._request, outbound.target, self._wanted
        self._asked, self._own, self.target_model = None, (), ""
        if not self.operation:
            return outbound.other(request, wanted.suffix, request.body, traceparent, self._shape, query=request.query)
        policy = self._active.policy(self._rule, self.backend, target)
        self.target_model = model = model_for(target, aliased(policy, self.model))
        if self.operation == COUNTING:
            return self._count(outbound, traceparent, policy, model)
        row = operated(target.provider, wanted.kind, model)
        if row is None:
            return outbound.other(request, wanted.suffix, self._body(policy, model), traceparent, self._shape)
        name = name_in_path(row, model)
        if not row.form:
            return outbound.operation(
                request, row.path, self._body(policy, model), traceparent, self._shape, model=name
            )
        self._asked = asked = TRANSLATIONS[row.form](self._body(policy, self.model), name, target.variables)
        return self._translated(outbound, row, asked, traceparent, model=name)

    def _translated(self, outbound: Outbound, row: Operated, asked: Asked, traceparent: bytes, *, model: str) -> Draft:
        first, *rest = asked.bodies
        draft = outbound.operation(
            self._request, row.path, first, traceparent, self._shape, model=model, same_api=False
        )
        return msgspec.structs.replace(draft, rest=tuple(rest)) if rest else draft

    def _body(self, policy: AiPolicy, model: str) -> bytes:
        """The client's members as the operator wishes, and with this model where the client's names another. They are
        written anew in any case: of one that stands twice the provider gets the one that was read here."""
        fields = _read_members(self._request.body)
        tell_apart(fields)
        changed = patched(policy, fields)
        if model and not self._wanted.model and model != self.model:
            changed = changed | {"model": msgspec.Raw(_encode(model))}
        return _encode(changed)

    @property
    def _shape(self) -> Shape | None:
        return None if self.policing is None else self.policing.shape

    # -- counts -------------------------------------------------------------------------------------------------------

    def _chat(self, policy: AiPolicy, model: str) -> ChatRequest:
        """The chat request whose tokens are to be counted, as it would be sent."""
        fields = patched(policy, token_count.unwrapped(self._request.body))
        chat = self.provider.read_request(_encode(fields), model=model, stream=False)
        if policy.prepend or policy.append:
            chat = self.provider.enrich(chat, policy.prepend, policy.append)
        return chat

    def _count(self, outbound: Outbound, traceparent: bytes, policy: AiPolicy, model: str) -> Draft | OwnAnswer:
        """In the client's dialect both body and answer cross, patched and as it came; in another both are written."""
        kind, client = self._wanted.kind, self.provider
        chat = self._chat(policy, model)
        row = operated(outbound.target.provider, kind, model)
        if row is None:
            self._own = (_JSON, ESTIMATED)
            return OwnAnswer(token_count.write(self._estimate(chat, outbound, model), kind))
        name = name_in_path(row, model)
        if not row.dialect:
            body = self._counting(client.write_request(chat, model=model, ask_usage=False), row, outbound, model)
            return outbound.operation(self._request, row.path, body, traceparent, self._shape, model=name)
        provider, conversation = self._world.dialect(row.dialect), client.read_conversation(chat)
        body = provider.write_conversation(conversation, model=model, stream=False, ask_usage=False)

        def read(bodies: Sequence[bytes], headers: Headers) -> Answered:
            return Answered(body=token_count.write(token_count.read(bodies[0]), kind))

        self._asked = asked = Asked(bodies=(self._counting(body, row, outbound, model),), read=read)
        return self._translated(outbound, row, asked, traceparent, model=name)

    def _counting(self, chat: bytes, row: Operated, outbound: Outbound, model: str) -> bytes:
        """A chat request's body as one that asks for its tokens."""
        members = _read_members(chat)
        if row.quirk:
            members = QUIRKS[row.quirk](members, {**outbound.target.variables, "model": model})
        return token_count.ask(members, row.form or self._wanted.kind, model)

    def _estimate(self, chat: ChatRequest, outbound: Outbound, model: str) -> int:
        """What only a provider of the client's own API understands is counted too, if the target is one."""
        try:
            return conversation_tokens(self.provider.read_conversation(chat))
        except BadRequest:
            if outbound.row(self.provider.module_id, model).dialect != self.provider.module_id:
                raise
            return members_tokens(chat.fields)

    # -- the answer ---------------------------------------------------------------------------------------------------

    @property
    def rewrites(self) -> bool:
        return self._asked is not None

    def relay(self, head: UpstreamHead, account: Account, terms: Terms) -> Relay:
        if self._asked is not None:
            reader = _Reader(self._asked, head.headers)
            return WholeRelay(dialect=reader, rewrite=reader.write, terms=terms)
        if not self.operation and self._wanted.kind != "detect":
            return OpaqueRelay(terms=terms)
        kind = b"" if head.header(b"content-encoding") else head.header(b"content-type")
        return ObservedRelay(terms=terms, content_type=kind, may_be_empty=not self.operation)

    def headers(self, head: UpstreamHead, account: Account) -> list[Header]:
        if self._asked is not None:
            return [_JSON, *answers.translated_headers(head, account)]
        return [*self._own, *answers.passthrough_headers(head, account)]


class _Reader:
    """Reads a translated answer and keeps it: `write` returns what `read_answer` found. One per answer."""

    def __init__(self, asked: Asked, headers: Headers) -> None:
        self._asked, self._headers = asked, headers
        self._body = b""

    def read_answer(self, body: bytes, *, keep_leftovers: bool = False) -> Sequence[Event]:
        """See `Dialect.read_answer`."""
        bodies = [body] if len(self._asked.bodies) == 1 else apart(body)
        answered = self._asked.read(bodies, self._headers)
        self._body = answered.body
        reported = () if answered.usage is None else (Reported(answered.usage),)
        return [Started("", answered.model), *reported, Ended()]

    def write(self, events: Sequence[Event]) -> bytes:
        return self._body


def _model(body: bytes) -> str:
    try:
        return _read_name(body).model or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("The body is not a JSON object with a `model`.", param="model") from None


def _detected_model(body: bytes) -> str:
    """The model of a body that may be anything, for the record alone."""
    try:
        return _model(body)
    except BadRequest:
        return ""
