"""chat.caching: which prompts are long enough, and which message is marked."""

import pytest

from sluice.chat.caching import PromptCaching


@pytest.mark.parametrize(("words", "worth"), [(0, False), (787, False), (788, True)])
def test_a_token_is_so_many_words(words: int, *, worth: bool) -> None:
    assert PromptCaching().worth(words) is worth
    assert PromptCaching(min_tokens=0).worth(words)


def test_the_newest_message_is_no_history() -> None:
    assert [PromptCaching().place(count) for count in range(5)] == [None, None, 0, 1, 2]
    assert [PromptCaching(message_offset=2).place(count) for count in range(6)] == [None, None, 0, 0, 0, 1]
    assert PromptCaching(messages=False).place(9) is None
