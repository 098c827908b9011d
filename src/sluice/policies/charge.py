"""What an exchange is charged for, and who says so: the provider, or what was counted here, or an estimate.

An answer that broke off before its usage came, or whose provider reports none, is charged by what was streamed and the
estimate of its prompt; one that got no word of an answer from a provider that refused it is charged nothing.
Whoever let the request go and did not wait for the answer pays the prompt, be it that they left or set a clock.
Obeys: stream-life 7.
"""

from typing import Literal

import msgspec

from sluice.chat.usage import Usage
from sluice.policies.cost import NO_COST, Cost

Provenance = Literal["provider", "counted", "estimated", "none"]
"""`provider`: as it reported. `counted`: the output was counted as it came. `estimated`: nobody counted. `none`:
nothing was used."""

BYTES_PER_TOKEN = 4
MOST = 1 << 28
"""Tokens of either side that no exchange uses, whatever a provider says: a hundred times the longest context."""

_OF_NO_USE = frozenset(["rejected", "limited", "internal", "blocked", "upstream_error"])
"""Outcomes in which a provider that sent nothing has taken nothing either."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """How an exchange ended, for whoever settles it."""

    outcome: str
    asked: bool
    """The request left for a provider who was there and has not refused it."""
    kept: bool = False
    """So did one before, or beside, the last: whoever was given up may work on it, whatever the last one says."""
    usage: Usage | None = None
    """As the provider reported it, so far."""
    streamed: int = 0
    """Tokens of an answer that came, of any channel, as they were counted."""
    by_length: bool = False
    """Of some of them only the length is known: they came many at once."""
    body: int = 0
    """Bytes of a whole answer that reported nothing."""
    streaming: bool = False
    provider: str = ""
    """As telemetry names it."""
    model: str = ""
    """As the provider calls what it answered with."""
    target_model: str = ""
    """As the provider was asked for it."""
    asked_model: str = ""
    """As the client asked for it."""
    cost: Cost | None = None
    """Of `usage`, if that was asked before; None = nobody has worked it out."""

    @property
    def counted(self) -> Provenance:
        """How is known what was streamed."""
        return "estimated" if self.by_length else "counted"


class Charge(msgspec.Struct, frozen=True):
    """Tokens that are charged."""

    usage: Usage
    provenance: Provenance


NOTHING = Charge(Usage(), "none")


class CostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The money of one exchange, for its record."""

    cost: Cost = NO_COST
    provenance: Provenance = "none"
    usage: Usage = Usage()
    """What was charged; the record's own `usage` is what the provider said."""
    over: tuple[str, ...] = ()
    """Budgets with `onExceeded: Audit` that were spent when the request came."""


NO_COST_FACTS = CostFacts()


def charged(answered: Answered, prompt_tokens: int) -> Charge:
    """Return what an exchange is charged for. `prompt_tokens`: the estimate of its prompt."""
    said = answered.usage
    if said is not None:
        return _reported(answered, said, prompt_tokens)
    if answered.streamed:
        return Charge(Usage(input_tokens=prompt_tokens, output_tokens=answered.streamed), answered.counted)
    body = -(-answered.body // BYTES_PER_TOKEN)
    if not answered.kept and (not answered.asked or (not body and answered.outcome in _OF_NO_USE)):
        return NOTHING
    return Charge(Usage(input_tokens=prompt_tokens, output_tokens=body), "estimated")


def _reported(answered: Answered, said: Usage, prompt_tokens: int) -> Charge:
    """A provider that reports as it goes has said too little of an answer that broke off."""
    tokens = answered.streamed
    if max(said.input_tokens, said.output_tokens) > MOST:
        said = Usage(input_tokens=min(said.input_tokens, MOST), output_tokens=min(said.output_tokens, MOST))
    if answered.outcome == "completed" or tokens <= said.output_tokens:
        return Charge(said, "provider")
    filled_in = msgspec.structs.replace(said, input_tokens=said.input_tokens or prompt_tokens, output_tokens=tokens)
    return Charge(filled_in, answered.counted)
