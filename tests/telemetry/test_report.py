"""What a finished exchange and the server's own news become: once each, and no more."""

import json
from functools import partial

import pytest

from sluice.errors import Overloaded
from sluice.relay.record import ExchangeRecord
from sluice.telemetry.access_log import AccessLog
from sluice.telemetry.metrics import Metrics
from sluice.telemetry.process_log import ProcessLog
from sluice.telemetry.report import MAX_TOLD, SETTLED_S, Report
from sluice.telemetry.traces import Traces

from .records import NOT_FOUND, STREAM, plain, stream
from .test_metrics import scrape, total

MIB = 1 << 20


class Told:
    """A report whose loop and clock are the test's."""

    def __init__(self) -> None:
        self.now = 100.0
        self.turns = 0
        self.metrics = Metrics("agentgateway_", "test")
        self._written: list[bytes] = []
        write = self._written.append
        log = ProcessLog(write, "json", now=lambda: 0.0)
        self.report = Report(AccessLog(write, "json"), self.metrics, log, self._later, clock=lambda: self.now)

    def _later(self, call: object) -> None:
        self.turns += 1

    def lines(self, scope: str) -> list[dict[str, object]]:
        self.report.flush()
        decoded: list[dict[str, object]] = [json.loads(line) for line in self._written]
        return [line for line in decoded if line["scope"] == scope]

    def messages(self) -> list[object]:
        return [line["message"] for line in self.lines("sluice")]


def _same(record: ExchangeRecord) -> ExchangeRecord:
    return record


def test_the_records_of_a_turn_are_told_together_and_each_once() -> None:
    told = Told()
    for record in (STREAM, NOT_FOUND, STREAM):
        told.report.record(partial(_same, record))
    assert told.turns == 1
    assert [line["request.id"] for line in told.lines("request")] == ["req-1", "req-2", "req-1"]
    told.report.flush()
    assert len(told.lines("request")) == 3
    assert total(scrape(told.metrics), "requests_total") == 3
    told.report.record(lambda: NOT_FOUND)
    assert told.turns == 2


def test_a_thousand_requests_that_are_shed_are_a_thousand_lines_and_not_one_message() -> None:
    told = Told()
    for _ in range(1000):
        told.report.record(lambda: plain(outcome="shed", status=503, reason=Overloaded.reason, error="busy"))
    assert len(told.lines("request")) == 1000
    assert told.messages() == []
    assert total(scrape(told.metrics), "exchange_outcomes_total", outcome="shed") == 1000


def test_each_rest_is_one_message_and_one_count() -> None:
    told = Told()
    told.report.rests("first", 3.00049)
    told.report.rests("second", 60.0)
    told.report.rests("first", 6.0)
    lines = told.lines("sluice")
    assert [(line["level"], line["target"], line["seconds"]) for line in lines] == [
        ("warn", "first", 3.0),
        ("warn", "second", 60.0),
        ("warn", "first", 6.0),
    ]
    assert set(told.messages()) == {"a target is given a rest"}
    samples = scrape(told.metrics)
    assert total(samples, "target_rests_total", target="first") == 2
    assert total(samples, "target_rests_total", target="second") == 1


def test_streams_are_active_while_they_are() -> None:
    told = Told()
    told.report.stream_began()
    told.report.stream_began()
    told.report.stream_ended()
    assert told.metrics.streams_active == 1


def test_a_fault_is_told_with_its_traceback() -> None:
    told = Told()
    told.report.fault(KeyError("x"))
    (line,) = told.lines("sluice")
    assert (line["level"], line["message"], line["error"]) == ("error", "internal error", "KeyError: 'x'")


def test_each_unrecognised_kind_is_said_once_in_a_life_however_many_there_are() -> None:
    told = Told()
    kinds = tuple((f"kind {number}", 1) for number in range(MAX_TOLD + 10))
    for _ in range(2):
        told.report.record(lambda: stream(unrecognised=kinds))
    assert len(told.lines("sluice")) == MAX_TOLD
    assert total(scrape(told.metrics), "unrecognised_events_total") == 2 * len(kinds)


# -- memory ------------------------------------------------------------------------------------------------------------

PASSED = "memory is above its mark: new requests are refused"
LEFT = "memory is below its mark again"


def test_a_mark_that_is_passed_is_said_once_and_so_is_that_it_was_left() -> None:
    told = Told()
    for _ in range(40):
        told.report.memory(300 * MIB, 256 * MIB)
        told.now += 0.25
    for _ in range(100):
        told.report.memory(200 * MIB, 256 * MIB)
        told.now += 0.25
    assert told.messages() == [PASSED, LEFT]
    assert [(line["resident_mib"], line["mark_mib"]) for line in told.lines("sluice")] == [(300.0, 256.0), (200.0, 256)]


def test_a_process_that_hovers_about_its_mark_does_not_fill_the_log() -> None:
    told = Told()
    for _ in range(400):
        told.report.memory(257 * MIB, 256 * MIB)
        told.now += 0.25
        told.report.memory(255 * MIB, 256 * MIB)
        told.now += SETTLED_S / 2
    assert told.messages() == [PASSED]


def test_a_mark_that_is_passed_again_is_said_again() -> None:
    told = Told()
    for resident in (300, 200, 300):
        told.report.memory(resident * MIB, 256 * MIB)
        told.now += SETTLED_S
        told.report.memory(resident * MIB, 256 * MIB)
    assert told.messages() == [PASSED, LEFT, PASSED]


@pytest.mark.parametrize("resident", [0, 255 * MIB, 256 * MIB])
def test_below_the_mark_and_at_it_nothing_is_said(resident: int) -> None:
    told = Told()
    told.report.memory(resident, 256 * MIB)
    told.report.memory(1 << 40, 0)
    assert told.messages() == []


def test_a_mark_that_a_reload_takes_away_is_left_at_once() -> None:
    told = Told()
    told.report.memory(300 * MIB, 256 * MIB)
    told.report.memory(300 * MIB, 0)
    assert told.messages() == [PASSED, LEFT]


def test_a_fault_of_the_traces_in_one_record_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    told.report.traces = traces = Traces(ProcessLog(lambda line: None, "json"), lambda call: None)

    def broken(record: ExchangeRecord) -> None:
        raise ValueError("no span comes of it")

    monkeypatch.setattr(traces, "record", broken)
    monkeypatch.setattr(traces, "beside", broken)
    for record in (STREAM, NOT_FOUND):
        told.report.record(partial(_same, record))
    told.report.beside(None)  # type: ignore[arg-type]  # it is not looked at
    assert [line["request.id"] for line in told.lines("request")] == ["req-1", "req-2"]
    assert [line["level"] for line in told.lines("sluice")] == ["error"] * 3


@pytest.mark.parametrize("view", ["metrics", "log", "recent"])
def test_a_fault_of_one_view_spoils_neither_another_nor_the_next_record(
    monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    told = Told()
    recent = told.report.look_back()
    broken = {
        "metrics": (told.metrics, "observe"),
        "log": (told.report._access_log, "record"),
        "recent": (recent, "record"),
    }

    def fails(_: ExchangeRecord) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(*broken[view], fails)
    for _ in range(2):
        told.report.record(partial(_same, stream()))
    assert len(told.lines("request")) == (0 if view == "log" else 2)
    assert told.messages() == ["internal error"] * 2
    assert len(recent.ended) == (0 if view == "recent" else 2)
    if view != "metrics":
        assert total(scrape(told.metrics), "requests_total") == 2
