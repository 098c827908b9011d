"""What is remembered of requests."""

import pytest

from sluice.testing.fake_sight import Book, Ended, Sight


def sight(tag: str, **more: object) -> Sight:
    facts = {"dialect": "chat", "path": "/", "model": "m", "stream": True, "connection": 1, "began_s": 1.0}
    return Sight(tag=tag, read_bytes=1, **(facts | more))  # type: ignore[arg-type]


def test_no_more_are_remembered_than_told_and_the_newest_are_last() -> None:
    book = Book(most=3)
    for number in range(5):
        book.open(sight(str(number)))
    assert [each.tag for each in book.sights()] == ["2", "3", "4"]
    assert book.forget() == 3
    assert list(book.sights()) == []


@pytest.mark.parametrize("second", ["finished", "cut", "gone"])
def test_the_first_end_counts(second: Ended) -> None:
    book = Book()
    watch = book.open(sight("t"))
    assert watch.sight.ended == "open"
    watch.end("cut", 2.0)
    watch.end(second, 3.0)
    assert (watch.sight.ended, watch.sight.ended_s) == ("cut", 2.0)


def test_numbers_are_those_of_now() -> None:
    book = Book()
    watch = book.open(sight("t"))
    (before,) = book.sights()
    watch.body_bytes, watch.events, watch.head_sent_s = 7, 2, 1.5
    (after,) = book.sights()
    assert (before.body_bytes, before.events, before.head_sent_s) == (0, 0, None)
    assert (after.body_bytes, after.events, after.head_sent_s) == (7, 2, 1.5)


def test_filters_have_to_hold_together() -> None:
    book = Book()
    for tag, model, path in (("a", "m", "/x"), ("a", "n", "/x"), ("", "m", "/y")):
        book.open(sight(tag, model=model, path=path))
    assert len(list(book.sights(tag="a"))) == 2
    assert len(list(book.sights(tag="a", model="m"))) == 1
    assert len(list(book.sights(tag=""))) == 1
    assert len(list(book.sights(path="/x", model="n"))) == 1
    assert list(book.sights(tag="a", path="/y")) == []
