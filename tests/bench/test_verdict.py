"""From figures to verdicts and the README's table; the measuring itself is `make bench`'s own proof."""

from pathlib import Path

import msgspec
import pytest

from bench import report
from bench.agent_figures import AgentFigures
from bench.compare import Figures
from bench.memory import Memory
from bench.verdict import Machine, Result, judge


def figures(name: str, cpu_us: float, x_nginx: float, chunk_p50_us: float, bad: int = 0) -> Figures:
    return Figures(name, cpu_us, x_nginx, chunk_p50_us, 900.0, 1500.0, 240.0, 30.0, bad, 0)


def held(name: str, open_mib: float) -> Memory:
    return Memory(name, 2000, 40.0, 42.0, open_mib, 42.5, 0)


def agent(target: str, cpu_us: float, p50_us: int) -> AgentFigures:
    return AgentFigures(target=target, cpu_us=cpu_us, p50_us=p50_us, p99_us=9, per_second=1000, rss_mib=50.0)


GOOD = Result(
    machine=Machine("2026-01-31", "A Processor", 2, "6.1", "3.11.7"),
    target="sluice",
    rounds=3,
    streams=(
        figures("direct", 0, 0, 270),
        figures("nginx", 10.0, 1.0, 200),
        figures("sluice", 16.0, 1.6, 300),
        figures("sluice, a tenth traced", 17.0, 1.7, 300),
    ),
    plain=(
        figures("direct", 0, 0, 80),
        figures("nginx", 13.0, 1.0, 100),
        figures("sluice", 45.0, 3.5, 200),
        figures("sluice, a tenth traced", 52.0, 4.0, 210),
    ),
    memory=(held("nginx", 60.0), held("sluice", 80.0)),
    ready_s=0.3,
    translated=(
        figures("direct", 0, 0, 270),
        figures("nginx", 8.0, 1.0, 190),
        figures("sluice, mirrored", 15.2, 1.9, 280),
        figures("sluice", 20.0, 2.5, 310),
    ),
    translated_memory=(held("nginx", 60.0), held("sluice", 90.0)),
    prose=(
        figures("nginx", 11.0, 1.0, 210),
        figures("sluice", 18.0, 1.64, 300),
        figures("sluice, guarded", 33.0, 3.0, 320),
        figures("sluice, everything on", 35.0, 3.2, 330),
    ),
    few=(
        figures("nginx", 20.0, 1.0, 200),
        figures("sluice", 40.0, 2.0, 290),
        msgspec.structs.replace(figures("sluice, guarded", 60.0, 3.0, 300), ttft_p50_us=2100.0),
        figures("sluice, everything on", 80.0, 4.0, 310),
    ),
    plain_prose=(figures("nginx", 13.0, 1.0, 100), figures("sluice, everything on", 260.0, 20.0, 700)),
    agents=(agent("plain", 23.0, 120), agent("memory", 58.0, 160), agent("sqlite", 76.0, 360)),
)


def missed(result: Result) -> list[str]:
    return [verdict.label for verdict in judge(result) if not verdict.kept]


def test_keeps_every_promise_of_a_good_run() -> None:
    assert missed(GOOD) == []
    assert [verdict.measured for verdict in judge(GOOD)] == [
        1.6,
        1.7,
        2.5,
        3.0,
        3.5,
        0.1,
        0.6,
        40.0,
        19.5,
        24.6,
        0.3,
        76.0,
        0.24,
        0.0,
    ]


WORSE = {
    "CPU per streamed chunk": {"streams": (*GOOD.streams[:2], figures("sluice", 21.0, 2.1, 300), GOOD.streams[3])},
    "CPU per streamed chunk, a tenth traced": {
        "streams": (*GOOD.streams[:3], figures("sluice, a tenth traced", 21.0, 2.1, 300))
    },
    "CPU per translated chunk": {"translated": (*GOOD.translated[:3], figures("sluice", 24.1, 3.01, 310))},
    "CPU per guarded chunk": {"prose": (*GOOD.prose[:2], figures("sluice, guarded", 40.0, 3.61, 320))},
    "TTFT that guards add, p50": {
        "few": (*GOOD.few[:2], msgspec.structs.replace(GOOD.few[2], ttft_p50_us=2501.0), GOOD.few[3])
    },
    "CPU per plain request": {"plain": (*GOOD.plain[:2], figures("sluice", 90.0, 6.01, 200))},
    "added latency of a chunk, p50": {
        "streams": (*GOOD.streams[:2], figures("sluice", 16.0, 1.6, 501), GOOD.streams[3])
    },
    "memory, idle": {"memory": (GOOD.memory[0], msgspec.structs.replace(held("sluice", 80.0), idle_mib=60.1))},
    "memory per open stream": {"memory": (GOOD.memory[0], held("sluice", 104.7))},
    "memory per open stream, translated": {"translated_memory": (GOOD.memory[0], held("sluice", 104.7))},
    "start to ready": {"ready_s": 0.51},
    "CPU per event of an agent": {"agents": (*GOOD.agents[:2], agent("sqlite", 100.1, 360))},
    "added latency of an agent's event, p50": {"agents": (*GOOD.agents[:2], agent("sqlite", 76.0, 1121))},
    "answers broken, deltas lost or out of order": {
        "plain": (*GOOD.plain[:2], figures("sluice", 45.0, 3.5, 200, bad=1))
    },
}


@pytest.mark.parametrize(("label", "change"), WORSE.items(), ids=WORSE)
def test_misses_just_the_promise_that_was_broken(label: str, change: dict[str, object]) -> None:
    assert missed(msgspec.structs.replace(GOOD, **change)) == [label]


def test_a_translated_chunk_is_judged_beside_the_cheaper_of_the_two_that_nginx_hands_on() -> None:
    cheap_chat = (GOOD.streams[0], figures("nginx", 5.0, 1.0, 200), GOOD.streams[2])
    assert (GOOD.translated_x_chat, GOOD.translated_x_nginx) == (2.0, 2.5)
    assert msgspec.structs.replace(GOOD, streams=cheap_chat).translated_x_nginx == 4.0


@pytest.mark.parametrize("row", [2, 3], ids=["mirrored", "translated"])
def test_counts_the_faults_of_both_ways_to_answer_from_messages(row: int) -> None:
    rows = list(GOOD.translated)
    rows[row] = msgspec.structs.replace(rows[row], lost=3)
    assert missed(msgspec.structs.replace(GOOD, translated=tuple(rows))) == [
        "answers broken, deltas lost or out of order"
    ]


@pytest.mark.parametrize("member", ["prose", "few", "plain_prose"])
def test_counts_the_faults_of_answers_with_policies_but_not_those_of_nginx(member: str) -> None:
    rows = getattr(GOOD, member)
    for at, row in enumerate(rows):
        faulty = msgspec.structs.replace(row, bad=1)
        found = missed(msgspec.structs.replace(GOOD, **{member: (*rows[:at], faulty, *rows[at + 1 :])}))
        assert found == ([] if row.name == "nginx" else ["answers broken, deltas lost or out of order"])


def test_a_result_from_before_policies_were_measured_is_read_and_judged_without_them() -> None:
    old = {name: value for name, value in msgspec.to_builtins(GOOD).items() if not name.endswith(("prose", "few"))}
    result = msgspec.convert(old, type=Result)
    assert missed(result) == []
    assert not [verdict.label for verdict in judge(result) if "guard" in verdict.label]
    assert "With policies" not in report.render(result)


def test_a_gateway_without_agents_is_not_judged_by_them() -> None:
    bare = msgspec.structs.replace(GOOD, agents=())
    assert missed(bare) == []
    assert not [verdict.label for verdict in judge(bare) if "agent" in verdict.label]


def test_who_does_not_translate_is_not_judged_by_it() -> None:
    plain = msgspec.structs.replace(GOOD, translated=(), translated_memory=())
    labels = [verdict.label for verdict in judge(plain)]
    assert missed(plain) == []
    assert not [label for label in labels if "translated" in label]
    assert "From Messages" not in report.render(plain)


def test_adds_latency_to_the_better_of_nginx_and_nothing_between() -> None:
    slow_nginx = (GOOD.streams[0], figures("nginx", 10.0, 1.0, 290), GOOD.streams[2])
    assert GOOD.added_p50_ms == pytest.approx(0.1)
    assert msgspec.structs.replace(GOOD, streams=slow_nginx).added_p50_ms == pytest.approx(0.03)


def test_writes_a_table_from_the_committed_file(tmp_path: Path) -> None:
    latest = tmp_path / "latest.json"
    assert report.block(latest) == report.NOTHING
    latest.write_bytes(msgspec.json.encode(GOOD))
    text = report.block(latest)
    assert text.startswith(
        "Measured 2026-01-31 on 2 cores of A Processor, Linux 6.1, Python 3.11.7; medians of 3 rounds."
    )
    assert "| CPU per streamed chunk | 1.6 x nginx | at most 2 x nginx | kept |" in text
    assert "| sluice | 16.0 | 1.60 | 300 | 900 | 1500 | 45.0 | 3.50 | 240 | 40.0 | 19.5 |" in text
    assert "| direct |  |  | 270 |" in text
    assert "| CPU per translated chunk | 2.5 x nginx | at most 3 x nginx | kept |" in text
    assert "| sluice, to chat completions | 20.0 | 2.50 | 2.00 | 310 | 900 | 1500 | 40.0 | 24.6 |" in text
    assert "| sluice, mirrored | 15.2 | 1.90 |  | 280 |" in text
    assert "| CPU per guarded chunk | 3 x nginx | at most 3.6 x nginx | kept |" in text
    assert "| sluice, guarded | 33.0 | 3.00 | 320 | 900 | 2100 |  |  |  |" in text
    assert "| CPU per event of an agent | 76 us | at most 100 us | kept |" in text
    assert "| sluice, everything on | 35.0 | 3.20 | 330 | 900 | 1500 | 260.0 | 20.00 | 240 |" in text


def test_the_table_says_what_was_missed() -> None:
    text = report.render(msgspec.structs.replace(GOOD, ready_s=0.7))
    assert "| start to ready | 0.7 s | at most 0.5 s | **missed** |" in text
