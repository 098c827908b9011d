"""policies.admission: who comes in, who waits and for how long, and that nobody is lost."""

from collections.abc import Iterable
from timeit import repeat

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sluice.policies.admission import NEVER, Admission, Turnstile


def turnstile(concurrent: int = 2, queue: int = 2, timeout_s: float = 5.0) -> Turnstile[str]:
    return Turnstile(Admission(max_concurrent=concurrent, max_queue=queue, queue_timeout_s=timeout_s))


def entered(turnstile: Turnstile[str], names: Iterable[str], now: float = 0.0) -> list[str]:
    return [turnstile.enter(name, now) for name in names]


def test_the_bounds_are_those_of_the_specification() -> None:
    bounds = Admission()
    assert (bounds.max_concurrent, bounds.max_queue, bounds.queue_timeout_s, bounds.max_memory_bytes) == (
        10_000,
        1_000,
        5.0,
        0,
    )


def test_so_many_run_so_many_wait_and_one_more_is_refused() -> None:
    gate = turnstile()
    assert entered(gate, "abcde") == ["in", "in", "waits", "waits", "refused"]
    assert (gate.running, gate.waiting) == (2, 2)


def test_whoever_leaves_lets_in_the_one_who_came_first() -> None:
    gate = turnstile()
    entered(gate, "abcd")
    assert gate.leave("b", 1.0) == ["c"]
    assert gate.leave("a", 1.0) == ["d"]
    assert gate.leave("c", 1.0) == []
    assert (gate.running, gate.waiting) == (1, 0)
    assert gate.enter("e", 2.0) == "in"


def test_nobody_waits_in_a_queue_of_none() -> None:
    gate = turnstile(1, 0)
    assert entered(gate, "ab") == ["in", "refused"]


def test_no_bound_refuses_nobody() -> None:
    gate = turnstile(0, 0)
    assert set(entered(gate, map(str, range(20_000)))) == {"in"}
    assert gate.running == 20_000


def test_who_waited_too_long_is_named_once_the_oldest_first() -> None:
    gate = turnstile(1, 9)
    assert gate.deadline == NEVER
    gate.enter("a", 0.0)
    assert gate.deadline == NEVER
    for number, name in enumerate("bcd"):
        gate.enter(name, float(number))
    assert gate.deadline == 5.0
    assert gate.expired(4.999) == []
    assert gate.expired(6.0) == ["b", "c"]
    assert gate.deadline == 7.0
    assert gate.expired(6.0) == []
    assert gate.leave("a", 6.5) == ["d"]
    assert gate.deadline == NEVER


def test_calling_at_the_deadline_is_enough() -> None:
    """A deadline that a rounding puts before itself would make a timer spin."""
    gate = turnstile(1, 1, 0.1)
    gate.enter("a", 0.0)
    for step in range(1000):
        gate.enter("b", step * 0.7 + 1e6)
        assert gate.expired(gate.deadline) == ["b"]


def test_without_a_timeout_one_waits_as_long_as_its_client() -> None:
    gate = turnstile(1, 1, 0.0)
    entered(gate, "ab")
    assert gate.deadline == NEVER
    assert gate.expired(1e9) == []
    gate.gave_up("b")
    assert gate.waiting == 0


def test_who_gave_up_leaves_its_place_to_the_next_and_its_deadline_too() -> None:
    gate = turnstile(1, 2)
    entered(gate, "ab")
    gate.enter("c", 1.0)
    gate.gave_up("b")
    assert gate.deadline == 6.0
    assert gate.enter("d", 1.0) == "waits"
    assert gate.leave("a", 2.0) == ["c"]
    gate.gave_up("b")
    gate.gave_up("c")  # is in, and not in the queue
    assert (gate.running, gate.waiting) == (1, 1)


def test_one_who_has_waited_too_long_but_was_not_told_so_still_comes_in() -> None:
    gate = turnstile(1, 1)
    entered(gate, "ab")
    assert gate.leave("a", 60.0) == ["b"]
    assert gate.expired(60.0) == []


def test_closed_means_that_whoever_enters_is_refused_and_who_waits_is_not_forgotten() -> None:
    gate = turnstile(1, 2)
    entered(gate, "ab")
    gate.closed = True
    assert gate.enter("c", 0.0) == "refused"
    assert gate.leave("a", 1.0) == ["b"]
    assert gate.leave("b", 1.0) == []
    assert gate.enter("d", 1.0) == "refused"
    gate.closed = False
    assert gate.enter("d", 1.0) == "in"


def test_a_larger_room_lets_in_who_waits_and_a_smaller_one_sends_nobody_out() -> None:
    gate = turnstile(1, 3)
    entered(gate, "abcd")
    assert gate.resize(Admission(max_concurrent=3, max_queue=0)) == ["b", "c"]
    assert (gate.running, gate.waiting) == (3, 1)
    assert gate.enter("e", 1.0) == "refused"
    assert gate.resize(Admission(max_concurrent=1, max_queue=5)) == []
    assert gate.leave("a", 2.0) == []
    assert gate.leave("b", 2.0) == []
    assert gate.enter("f", 2.0) == "waits"
    assert gate.leave("c", 2.0) == ["d"]
    assert gate.resize(Admission(max_concurrent=0)) == ["f"]


def test_another_timeout_holds_for_those_who_wait() -> None:
    gate = turnstile(1, 1, 5.0)
    entered(gate, "ab")
    gate.resize(Admission(max_concurrent=1, queue_timeout_s=60.0))
    assert gate.deadline == 60.0
    assert gate.expired(59.0) == []


def _a_million_gave_up(waiting: int) -> float:
    """Seconds for a hundred turns at a queue of so many, half of whom gave up from its head."""
    gate: Turnstile[int] = Turnstile(Admission(max_concurrent=1, max_queue=4 * waiting))
    for number in range(2 * waiting):
        gate.enter(number, 0.0)
    for number in range(1, waiting):
        gate.gave_up(number)
    numbers = iter(range(2 * waiting, 9 * waiting))

    def turn() -> None:
        who = next(numbers)
        gate.enter(who, 0.0)
        assert gate.deadline == 5.0
        assert len(gate.leave(who, 0.0)) == 1

    return min(repeat(turn, number=100, repeat=5))


def test_a_turn_costs_the_same_however_long_the_queue() -> None:
    assert _a_million_gave_up(100_000) < 20 * _a_million_gave_up(1_000)


class AnyCrowd(RuleBasedStateMachine):
    """Against a list: who is in, who waits since when."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.admission = Admission(max_concurrent=2, max_queue=2, queue_timeout_s=5.0)
        self.gate: Turnstile[int] = Turnstile(self.admission)
        self.inside: list[int] = []
        self.queue: list[tuple[int, float]] = []
        self.number = 0

    def _come(self, come: list[int]) -> None:
        """Exactly as many come in as there is room for, in their order."""
        room = self.admission.max_concurrent or len(self.inside) + len(self.queue)
        free = max(0, min(room - len(self.inside), len(self.queue)))
        assert come == [who for who, _ in self.queue[:free]]
        self.inside += come
        del self.queue[:free]

    @rule(seconds=st.floats(0, 8))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def enters(self) -> None:
        self.number += 1
        answer = self.gate.enter(self.number, self.now)
        bound = self.admission.max_concurrent
        if self.gate.closed:
            assert answer == "refused"
        elif not bound or len(self.inside) < bound:
            assert answer == "in"
            self.inside.append(self.number)
        elif len(self.queue) < self.admission.max_queue:
            assert answer == "waits"
            self.queue.append((self.number, self.now))
        else:
            assert answer == "refused"

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        who = data.draw(st.sampled_from(self.inside))
        self.inside.remove(who)
        self._come(self.gate.leave(who, self.now))

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def gives_up(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.queue))
        self.queue.remove(entry)
        self.gate.gave_up(entry[0])

    @rule()
    def time_is_up(self) -> None:
        timeout_s = self.admission.queue_timeout_s
        late = [entry for entry in self.queue if timeout_s and entry[1] + timeout_s <= self.now]
        assert self.gate.expired(self.now) == [who for who, _ in late]
        self.queue = [entry for entry in self.queue if entry not in late]

    @rule(closed=st.booleans())
    def memory(self, closed: bool) -> None:
        self.gate.closed = closed

    @rule(concurrent=st.integers(0, 4), queue=st.integers(0, 4), timeout_s=st.sampled_from([0.0, 1.0, 5.0]))
    def is_resized(self, concurrent: int, queue: int, timeout_s: float) -> None:
        self.admission = Admission(max_concurrent=concurrent, max_queue=queue, queue_timeout_s=timeout_s)
        self._come(self.gate.resize(self.admission))

    @invariant()
    def it_counts_what_is_there(self) -> None:
        assert (self.gate.running, self.gate.waiting) == (len(self.inside), len(self.queue))

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        bound = self.admission.max_concurrent
        assert not self.queue or (bound and len(self.inside) >= bound)

    @invariant()
    def the_deadline_is_that_of_the_first_who_waits(self) -> None:
        timeout_s = self.admission.queue_timeout_s
        first = self.queue[0][1] + timeout_s if self.queue and timeout_s else NEVER
        assert self.gate.deadline == pytest.approx(first)


TestAnyCrowd = AnyCrowd.TestCase
TestAnyCrowd.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
