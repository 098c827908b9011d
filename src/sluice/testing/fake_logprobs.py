"""Probabilities of the fake provider's tokens, as OpenAI lays them out. Pure."""

import zlib
from collections.abc import Iterator

_Json = dict[str, object]
_OTHERS = (" the", " a", " and", " of", " to", ",", ".", " in", " is", " it")


def judged(token: str, top: int) -> _Json:
    """Return a token with a probability that depends on nothing but the token, and the likeliest in its place."""
    chance = -(zlib.crc32(token.encode()) % 1000) / 10_000
    best = [_logprob(token, chance)][:top]
    others = (other for other in _others() if other != token)
    best += [_logprob(other, chance - 2.0 - rank) for rank, other in zip(range(top - 1), others, strict=False)]
    return _logprob(token, chance) | {"top_logprobs": best}


def _others() -> Iterator[str]:
    """Tokens that might have stood there."""
    yield from _OTHERS
    for number in range(100):
        yield f" {number}"


def _logprob(token: str, chance: float) -> _Json:
    return {"token": token, "logprob": chance, "bytes": list(token.encode())}
