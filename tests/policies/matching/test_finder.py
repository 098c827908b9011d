"""policies.matching.finder: what `re` finds in the whole text is found in any pieces of it, and in nothing else."""

from itertools import product
from random import Random

import pytest

from sluice.policies.matching import Finder, Pattern, Span, Unsupported
from sluice.policies.matching.finder import MAX_VALIDATED
from tests.policies.matching.oracle import check, expected, in_pieces

_TEXTS = (
    *("", "a", "\n", "ab", "aaa", "abab", "a\n", "a\n\n", "\na", "a\nb", "aab ab", "a-b", "cab", "abcabcab"),
    *("aaaaab", "ab\nab\n", " a a ", "b", "xaby", "a.b@c.de, f@g.hi", "12-34 56-78-90", "foo bar", "foobar foo"),
)
_PATTERNS = (
    # which of several ways is preferred
    *("a|ab", "ab|a", "ab|abc|a", "(?:a|ab)(?:c|bcd)?", "a|b|ab", "(?:ab)*a", "(?:a|ab|abc)+", "aa|aaa|a"),
    # as little as possible, decided pieces later
    *("a.*?b", "a+?", "a*?", "a??b", "(?:a|b)+?b", "a.+?(?:b|$)", "a{1,3}?", "[ab]*?c", "(?s)a.*?$"),
    # where it stands
    *(r"\ba", r"a\b", r"\b\w+\b", r"a\B", r"\Ba", "^a", "a$", "(?m)^a", "(?m)a$", r"\Aa", r"a\Z", r"a\z", r"\b"),
    *("a$$", "a$(?m:$)", "a$|a\n|\nb", "a$|a\n|\n", "(?:a$|[ab]\n)*"),
    *("a$|a\n", r"a$\n", r"a\n$", "(?m)^.*$", "(?m)^$\n?", "^$", r"\n$", r"(?:a|$|\n)+", "(?:$|[^a])*", r"\w+\Z|\s$"),
    # turns that may be empty
    *("(?:a*)*", "(?:a*)+b", "(?:|a)*", "(?:a|)*b", "(?:a?)*?b", "(?:a??b??)*c", "(?:(?:a*)*)*", "(?:a?){3}"),
    *("(?:|a){2,3}", "(?:a|b*)*c", "(?:^|a)+b", r"(?:\b|a)+", "(?:a*?)*?b", "(?:(?:|a)+?b?)*"),
    # counts, nested
    *("a{2}", "a{2,}", "a{0}", "a{0,2}b", "(?:a{1,2}){2}", "(?:ab){1,2}", "(?:a{2}){1,2}b", "(?:a+){2,3}", "(a|b){2}"),
    # everything and nothing
    *("", "(?:)", ".", "(?s).", ".*", "(?s).*", "(?s).+", ".*?", "[^a]", r"[^\s\S]", r"\W+", "x"),
    # a match within a match that has not come to its end, and never may
    *("a.*z|b", "ab.*|b", "(?s)a.*c|b", "foobar|oba|foo", "a[^c]*c|b+"),
)


@pytest.mark.parametrize("pattern", _PATTERNS)
def test_each_pattern_is_found_where_re_finds_it_however_the_text_is_cut(pattern: str) -> None:
    rng = Random(pattern)
    patterns = [Pattern(text=pattern)]
    finder = Finder(patterns)
    for text in (*_TEXTS, *("".join(letters) for letters in product("ab\n", repeat=4))):
        check(text, patterns, rng, finder)


def test_fifteen_patterns_at_once_find_what_each_finds_alone() -> None:
    rng = Random(15)
    for _ in range(12):
        patterns = [Pattern(text=text) for text in rng.sample(_PATTERNS, 15)]
        finder = Finder(patterns)
        for text in _TEXTS:
            check(text, patterns, rng, finder)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(?i)s", "sSſ", [(0, 1), (1, 2), (2, 3)]),
        ("(?i)k", "kK\u212a", [(0, 1), (1, 2), (2, 3)]),
        ("(?i)[a-z]+", "ſt K", [(0, 2), (3, 4)]),
        ("(?i)i", "İiIı", [(0, 1), (1, 2), (2, 3), (3, 4)]),
        ("(?i)ß", "ẞß", [(0, 1), (1, 2)]),
        ("(?i:é)E", "ÉE", [(0, 2)]),
        ("(?i)[^k]", "\u212aa", [(1, 2)]),
        (r"\d+", "٣4", [(0, 2)]),
        (r"(?a)\d+", "٣4", [(1, 2)]),
        (r"\w+", "naïve 漢字", [(0, 5), (6, 8)]),
        (r"\b号\b", "卡 号。", [(2, 3)]),
        (r"(?a:\b)4\b", "号4", [(1, 2)]),
        (".", "\U0001f600\ud83d", [(0, 1), (1, 2)]),
        ("[\U0001f600-\U0001f64f]{2}", "x\U0001f600\U0001f601", [(1, 3)]),
    ],
)
def test_characters_mean_what_they_mean_to_re(pattern: str, text: str, found: list[tuple[int, int]]) -> None:
    assert expected(text, pattern) == found, "the example itself"
    check(text, [Pattern(text=pattern)], Random(1))


def test_a_word_ends_only_when_it_is_known_what_follows() -> None:
    search = Finder([Pattern(text=r"\bcat\b")]).search()
    assert search.feed("a cat") == []
    assert search.cleared == 2
    assert search.feed("s cat") == []
    assert search.cleared == 7
    assert search.feed("") == []
    assert search.feed(".") == [Span(7, 10, 0)]
    assert search.cleared == 11


def test_the_end_of_the_text_is_known_only_at_the_end() -> None:
    for text, at_end in (("secret", True), ("secret\n", True), ("secret\n\n", False)):
        search = Finder([Pattern(text="secret$")]).search()
        assert [search.feed(letter) for letter in text] == [[]] * len(text)
        assert search.cleared == (0 if at_end else len(text))
        assert search.finish() == ([Span(0, 6, 0)] if at_end else [])


def test_a_lazy_repeat_is_certain_with_the_first_character_that_suffices() -> None:
    search = Finder([Pattern(text="<.+?>")]).search()
    assert search.feed("a <") == []
    assert search.feed("b") == []
    assert search.feed("> and") == [Span(2, 5, 0)]


def test_a_greedy_repeat_waits_until_it_cannot_go_on() -> None:
    search = Finder([Pattern(text="glpat-[a-z]{2,}")]).search()
    assert search.feed("my glpat-ab") == []
    assert search.feed("cd") == []
    assert search.cleared == 3
    assert search.feed(".") == [Span(3, 13, 0)]


def test_spans_of_different_patterns_come_in_order_and_none_reaches_over_what_is_cleared() -> None:
    search = Finder([Pattern(text="bc"), Pattern(text="a(?:bcd)*e"), Pattern(text="c[a-z]+")]).search()
    assert search.feed("-abcd") == []
    assert search.cleared == 1, "all overlap: `bc` is certain, but it may be joined to what began before it"
    assert search.feed(".") == [Span(2, 4, 0), Span(3, 5, 2)]
    assert search.cleared == 6


def test_positions_have_no_bound_and_memory_does() -> None:
    search = Finder([Pattern(text="[0-9]{4}")]).search()
    for _ in range(5000):
        search.feed("no digits here " * 10)
    assert search.feed("1234") == [Span(750_000, 750_004, 0)]


# -- validators -------------------------------------------------------------------------------------------------------


def _even(match: str) -> bool:
    return sum(map(ord, match)) % 2 == 0


@pytest.mark.parametrize(
    "pattern",
    [r"\d{3,5}", r"\b\d{2}(?:-?\d{2}){1,3}\b", "[ab]{2,4}", "a.?b?", "(?:a|ab|abc){1,2}", "[ab]{1,3}?c?", r"a$|ab?\n?"],
)
def test_where_a_validator_refuses_a_match_the_next_may_begin_inside(pattern: str) -> None:
    rng = Random(pattern)
    patterns = [Pattern(text=pattern, accepts=_even)]
    finder = Finder(patterns)
    for _ in range(300):
        check("".join(rng.choice("abc123-\n") for _ in range(rng.randint(0, 14))), patterns, rng, finder)
        check("".join(rng.choice("ab") for _ in range(rng.randint(0, 10))), patterns, rng, finder)


def test_what_begins_inside_an_accepted_match_holds_nothing() -> None:
    search = Finder([Pattern(text=r"a[ab]{0,2}b|b[ab-]{6}", accepts=lambda match: match == "abab")]).search()
    assert search.feed("abab-") == [Span(0, 4, 0)]
    assert search.cleared == 5


def test_a_validator_reads_the_match_however_it_was_cut() -> None:
    read: list[str] = []

    def accepts(match: str) -> bool:
        read.append(match)
        return True

    finder = Finder([Pattern(text=r"\b\d{4}\b", accepts=accepts)])
    in_pieces(finder, list("in 1984 and 2001, not 12345"))
    assert read == ["1984", "2001"]


def test_a_match_without_bound_cannot_be_validated() -> None:
    with pytest.raises(Unsupported, match="bound its repeats") as refused:
        Finder([Pattern(text="a"), Pattern(text=r"\d+", accepts=_even)])
    assert refused.value.index == 1
    assert Finder([Pattern(text=rf"\d{{1,{MAX_VALIDATED}}}", accepts=_even)]).find("2") == [Span(0, 1, 0)]


def test_no_patterns_find_nothing_and_hold_nothing() -> None:
    search = Finder([]).search()
    assert search.feed("anything") == []
    assert search.cleared == 8
    assert search.finish() == []


def test_a_finder_serves_many_texts_at_once() -> None:
    finder = Finder([Pattern(text="ab+c")])
    one, two = finder.search(), finder.search()
    assert one.feed("ab") == two.feed("xxabb") == []
    assert one.feed("c") == [Span(0, 3, 0)]
    assert two.feed("c") == [Span(2, 6, 0)]


def test_the_oracle_knows_a_validator_from_none() -> None:
    assert expected("aaa", "a{2}") == [(0, 2)]
    assert expected("aab", "a{2}|b", lambda match: match != "aa") == [(2, 3)]
