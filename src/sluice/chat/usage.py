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
