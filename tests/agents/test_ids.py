"""Identifiers that sort by time."""

import time
from uuid import UUID

from sluice.agents.ids import name, uuid7


def test_those_of_one_process_sort_in_the_order_they_were_made_and_none_comes_twice() -> None:
    made = [uuid7() for _ in range(5000)]
    assert made == sorted(set(made))


def test_one_says_its_version_and_its_millisecond() -> None:
    before = time.time_ns() // 1_000_000
    made = UUID(uuid7())
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert abs((made.int >> 80) - before) < 1000


def test_a_name_says_what_it_names() -> None:
    kind, _, rest = name("msg").partition("-")
    assert kind == "msg"
    assert UUID(rest).version == 7
