"""How many cores there are for us: the container's bound, rounded up, and never none."""

from pathlib import Path

import pytest

from sluice.net.cores import allowed, cores


@pytest.mark.parametrize(
    ("text", "number"), [("200000 100000", 2), ("150000 100000\n", 2), ("10000 100000", 1), ("800000 100000", 8)]
)
def test_a_container_may_use_so_many(tmp_path: Path, text: str, number: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert allowed(file) == number


@pytest.mark.parametrize("text", ["max 100000", "", "1 2 3"])
def test_without_a_bound_it_is_the_machine(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)
    assert allowed(file) > 1000 < allowed(tmp_path / "none")


def test_there_is_one_at_least() -> None:
    assert cores() >= 1
