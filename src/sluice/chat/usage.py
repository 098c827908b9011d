"""Token counts, normalised: what every dialect's usage object is turned into, once."""

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one exchange. Counts are absolute: a later report replaces an earlier one, it is never added to it.

    `input_tokens` includes cache reads and writes, `output_tokens` includes reasoning (labs 2.5, dialects.md
    decision 6).
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


MOST = 1 << 53
"""What a count is at most: every reader of JSON still has it whole, and every store can add it up."""


def believed(said: Usage) -> Usage:
    """Return what a provider said as far as it can be true: no count below 0 or beyond MOST, and no part larger than
    what it is a part of. Whoever reads counts from outside returns them through this."""
    given, made = said.input_tokens, said.output_tokens
    if (
        0 <= given <= MOST
        and 0 <= made <= MOST
        and said.cache_read_tokens >= 0
        and 0 <= said.cache_write_tokens <= given - said.cache_read_tokens
        and 0 <= said.reasoning_tokens <= made
        and 0 <= said.input_audio_tokens <= given
        and 0 <= said.output_audio_tokens <= made
    ):
        return said  # nearly always, and once for each answer
    given, made = _within(given, MOST), _within(made, MOST)
    read = _within(said.cache_read_tokens, given)
    return Usage(
        input_tokens=given,
        output_tokens=made,
        cache_read_tokens=read,
        cache_write_tokens=_within(said.cache_write_tokens, given - read),
        reasoning_tokens=_within(said.reasoning_tokens, made),
        input_audio_tokens=_within(said.input_audio_tokens, given),
        output_audio_tokens=_within(said.output_audio_tokens, made),
    )


def _within(count: int, most: int) -> int:
    return 0 if count < 0 else min(count, most)
