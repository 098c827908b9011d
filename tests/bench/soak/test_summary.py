"""From samples and a ledger to a result, its verdicts and its page: a good run keeps every promise, and each thing that
can be wrong breaks one."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench.soak import report
from bench.soak.ledger import Ledger, Record
from bench.soak.result import PROMISES, Calm, Reloads, Result, judge
from bench.soak.samples import Numbers
from bench.soak.summary import Run, summarise
from bench.soak.told import Answered
from bench.soak.trend import Bounds, Trend
from tests.bench.soak.runs import ledger, left, numbers, run, sample, seconds

GOOD = summarise(run(), ledger())


def missed(result: Result) -> list[str]:
    return [verdict.label for verdict in judge(result) if not verdict.kept]


def test_a_good_run_keeps_every_promise() -> None:
    assert missed(GOOD) == []
    assert len(judge(GOOD)) == len(PROMISES)


def test_the_figures_of_a_good_run() -> None:
    assert (GOOD.memory.before, GOOD.memory.warm, GOOD.memory.last, GOOD.memory.after) == (45.0, 60.0, 60.0, 58.0)
    assert (GOOD.memory.trend.per_hour, GOOD.memory.trend.error) == (0.0, 0.0)
    assert GOOD.memory.minutes == (60.0,) * 30
    assert GOOD.lag == Bounds(0.001, 0.02)
    assert GOOD.lag_p99 == Bounds(0.001, 0.02)
    assert (GOOD.load.busy, GOOD.load.waited, GOOD.load.stolen) == (0.5, 0.01, 0.02)
    assert (GOOD.load.files_most, GOOD.load.streams_most) == (200, 40)
    assert GOOD.requests == GOOD.records == GOOD.counted == sum(row.requests for row in GOOD.rows)


def growing(per_hour: float, before_s: float = 0.0) -> Run:
    """Memory that grows after the first third; before it, it may have done what it wanted."""
    return run(samples=seconds(lambda _: 60.0 + before_s, lambda s: 55 + per_hour * max(0, s - 600) / 3600 + before_s))


def twice() -> Ledger:
    found = ledger()
    found.record(Record(id="1", outcome="completed"))
    return found


def unrecorded() -> Ledger:
    found = ledger()
    found.saw(Answered(id="lost", kind="stream", saw="complete", ends=("completed",)))
    return found


def wrong() -> Ledger:
    found = ledger()
    found.saw(Answered(id="w", kind="stream", saw="wrong", sentence="no success marker"))
    found.record(Record(id="w", outcome="completed"))
    return found


def otherwise() -> Ledger:
    found = ledger()
    found.saw(Answered(id="o", kind="stream", saw="complete", ends=("completed",)))
    found.record(Record(id="o", outcome="internal"))
    return found


def without_shed() -> Ledger:
    found = Ledger()
    for row in ledger().rows:
        if row.outcome != "shed":
            found.saw(Answered(id=f"{row.kind} {row.outcome}", kind=row.kind, saw="complete", ends=(row.outcome,)))
            found.record(Record(id=f"{row.kind} {row.outcome}", outcome=row.outcome))
    return found


RECORDS = "requests without exactly one record"
LEFT = "tasks, exchanges, streams, connections left"
LOST = "log lines lost, errors of its own"
BROKEN: list[tuple[str, Run, Callable[[], Ledger]]] = [
    ("growth of memory", growing(1.2), ledger),
    ("open files more than before", left(files=17), ledger),
    (LEFT, left(tokio_num_alive_tasks=8), ledger),
    (LEFT, left(exchanges=1), ledger),
    (LEFT, left(admission_waiting=1), ledger),
    (LEFT, left(reading_on=1), ledger),
    (LEFT, left(active_streams=1), ledger),
    (LEFT, left(upstream_connections=1), ledger),
    (LEFT, run(heard=1), ledger),
    (LOST, left(log_lines_dropped_total=1), ledger),
    (LOST, run(faults=["internal error"]), ledger),
    ("reloads that went astray", run(reloads=Reloads(good=20, bad=9, taken=20, refused=8)), ledger),
    ("reloads that went astray", run(reloads=Reloads(good=20, bad=9, taken=21, refused=9)), ledger),
    ("answers that were not what they had to be", left(exchange_outcomes_total=GOOD.counted + 1), wrong),
    ("records that say otherwise than their client", left(exchange_outcomes_total=GOOD.counted + 1), otherwise),
    (RECORDS, left(exchange_outcomes_total=GOOD.counted + 1), twice),
    (RECORDS, run(), unrecorded),
    (RECORDS, left(exchange_outcomes_total=GOOD.counted + 1), ledger),
]


@pytest.mark.parametrize(("promise", "seen", "told"), BROKEN)
def test_each_thing_that_can_be_wrong_breaks_its_promise(promise: str, seen: Run, told: Callable[[], Ledger]) -> None:
    assert missed(summarise(seen, told())) == [promise]


def test_lag_is_judged_by_what_is_certain_of_it() -> None:
    assert missed(msgspec.structs.replace(GOOD, lag=Bounds(0.01, 0.025))) == ["event loop lag, p99.9"]
    assert missed(msgspec.structs.replace(GOOD, lag=Bounds(0.01, 0.02))) == []


def test_what_the_host_took_is_told_apart_and_not_forgiven() -> None:
    """In ten seconds it takes something in the fourth; timers are late in that, in the next one, and once later."""
    late = {4: 3, 5: 2, 9: 1}
    samples, slow = [], 0
    for second in range(1, 11):
        slow += late.get(second, 0)
        counts = (second * 100 - slow, second * 100)
        lag = tuple(zip((0.02, math.inf), counts, strict=True))
        said = Numbers(numbers(active_streams=40).values, lag)
        samples.append(sample(float(second), stolen_s=7.0 if second < 4 else 7.01, numbers=said))
    good = run()
    after = msgspec.structs.replace(good.after, numbers=Numbers(good.after.numbers.values, samples[-1].numbers.lag))
    before = msgspec.structs.replace(good.before, numbers=Numbers(numbers().values, ((0.02, 0), (math.inf, 0))))
    found = summarise(run(samples=samples, before=before, after=after), ledger())
    assert found.calm == Calm(seconds=6.0, lag=Bounds(0.02, math.inf), lag_samples=600)
    assert found.lag == Bounds(0.02, math.inf)
    assert "while the host took nothing | more than 20 ms; 6 of 9 s, 600 samples |" in report.render(found)


def test_where_the_host_took_nothing_nothing_is_told_apart() -> None:
    quiet = summarise(run(samples=[msgspec.structs.replace(each, stolen_s=0.0) for each in run().samples]), ledger())
    assert quiet.calm == Calm(seconds=1798.0, lag=None, lag_samples=0)
    assert "host took" not in report.render(quiet)
    assert GOOD.calm == Calm(seconds=0.0, lag=None, lag_samples=0), "it takes something in each second"
    assert "host took" not in report.render(GOOD)


def test_a_slope_that_its_error_could_hide_is_not_kept() -> None:
    found = msgspec.structs.replace(GOOD.memory, trend=Trend(per_hour=-1.4, error=3.6))
    wild = msgspec.structs.replace(GOOD, memory=found)
    assert missed(wild) == ["growth of memory"]
    assert "| growth of memory | -1.4 ± 3.6 MiB/h | at most 1 MiB/h | **missed** |" in report.render(wild)
    less = msgspec.structs.replace(found, trend=Trend(per_hour=-1.4, error=1.0))
    assert missed(msgspec.structs.replace(GOOD, memory=less)) == []


def test_what_the_first_third_does_is_no_growth() -> None:
    level = seconds(lambda _: 60.0, lambda s: 45 + min(s, 600) / 40)
    assert missed(summarise(run(samples=level), ledger())) == []


def test_a_moment_in_which_nothing_is_under_way_is_no_rest() -> None:
    """What is not used is given back every ten seconds; before that the gateway is as large as under load."""
    assert len(GOOD.memory.rests) == 20
    busy = [sample(each.at_s) if each.at_s % 90 < 85 else each for each in run().samples]
    assert summarise(run(samples=busy), ledger()).memory.rests == ()


def test_a_soak_without_some_traffic_proves_nothing() -> None:
    found = summarise(left(exchange_outcomes_total=without_shed().recorded), without_shed())
    assert found.absent == ("shed",)
    assert missed(found) == ["kinds of traffic that did not come"]


def test_a_short_run_is_not_asked_about_slopes_and_kinds() -> None:
    seen = msgspec.structs.replace(growing(50.0), minutes=5)
    assert missed(summarise(seen, ledger())) == []
    assert {promise.label for promise in PROMISES} - {each.label for each in judge(summarise(seen, ledger()))} == {
        "growth of memory",
        "kinds of traffic that did not come",
    }


# -- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_says_what_was_found(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    file.write_bytes(msgspec.json.encode(GOOD))
    text = report.block(file)
    assert "Run 2026-01-31 for 30 minutes on 2 cores of A Processor, Linux 6.1, Python 3.11.7" in text
    assert "| growth of memory | 0 ± 0 MiB/h | at most 1 MiB/h | kept |" in text
    assert "| event loop lag, p99.9 | more than 1 ms, at most 20 ms | at most 20 ms | kept |" in text
    assert f"| requests | {GOOD.requests} |" in text
    assert re.search(r"^\| stream \| 8 \| complete 8 \| client_gone 1, completed 1, ", text, re.MULTILINE)
    assert "missed" not in text
    assert "What was wrong" not in text
    assert '`make soak ARGS="--minutes 30 --rate 300 --seed 1"`.' in text
    assert "sleep" not in text


def test_the_page_says_that_the_processors_were_kept_from_sleep() -> None:
    text = report.render(summarise(run(awake=True), ledger()))
    assert "every 20 s, seed 1, the processors kept from sleep. The same again: " in text
    assert '`make soak ARGS="--minutes 30 --rate 300 --seed 1 --awake"`.' in text


def test_the_page_says_what_was_wrong() -> None:
    text = report.render(summarise(left(exchange_outcomes_total=GOOD.counted + 1), wrong()))
    assert "| answers that were not what they had to be | 1 | at most 0 | **missed** |" in text
    assert "What was wrong:\n\n- `stream: no success marker (trace w)`" in text


def test_without_a_run_the_page_says_so(tmp_path: Path) -> None:
    assert report.block(tmp_path / "none.json") == report.NOTHING
