"""policies.personal.email: the same addresses whatever the cuts, in linear time, and no more waits than a last word."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.policies.matching import Span
from sluice.policies.personal import EmailSearch


def found(pieces: list[str]) -> list[Span]:
    search = EmailSearch(7)
    spans: list[Span] = []
    fed = 0
    for piece in pieces:
        before = search.cleared
        new = search.feed(piece)
        fed += len(piece)
        assert before <= search.cleared <= fed
        assert fed - search.cleared <= 64 + 1 + 255
        assert all(before <= span.start < span.end <= search.cleared for span in new)
        spans += new
    spans += search.finish()
    assert search.cleared == fed
    return spans


TEXTS = st.lists(
    st.sampled_from(
        [
            *(
                "@",
                "@",
                ".",
                ".com",
                "a@b.io",
                "john",
                "git",
                "git@",
                "host.example",
                ":",
                "/",
                "~x",
                "-",
                "_",
                "+",
                "'",
            ),
            *("é", "号", " ", "\n", "\\n", "\\", "n", "1", "x" * 63, "y" * 64, ".a" * 130, "xn--", "bcher-kva", "ж.рф"),
        ]
    ),
    max_size=20,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(text=TEXTS, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_what_is_found_does_not_depend_on_cuts(text: str, cuts: list[int]) -> None:
    at = sorted(min(cut, len(text)) for cut in cuts)
    pieces = [text[start:end] for start, end in zip([0, *at], [*at, len(text)], strict=True)]
    whole = found([text])
    assert found(pieces) == whole
    assert found(list(text)) == whole


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a@b.io", ["a@b.io"]),
        ("a@b@c.io", ["b@c.io"]),
        ("a@b.io@c.io", ["a@b.io"]),
        ("@b.io@c.io", ["b.io@c.io"]),
        ("x" * 64 + "@b.io", ["x" * 64 + "@b.io"]),
        ("y" + "x" * 64 + "@b.io", ["x" * 64 + "@b.io"]),  # what stands before 64 characters has left
        ("a@" + "b." * 120 + "io", ["a@" + "b." * 120 + "io"]),
        (".'-a@b.io", ["a@b.io"]),
        ("\\na@b.io \\.a@b.io", ["a@b.io", "a@b.io"]),
        ("\\n@b.io", []),
        ("git@b.io:x git@b.io: digit@b.io:x", ["git@b.io", "digit@b.io"]),
        ("a@b.io-", ["a@b.io"]),
        ("a@b..io a@.io a@b.i a@b a@ @", []),
        ("a@1.2.3.4", []),
    ],
)
def test_what_an_address_is(text: str, values: list[str]) -> None:
    assert [text[span.start : span.end] for span in found([text])] == values


@pytest.mark.parametrize(
    ("text", "waits"),
    [
        ("a last word", "word"),
        ("a last word ", ""),
        ("word. ", ""),
        ("word.", "word."),
        ("(word", "word"),
        ("中文没有空格", ""),
        ("中文word", "word"),
        ("x" * 99, "x" * 64),
        ("a@", "a@"),
        ("to a.b@c-d.ex", "a.b@c-d.ex"),
        ("to a@b.io ", ""),
        ("@app", "app"),
        ("a\\n", ""),
        ("git@b.io:", "git@b.io:"),
        ("a@b.io:", ""),
        ("a@" + "b" * 256, "b" * 64),
    ],
)
def test_the_last_word_waits_and_an_address_that_may_go_on(text: str, waits: str) -> None:
    for pieces in ([text], list(text)):
        search = EmailSearch(0)
        for piece in pieces:
            search.feed(piece)
        assert text[search.cleared :] == waits


@pytest.mark.timed
@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
@pytest.mark.parametrize(
    "text",
    ["x" * 50_000, "@" * 50_000, "a@" * 25_000, "a.@" * 16_000, "a@" + "b." * 25_000, "-" * 50_000, "x@y." * 12_000],
    ids=lambda text: text[:4],
)
def test_no_text_costs_more_than_linear_time(text: str, piece: int) -> None:
    search = EmailSearch(0)
    began = time.process_time()
    for at in range(0, len(text), piece):
        search.feed(text[at : at + piece])
    search.finish()
    assert time.process_time() - began < len(text) * 100e-6  # quadratic would be minutes
