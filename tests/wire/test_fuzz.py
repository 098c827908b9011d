"""tools/fuzz_sse.py: it finds what is wrong, says so in hex, and finds it again with the same seed."""

import pytest

from tools import fuzz_sse


def test_a_short_run_finds_nothing() -> None:
    tried, broken, why = fuzz_sse.fuzz(0.3, 1)
    assert (tried > 0, broken, why) == (True, None, "")


def test_a_parser_that_loses_events_is_found_with_the_same_input_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_sse, "decode", lambda pieces: [])
    first, second = fuzz_sse.fuzz(20, 5), fuzz_sse.fuzz(20, 5)
    assert first[1] is not None
    assert first[:2] == second[:2]
    assert "Broken: the parser sees [] and the standard" in first[2]


def test_the_input_is_printed_in_hex_and_the_exit_code_is_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fuzz_sse", "--seconds", "0.1"])
    assert fuzz_sse.main() == 0
    assert "none broke a rule (seed 0)" in capsys.readouterr().out
    monkeypatch.setattr(fuzz_sse, "fuzz", lambda seconds, seed: (3, b"data\n\n", "why"))
    assert fuzz_sse.main() == 1
    assert b"data\n\n".hex() in capsys.readouterr().out
