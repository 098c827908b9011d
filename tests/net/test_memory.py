"""net.memory: what the process holds, and when it gives back what it does not use."""

import os

from sluice.net.memory import REST_S, WORTH_BYTES, Scales, give_back, resident_bytes


def test_the_process_is_weighed() -> None:
    before = resident_bytes()
    held = bytearray(os.urandom(1 << 20) * 64)
    assert resident_bytes() - before > len(held) // 2
    del held
    give_back()
    assert resident_bytes() - before < 32 << 20


class Process:
    """A process that holds some memory, of which some is in use."""

    def __init__(self) -> None:
        self.now, self.held, self.used, self.trims = 0.0, 100 << 20, 100 << 20, 0
        self.scales = Scales(lambda: self.now, lambda: self.held, self.trim)

    def trim(self) -> None:
        self.trims += 1
        self.held = self.used


def test_nothing_is_looked_for_while_nothing_grows() -> None:
    process = Process()
    for second in range(100):
        process.now, process.held = float(second), (100 << 20) + WORTH_BYTES
        assert process.scales.weigh() == process.held
    assert process.trims == 0


def test_what_has_grown_and_is_not_used_is_given_back_at_once() -> None:
    process = Process()
    process.held += WORTH_BYTES + 1
    assert process.scales.weigh() == 100 << 20
    assert process.trims == 1


def test_at_rest_it_gives_back_once() -> None:
    process = Process()
    for second in range(100):
        process.now, process.held = float(second), process.used + 1
        process.scales.weigh(idle=second not in (10, 50))
    assert process.trims == 2, "at its start there is nothing to give back"


def test_what_is_in_use_is_not_looked_for_again_and_again() -> None:
    process = Process()
    for second in range(100):
        process.now, process.used = float(second), process.used + WORTH_BYTES + 1
        process.held = process.used
        process.scales.weigh()
    assert 100 / REST_S - 1 <= process.trims <= 100 / REST_S + 1
