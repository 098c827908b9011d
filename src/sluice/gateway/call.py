"""What is asked of a target, whichever operation it is: the calls that an exchange can make."""

from typing import Protocol

from sluice.chat.request import ChatRequest
from sluice.config.plan import AiBackend, Target
from sluice.dialects.dialect import Dialect
from sluice.gateway.account import Account
from sluice.gateway.outbound import Draft, Outbound, OwnAnswer
from sluice.gateway.policing import Policing
from sluice.gateway.ports import UpstreamHead
from sluice.policies.ai import RouteType
from sluice.policies.guards import Guards
from sluice.relay.relay import Relay
from sluice.relay.terms import Terms
from sluice.wire.http1 import Header


class Call(Protocol):
    """One request, ready to be put to any of its targets. `draft` first; the rest is about the target it was for."""

    @property
    def chat(self) -> ChatRequest | None:
        """The chat request as the last target was asked, all policies applied; None for other operations."""
        ...

    kind: RouteType
    backend: AiBackend | None
    """Whose policies hold, once it is known."""
    policing: Policing | None
    """Who has a say in the request; None = nobody."""

    def prompt_tokens(self) -> int:
        """Return the tokens of what is asked, roughly; of several targets that may be asked, of the most."""
        ...

    def largest(self) -> ChatRequest | None:
        """Return the chat request as the target would be asked that may answer most, as far as that can be told before
        guards have looked; None for other operations."""
        ...

    def model_at(self, target: Target) -> str:
        """Return the model that a target would be asked for."""
        ...

    @property
    def target_model(self) -> str:
        """The model that the last target was asked for; empty = nobody knows."""
        ...

    async def look(self, policing: Policing, guards: Guards) -> None:
        """Let the guards look at what is asked, before it is drafted for the target that has them.

        Raises:
            SluiceError: they do not let it pass.
        """
        ...

    def aside(self, backend: AiBackend, policing: Policing) -> "Call":
        """Return the same request, as its guards have let it pass, for another backend beside this call's: what becomes
        of that one shows nowhere here."""
        ...

    def as_asked(self, outbound: Outbound) -> bytes:
        """Return the body in the client's own form, as its guards have let it pass and as the operator wishes it for
        this target: what somebody gets who is no provider.

        Raises:
            ClientError: it cannot be put to this target.
        """
        ...

    def draft(self, outbound: Outbound, traceparent: bytes) -> Draft | OwnAnswer:
        """Write the request for this target, or the answer if it need not be asked.

        Raises:
            ClientError: it cannot be put to this target.
        """
        ...

    @property
    def provider(self) -> Dialect:
        """The dialect that the last target was asked in: who reads its refusals."""
        ...

    @property
    def rewrites(self) -> bool:
        """The body of the last target's answer is read and may be written anew; else it crosses as it is, also if it
        is compressed or a redirect."""
        ...

    def relay(self, head: UpstreamHead, account: Account, terms: Terms) -> Relay:
        """Return the relay for an answer that began so."""
        ...

    def headers(self, head: UpstreamHead, account: Account) -> list[Header]:
        """Return the head of the answer as the client sees it."""
        ...
