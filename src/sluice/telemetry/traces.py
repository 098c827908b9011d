"""The traces: a view of the record of each exchange that is sampled, on its way to the collectors of the plan.

Guarantee: nothing here waits or raises for what a collector does. Every span is counted once, as `sent`, `failed` (the
collector did not take it, retries included) or `dropped` (there was no room, or its collector is gone). The log says
once that a collector does not take spans, and once that it does again.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from sluice.config.plan import Plan
from sluice.policies.observing import Tracing
from sluice.relay.record import BesideFacts, ExchangeRecord
from sluice.telemetry.otlp import Became, Collector
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.spans import Span, beside, spans

FLUSH_S: Final = 2.0
"""How long the last spans may take to leave when the process ends."""
Way = tuple[object, ...]
"""What makes two collectors one: where it is, how it is spoken to, what is said of the process."""
SoonFromThread = Callable[[Callable[[], None]], object]


class Traces:
    """All of a process. `follow` before the first record and at each new plan; `close` at the end."""

    def __init__(self, log: ProcessLog, call_soon_threadsafe: SoonFromThread) -> None:
        """`call_soon_threadsafe` is the event loop's."""
        self._log, self._soon = log, call_soon_threadsafe
        self._ways: dict[Way, Collector] = {}
        self._wanted: set[Way] = set()
        """Of the plan in use; the others are of the one before, whose exchanges may be under way."""
        self._silent: set[str] = set()
        """Endpoints that do not take spans now; the log was told."""
        self._counts: dict[str, int] = {"sent": 0, "failed": 0, "dropped": 0}

    @property
    def exported(self) -> Mapping[str, int]:
        """Spans by what became of them."""
        return self._counts

    def follow(self, plan: Plan) -> None:
        """Make ready the collectors of a plan, and let go of those that neither it nor the one before knows. May take
        0.3 s: call it before there are streams, or from a thread.

        Raises:
            ConfigError: what it needs is not installed.
        """
        wanted = {_way(tracing): tracing for tracing in tracings(plan)}
        made = {way: self._collector(tracing) for way, tracing in wanted.items() if way not in self._ways}
        kept = {way: one for way, one in self._ways.items() if way in wanted or way in self._wanted}
        gone = [one for way, one in self._ways.items() if way not in kept]
        self._ways, self._wanted = {**kept, **made}, set(wanted)
        for collector in gone:
            threading.Thread(target=collector.close, args=(FLUSH_S,), name="farewell of traces", daemon=True).start()

    def record(self, record: ExchangeRecord) -> None:
        """Send the spans of an exchange, if it is sampled. Call it exactly once per record."""
        trace = record.trace
        if trace is None:
            return
        self._send(trace.tracing, record.trace_id, trace.state, spans(record, trace))

    def beside(self, facts: BesideFacts) -> None:
        """Send a span that is in no record."""
        self._send(facts.tracing, facts.trace_id, facts.state, [beside(facts)])

    def close(self, within_s: float = FLUSH_S) -> None:
        """Send what waits, and give up what is not sent in time."""
        ends = [
            threading.Thread(target=one.close, args=(within_s,), name="farewell of traces", daemon=True)
            for one in self._ways.values()
        ]
        for end in ends:
            end.start()
        deadline = time.monotonic() + within_s
        for end in ends:
            end.join(max(0.0, deadline - time.monotonic()))
        lost = sum(one.waiting for one in self._ways.values())
        if lost:
            self._log.warn("spans were given up at the end: their collector did not take them in time", spans=lost)

    def _send(self, tracing: Tracing, trace_id: str, state: str, found: Sequence[Span]) -> None:
        collector = self._ways.get(_way(tracing))
        if collector is None or not collector.send(trace_id, state, found):
            self._counts["dropped"] += len(found)

    def _collector(self, tracing: Tracing) -> Collector:
        return Collector(tracing, partial(self._from_thread, tracing.endpoint))

    def _from_thread(self, endpoint: str, became: Became, count: int) -> None:
        try:
            self._soon(partial(self._heard, endpoint, became, count))
        except RuntimeError:  # the loop is closed: nobody looks any more
            self._heard(endpoint, became, count)

    def _heard(self, endpoint: str, became: Became, count: int) -> None:
        self._counts[became] += count
        if became == "failed" and endpoint not in self._silent:
            self._silent.add(endpoint)
            self._log.warn("a collector does not take spans: they are given up until it does", endpoint=endpoint)
        elif became == "sent" and endpoint in self._silent:
            self._silent.discard(endpoint)
            self._log.info("the collector takes spans again", endpoint=endpoint, given_up=self._counts["failed"])


def tracings(plan: Plan) -> list[Tracing]:
    """Return what a plan says of tracing, perhaps the same more than once."""
    return [one.tracing for one in plan.seen if one.tracing is not None]


def _way(tracing: Tracing) -> Way:
    return tracing.endpoint, tracing.protocol, tracing.path, tracing.headers, tracing.resources
