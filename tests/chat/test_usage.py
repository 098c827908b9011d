"""chat/usage.py: what is believed of what a provider says it used."""

from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.usage import MOST, Usage, believed

COUNTS = st.one_of(st.integers(), st.integers(-5, 5), st.sampled_from([MOST, MOST + 1, 10**30, -(10**30)]))
SAID = st.builds(Usage, **dict.fromkeys(Usage.__struct_fields__, COUNTS))


@given(SAID)
def test_no_count_is_negative_or_endless_and_no_part_is_more_than_the_whole(said: Usage) -> None:
    usage = believed(said)
    for name in Usage.__struct_fields__:
        assert 0 <= getattr(usage, name) <= MOST
    assert usage.cache_read_tokens + usage.cache_write_tokens <= usage.input_tokens
    assert usage.input_audio_tokens <= usage.input_tokens
    assert usage.reasoning_tokens <= usage.output_tokens
    assert usage.output_audio_tokens <= usage.output_tokens


@given(SAID)
def test_what_can_be_true_is_believed_as_it_is(said: Usage) -> None:
    usage = believed(said)
    assert believed(usage) == usage
    assert said.input_tokens < 0 or said.input_tokens > MOST or usage.input_tokens == said.input_tokens
