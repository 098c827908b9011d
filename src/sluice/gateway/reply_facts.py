"""What only the bytes of an answer say, and no record: the tier that served it, and what a count of tokens came to.

Sources: platform.openai.com/docs/api-reference (`service_tier` of an answer, of each chunk, of `response`;
`input_tokens` of a count), docs.anthropic.com/en/api/messages (`usage.service_tier`, `input_tokens` of a count),
ai.google.dev/api/tokens (`totalTokens`), read 2026-11-21.
"""

import msgspec

from sluice.wire.sse import SseDecoder

MAX_FRAMES = 16
"""Of a stream: who names a tier does so when it begins."""


class _Usage(msgspec.Struct):
    service_tier: str | None = None


class _Body(msgspec.Struct):
    service_tier: str | None = None
    usage: _Usage | None = None
    response: "_Body | None" = None
    message: "_Body | None" = None


class _Count(msgspec.Struct):
    input_tokens: int | None = None
    total: int | None = msgspec.field(name="totalTokens", default=None)


_read_count = msgspec.json.Decoder(_Count).decode
_read = msgspec.json.Decoder(_Body).decode


def service_tier(body: str) -> str:
    """Return the tier that a body names: one of JSON, or the frames of a stream.

    Raises:
        LookupError: none.
    """
    raw = body.encode()
    found = _tier(raw) if raw.lstrip()[:1] == b"{" else None
    if found is None:
        frames = SseDecoder(len(raw) + 1).feed(raw)
        told = (_tier(frame.data) for frame in frames[:MAX_FRAMES] if frame.data is not None)
        found = next((tier for tier in told if tier), None)
    if not found:
        raise LookupError("the answer names no service tier")
    return found


def counted_tokens(body: str) -> int:
    """Return what the answer to a count of tokens says.

    Raises:
        LookupError: it is none.
    """
    try:
        count = _read_count(body)
    except (msgspec.DecodeError, RecursionError):
        raise LookupError("the answer counts no tokens") from None
    tokens = count.total if count.input_tokens is None else count.input_tokens
    if tokens is None:
        raise LookupError("the answer counts no tokens")
    return tokens


def _tier(data: bytes) -> str | None:
    try:
        body: _Body | None = _read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    while body is not None:
        usage = body.usage.service_tier if body.usage is not None else None
        if found := body.service_tier or usage:
            return found
        body = body.response or body.message
    return None
