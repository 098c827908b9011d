"""The load waits while the machine's host takes much, and goes on once it has been calm for a while."""

from bench.soak.host import Host


def after(*shares: tuple[float, float]) -> tuple[list[bool], float]:
    """Whether it holds after each second in which these shares of two processors were taken, and how long it did."""
    host, taken = Host(), [3.0, 4.0]
    host.look(100.0, tuple(taken))
    held = []
    for second, each in enumerate(shares, 1):
        taken = [have + more for have, more in zip(taken, each, strict=True)]
        host.look(100.0 + second, tuple(taken))
        held.append(host.holds)
    return held, host.held_s


def test_a_host_that_takes_a_little_holds_nobody() -> None:
    assert after((0.0, 0.0), (0.19, 0.1), (0.19, 0.19)) == ([False] * 3, 0.0)


def test_much_of_one_processor_is_enough() -> None:
    assert after((0.0, 0.3)) == ([True], 0.0)
    assert after((0.3, 0.0)) == ([True], 0.0)


def test_it_goes_on_after_three_calm_seconds_in_a_row() -> None:
    seconds = ((0.9, 0.9), (0.0, 0.0), (0.0, 0.1), (0.04, 0.0), (0.0, 0.0), (0.0, 0.04), (0.1, 0.1))
    assert after(*seconds) == ([True, True, True, True, True, False, False], 5.0)
