"""A run of a soak that was never run: samples of an hour of level memory, and a ledger without a fault."""

import math
from collections.abc import Callable

import msgspec

from bench.soak.deck import KINDS
from bench.soak.ledger import Ledger, Record
from bench.soak.result import Reloads
from bench.soak.samples import DROPPED, GAUGES, OUTCOMES, TASKS, Numbers, Sample
from bench.soak.summary import Run
from bench.soak.told import Answered
from bench.verdict import Machine
from sluice.relay.outcome import OutcomeKind

MACHINE = Machine("2026-01-31", "A Processor", 2, "6.1", "3.11.7")
OUTCOMES_SEEN: tuple[OutcomeKind, ...] = (
    *("completed", "upstream_error", "upstream_truncated", "timeout"),
    *("client_gone", "slow_reader", "shed", "rejected"),
)


def numbers(**values: float) -> Numbers:
    lag = tuple((bound, 0) for bound in (0.001, 0.02, 0.05, math.inf))
    return Numbers(dict.fromkeys((*GAUGES, TASKS, DROPPED, OUTCOMES), 0.0) | values, lag)


def sample(at_s: float, **values: object) -> Sample:
    found = numbers(active_streams=40, exchanges=45, tokio_num_alive_tasks=30)
    made = Sample(
        at_s=at_s,
        rss_mib=60.0,
        files=200,
        cpu_s=at_s * 0.5,
        waited_s=at_s * 0.01,
        stolen_s=at_s * 0.02,
        numbers=found,
    )
    return msgspec.structs.replace(made, **values)


def rest(at_s: float, **values: object) -> Sample:
    """With nothing under way."""
    return sample(at_s, **{"rss_mib": 55.0, "numbers": numbers(tokio_num_alive_tasks=7), **values})


def seconds(load_mib: Callable[[float], float], rest_mib: Callable[[float], float]) -> list[Sample]:
    """Half an hour, a rest of twelve seconds in each minute and a half."""
    return [
        rest(float(s), rss_mib=rest_mib(s)) if s % 90 >= 78 else sample(float(s), rss_mib=load_mib(s))
        for s in range(1, 1801)
    ]


def ledger() -> Ledger:
    made, number = Ledger(), 0
    for kind in sorted(KINDS):
        for outcome in OUTCOMES_SEEN:
            number += 1
            made.saw(Answered(id=str(number), kind=kind, saw="complete", ends=(outcome,)))
            made.record(Record(id=str(number), outcome=outcome))
    return made


def run(**changes: object) -> Run:
    """A good one, but for the changes."""
    begin = rest(0.0, files=16, rss_mib=45.0)
    lag = ((0.001, 9000), (0.02, 9995), (0.05, 10_000), (math.inf, 10_000))
    exchanges = len(KINDS) * len(OUTCOMES_SEEN)
    after = numbers(tokio_num_alive_tasks=7, exchange_outcomes_total=exchanges)
    made = Run(
        machine=MACHINE,
        minutes=30,
        rate=300,
        seed=1,
        burst=460,
        burst_every_s=20,
        before=begin,
        samples=seconds(lambda _: 60.0, lambda _: 55.0),
        after=msgspec.structs.replace(begin, rss_mib=58.0, numbers=Numbers(after.values, lag)),
        awake=False,
        held_s=0.0,
        heard=0,
        reloads=Reloads(good=20, bad=9, taken=20, refused=9),
        faults=[],
    )
    return msgspec.structs.replace(made, **changes)


def left(**values: object) -> Run:
    """A good run after which something is left."""
    good = run()
    numbers_left = {name: value for name, value in values.items() if name in good.after.numbers.values}
    rest = {name: value for name, value in values.items() if name not in numbers_left}
    found = Numbers({**good.after.numbers.values, **numbers_left}, good.after.numbers.lag)  # type: ignore[dict-item]
    return run(after=msgspec.structs.replace(good.after, numbers=found, **rest))
