"""What the variable `llm` says of an exchange that is over.

Guarantee: nothing is decoded that no expression names. Obeys: labs A001 and C13; agentgateway, schema/cel.md (read
2026-11-21). Departures: times are seconds; `llm.completion` has a text for each choice, empty where that only calls
tools.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from sluice.chat.usage import Usage
from sluice.dialects.prompt import prompt_of
from sluice.errors import SluiceError
from sluice.gateway.reply_facts import counted_tokens, service_tier
from sluice.policies.scene import Fact
from sluice.relay.record import ExchangeRecord
from sluice.relay.transcript import CUT, MAX_CHARS

if TYPE_CHECKING:
    from sluice.gateway.account import Account

COUNTING = "count_tokens"
_COUNTS = {
    "inputTokens": "input_tokens",
    "cachedInputTokens": "cache_read_tokens",
    "cacheCreationInputTokens": "cache_write_tokens",
    "inputAudioTokens": "input_audio_tokens",
    "outputTokens": "output_tokens",
    "outputAudioTokens": "output_audio_tokens",
    "reasoningTokens": "reasoning_tokens",
    "totalTokens": "total_tokens",
}
"""Of `llm` -> of `Usage`."""
_PARTS = frozenset(["inputAudioTokens", "outputAudioTokens"])
"""Counts that are only there where a provider tells them apart."""
_RATES = {
    "input": "input",
    "output": "output",
    "cacheRead": "cache_read",
    "cacheWrite": "cache_write",
    "reasoning": "reasoning",
    "inputAudio": "input_audio",
    "outputAudio": "output_audio",
}
_PICOS_PER_MILLION = 10**6
"""Picodollars per token of a dollar per million tokens."""


class _Embedding(msgspec.Struct, omit_defaults=True):
    encoding_format: str | None = None
    dimensions: int | None = None


def llm_facts(account: "Account", record: ExchangeRecord) -> dict[str, Fact]:
    """Return its members."""
    facts: dict[str, Fact] = {
        "streaming": record.streaming,
        "provider": record.provider,
        "params": lambda: _params(account, record),
        "prompt": lambda: _prompt(account),
        "cost": lambda: _cost(record),
        "costRates": lambda: _rates(account, record),
    }
    known = {
        "requestModel": record.request_model or None,
        "responseModel": record.response_model or None,
        "timeToFirstToken": record.stream.first_token_s,
        "timePerOutputToken": record.tpot_s,
        **_counts(record),
    }
    facts |= {name: absent if value is None else value for name, value in known.items()}
    witness = account.witness
    if witness is not None:
        facts["serviceTier"] = lambda: service_tier(witness.text())
        if record.operation == COUNTING:
            facts["countTokens"] = lambda: counted_tokens(witness.text())
        if witness.transcript is not None:
            facts["completion"] = witness.transcript.completion
            facts["toolCalls"] = witness.transcript.tool_calls
    return facts


def _counts(record: ExchangeRecord) -> Mapping[str, int | None]:
    usage = record.usage
    if usage is None or record.operation == COUNTING:
        return dict.fromkeys(_COUNTS)
    return {name: _count(usage, name, member) for name, member in _COUNTS.items()}


def _count(usage: Usage, name: str, member: str) -> int | None:
    count = int(getattr(usage, member))
    return None if name in _PARTS and not count else count


def absent() -> object:
    """A fact that is not there."""
    raise LookupError("it is not known")


def _params(account: "Account", record: ExchangeRecord) -> dict[str, object]:
    said: dict[str, object] = {
        name: value for name, value in msgspec.structs.asdict(record.params).items() if value is not None
    }
    if record.operation == "embeddings":
        try:
            members = msgspec.json.decode(account.request.body, type=_Embedding)
        except msgspec.DecodeError as error:
            raise ValueError("the parameters cannot be read") from error
        said |= msgspec.to_builtins(members)
    return said


def _prompt(account: "Account") -> list[dict[str, str]]:
    """As it was put to a model, after guards and templates; of a request that nobody was asked there is none."""
    asked = account.put
    if asked is None:
        raise LookupError("no model was asked")
    try:
        said = prompt_of(account.client_dialect, asked.fields)
    except SluiceError as error:
        raise ValueError("the prompt cannot be read") from error
    return list(_bounded(said))


def _bounded(said: Iterable[tuple[str, str]]) -> Iterator[dict[str, str]]:
    left = MAX_CHARS
    for role, text in said:
        yield {"role": role, "content": text if len(text) <= left else text[:left] + CUT}
        left -= len(text)
        if left < 0:
            return


def _cost(record: ExchangeRecord) -> dict[str, float]:
    if record.money.cost.status != "Exact":
        raise LookupError("it has no price")
    return record.money.cost.members()


def _rates(account: "Account", record: ExchangeRecord) -> dict[str, float]:
    """USD per million tokens, of the tier that the input falls in."""
    if record.money.cost.status != "Exact":
        raise LookupError("it has no price")
    models = record.response_model, account.target_model, record.request_model
    _, price = account.prices.find(record.provider, *models)
    rates = price.of(record.money.usage.input_tokens) if price.tiers else price.rates
    found = {name: getattr(rates, member) for name, member in _RATES.items()}
    return {name: picos / _PICOS_PER_MILLION for name, picos in found.items() if picos is not None}
