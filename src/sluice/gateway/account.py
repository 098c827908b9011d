"""What an exchange learns about itself on its way, and the one record that it becomes."""

from collections.abc import Callable

from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, HttpBackend
from sluice.errors import SluiceError, UpstreamError
from sluice.gateway.ending import ELSEWHERE, may_go_on, word_of
from sluice.gateway.identity import Identity, is_request_id
from sluice.gateway.money import priced
from sluice.gateway.outbound import Outbound
from sluice.gateway.policing import Policing
from sluice.gateway.ports import Request, UpstreamStream
from sluice.gateway.tracing import Trace
from sluice.gateway.unseen import blamed
from sluice.gateway.witness import Witness
from sluice.policies.charge import NO_COST_FACTS, Answered, CostFacts
from sluice.policies.cost import Cost, Prices, usd
from sluice.policies.principal import NOBODY, named
from sluice.relay.meter import Meter
from sluice.relay.outcome import Outcome
from sluice.relay.record import UNKNOWN, ExchangeRecord, RequestParams, Route
from sluice.relay.relay import Relay, Said
from sluice.relay.tally import UNGUARDED, Tally
from sluice.wire.http1 import Header

_NO_PARAMS = RequestParams()
_NOTHING_SAID = Said()
_REQUEST_IDS = frozenset([b"x-request-id", b"request-id", b"x-amzn-requestid"])
"""Where providers name their request."""
COUNTING = "count_tokens"
"""The operation that uses no tokens, whoever counts them."""
PRICE_TAG = b"x-sluice-cost"
_CLIENT_CLOSED = 499
_REASONS = {"client_gone": "ClientGone", "slow_reader": "SlowReader"}
MIN_TOLD = 2
"""Attempts of which a client, the log and the metrics hear: one is what everybody expects."""


class Account:
    """Facts of one exchange, filled in as they become known. Mutable, owned by its Exchange alone."""

    def __init__(self, request: Request, identity: Identity, now: float, prices: Prices, trace: Trace | None) -> None:
        self.request = request
        self.identity = identity
        self.trace = trace
        """Where its way is noted; None = nobody wants to see it."""
        self.prices = prices  # of the plan that it began with: by these it is paid, whatever is loaded meanwhile
        self.request_id = identity.request_id
        self.taken_at = now
        """When the gateway had the whole request."""
        self.asked_at = 0.0
        """When the request left for the provider."""
        self.answered_at = 0.0
        """When the provider's head was here."""
        self.replied_bytes = 0
        """Bytes of a body that the gateway wrote itself."""
        self.passed_on_s = 0.0
        """The gateway's own time between the provider's head and the first byte to the client."""
        self.status = 0
        """Of the last target's answer; 0 = it gave none."""
        self.sent_status = 0
        """What the client was told; 0 = nothing yet. It is not taken back."""
        self.streaming = False
        self.direct = False
        """The gateway answered by itself."""
        self.chat: ChatRequest | None = None
        self.relay: Relay | None = None
        self.policing: Policing | None = None
        self.put: ChatRequest | None = None
        """As it was put to the last target, after guards and templates; None = no model was asked."""
        self.witness: Witness | None = None
        """None = nobody wants to see what was said."""
        self.connect_s: float | None = None
        self.calls_s: tuple[float, ...] = ()
        """How long each call of a target or a backend took, until there was a head or none."""
        self.encrypted, self.operation = False, ""
        self.request_model = self.client_dialect = ""
        self.failed: list[tuple[str, str]] = []
        """Attempts that were given up for another target: its name, and the status or code."""
        self.quoted = Tally()
        """What the guards of answers did about errors of providers."""
        self._asking = False
        """The last target's attempt is not among the failed ones."""
        self._sent, self._refused, self._worked, self._kept = 0, False, False, False
        """Requests of this attempt that its target has; one was refused, one answered; one given up may work on its."""
        self._provider_dialect = ""
        self._target = self.target_model = self._endpoint = ""
        self._route = Route()
        self._provider = UNKNOWN
        self._llm = False
        self._tagged: Cost | None = None
        """What was worked out for the head of a whole answer; the record says the same."""

    # -- learning -----------------------------------------------------------------------------------------------------

    def at_route(self, route: Route) -> None:
        self._route = route

    def at_backend(self, route: Route, backend: AiBackend | HttpBackend) -> None:
        self._route = route
        if isinstance(backend, HttpBackend):
            self._target, self._endpoint = backend.name, backend.endpoint.label
            self.encrypted = backend.endpoint.tls is not None
        else:
            self._llm = True

    def at_try(self) -> None:
        """The backend is asked now."""
        self._asking, self._refused, self._worked, self.status = True, False, False, 0

    def at_sent(self, sent: bool) -> None:
        """It has a request, or has not heard it after all."""
        self._sent += 1 if sent else -1

    def at_target(self, outbound: Outbound, dialect: str, model: str) -> None:
        """It is asked now, for this model."""
        self.at_try()
        target, self.target_model, self._provider_dialect = outbound.target, model, dialect
        self._target, self._endpoint = target.name, outbound.label
        self._provider = target.provider.telemetry_name
        self.encrypted = target.endpoint.tls is not None

    def at_answer(self, upstream: UpstreamStream, now: float) -> None:
        """The provider's head is here. Its request id becomes ours: what a client quotes is in the log."""
        self.answered_at = now
        self.status = upstream.head.status
        self._refused |= self.status >= ELSEWHERE
        self._worked |= self.status < ELSEWHERE
        self.connect_s = upstream.connect_s
        if self.sent_status:
            return
        for name, value in upstream.head.headers:
            if name in _REQUEST_IDS and is_request_id(given := value.decode("latin-1")):
                self.request_id = given
                break

    def gave_up(self, error: SluiceError) -> None:
        """This target failed unseen, and another will be asked."""
        self._kept |= (self._sent > 0 and may_go_on(error)) or (self._sent > 1 and self._worked)
        self._asking, self._sent = False, 0
        self.failed.append((self._target, word_of(error)))
        self.relay = None
        if not self.sent_status:
            self.request_id = self.identity.request_id

    def attempts(self, error: SluiceError | None) -> str:
        """`first;429, second;200`: every target that was asked, and what became of it; empty if there was only one.
        `error`: why there is no answer."""
        return ", ".join(f"{name};{what}" for name, what in self._tried(error))

    @property
    def traceparent(self) -> bytes:
        """The header for a target that is asked next: its parent is the attempt, if that has a span."""
        return self.identity.traceparent if self.trace is None else self.trace.ahead()

    @property
    def latency_s(self) -> float | None:
        """From asking the last target to its head; None = it gave none."""
        return self.answered_at - self.asked_at if self.answered_at > self.asked_at else None

    @property
    def whom(self) -> tuple[Route, str, str, str]:
        """Where it has come to: its place in the plan, the provider's name, the target, its `host:port`."""
        return self._route, self._provider, self._target, self._endpoint

    @property
    def streams(self) -> bool:
        """A stream was asked for."""
        return self.chat is not None and self.chat.stream

    def _tried(self, error: SluiceError | None) -> tuple[tuple[str, str], ...]:
        if len(self.failed) + self._asking < MIN_TOLD:
            return ()
        if not self._asking:
            return tuple(self.failed)
        last = word_of(error) if isinstance(error, UpstreamError) or not self.status else str(self.status)
        return (*self.failed, (self._target, last))

    # -- telling ------------------------------------------------------------------------------------------------------

    def settled(
        self, outcome: Outcome, fault: Callable[[BaseException], None], *, now: float, wall: float
    ) -> ExchangeRecord:
        """Let go of what the policies took for this exchange, and build the record. Call it exactly once. `fault` is
        told what went wrong with the money: there is a record all the same."""
        facts = None
        try:
            if self.policing is not None or self._llm:
                answered = self._answered(outcome)
                facts = None if self.policing is None else self.policing.settle(answered)
                if facts is None and self._llm and self.operation != COUNTING:
                    facts = priced(answered, self.prices)
        except Exception as error:
            fault(error)
        return self.record(outcome, facts or NO_COST_FACTS, now=now, wall=wall)

    def price_tag(self) -> list[Header]:
        """Return what a whole answer costs, for its head: where the provider has said what it used, and there is a
        price for that. Of a stream nobody knows when the head leaves."""
        said = self.relay.said if self.relay is not None else _NOTHING_SAID
        if self.streaming or said.usage is None:
            return []
        models = said.model, self.target_model, self.request_model
        self._tagged = cost = self.prices.cost(said.usage, self._provider, *models)
        return [(PRICE_TAG, usd(cost.total).encode())] if cost.status == "Exact" else []

    def _answered(self, outcome: Outcome) -> Answered:
        """How it ended, for those who settle."""
        relay = self.relay
        said = relay.said if relay is not None else _NOTHING_SAID
        meter = relay.meter if relay is not None else None
        whole = not self.streaming and self.operation == "chat" and outcome.kind == "completed"
        return Answered(
            outcome=outcome.kind,
            asked=self._sent > 0 and not self._refused and not said.failed,
            kept=self._kept or (self._sent > 1 and self._worked),
            usage=said.usage,
            streamed=meter.counted if meter is not None else 0,
            by_length=meter is not None and meter.counted != meter.tokens,
            body=meter.bytes_from_provider if meter is not None and whole else 0,
            streaming=self.streaming,
            provider=self._provider,
            model=said.model,
            target_model=self.target_model,
            asked_model=self.request_model,
            cost=self._tagged,
        )

    def record(self, outcome: Outcome, money: CostFacts, *, now: float, wall: float) -> ExchangeRecord:
        """Build the record of the finished exchange. `now` is monotonic, `wall` seconds since 1970."""
        request, chat, relay, error = self.request, self.chat, self.relay, outcome.error
        said = relay.said if relay is not None else _NOTHING_SAID
        meter = relay.meter if relay is not None else Meter(request.received_at)
        meter.bytes_to_client = self.replied_bytes or meter.bytes_to_client
        stream = meter.facts(streaming=self.streaming)
        sentence, code = blamed(error, request, None if self.policing is None else self.policing.request.credential)
        return ExchangeRecord(
            request_id=self.request_id,
            trace_id=self.identity.trace_id,
            span_id=self.identity.span_id,
            started_at=wall - (now - request.received_at),
            duration_s=now - request.received_at,
            added_s=self.asked_at - self.taken_at if self.asked_at else 0.0,
            answer_added_s=self.passed_on_s,
            route=self._route,
            endpoint=self._endpoint,
            src_addr=request.peer,
            method=request.method,
            host=request.header(b"host") or "",
            path=request.path,
            http_version=request.http_version,
            status=_CLIENT_CLOSED if outcome.kind in _REASONS else self.sent_status,
            protocol="llm" if self._llm else "http",
            operation=self.operation,
            provider=self._provider,
            request_model=self.request_model,
            response_model=said.model,
            streaming=self.streaming,
            params=_params(chat) if chat is not None else _NO_PARAMS,
            usage=said.usage,
            stream=stream,
            tpot_s=meter.tpot_s(said.usage) if self.streaming else None,
            finish_reason=said.finish_reason,
            unrecognised=tuple(said.unrecognised.items()),
            client_dialect=self.client_dialect,
            provider_dialect=self._provider_dialect,
            attempts=max(1, len(self.failed) + self._asking),
            tried=self._tried(error),
            outcome=outcome.kind,
            reason="DirectResponse" if self.direct else _reason(outcome),
            error=sentence,
            error_code=code,
            principal=named(request.vouched or NOBODY if self.policing is None else self.policing.principal),
            guards=() if self.policing is None else self.policing.checked,
            labels=request.labels,
            guard=self.quoted.beside(UNGUARDED if relay is None else relay.guards),
            money=money,
            connect_s=self.connect_s,
            connect_transport="tls" if self.encrypted else "plaintext",
            calls_s=self.calls_s,
            trace=None if self.trace is None else self.trace.facts(outcome, stream, now),
        )


def _reason(outcome: Outcome) -> str:
    if outcome.error is not None:
        return outcome.error.reason
    return _REASONS.get(outcome.kind, "Upstream")


def _params(chat: ChatRequest) -> RequestParams:
    return RequestParams(
        temperature=chat.temperature,
        top_p=chat.top_p,
        max_tokens=chat.max_tokens,
        frequency_penalty=chat.frequency_penalty,
        presence_penalty=chat.presence_penalty,
        seed=chat.seed,
    )
