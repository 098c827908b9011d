"""The score counts what was judged, every area the same, and is 100 only if nothing failed."""

import msgspec

from sluice.verify.facts import Area, Finding, Result
from sluice.verify.report import Report, as_json, as_markdown
from sluice.verify.score import score


def found(area: Area, result: Result, name: str = "a", came: str = "came") -> Finding:
    return Finding(
        area=area, name=name, client="chat", provider="gemini", result=result, sent="sent", expected="e", came=came
    )


def test_areas_count_the_same_however_many_cells_they_have() -> None:
    got = score([*[found("ends", "pass")] * 99, found("ends", "fail"), found("timing", "fail")])
    assert [(area.area, area.score) for area in got.areas] == [("ends", 99.0), ("timing", 0.0)]
    assert got.total == 49.5


def test_what_was_not_judged_does_not_count() -> None:
    got = score([found("keep-alive", "info"), found("ends", "pass")])
    assert got.total == 100.0
    assert (got.areas[1].info, got.areas[1].score) == (1, 100.0)


def test_one_failure_in_a_hundred_thousand_is_not_100() -> None:
    got = score([*[found("ends", "pass")] * 100_000, found("ends", "fail")])
    assert got.total == 99.9


def test_without_a_judgement_nothing_is_earned() -> None:
    assert score([]).total == 0.0
    assert score([found("ends", "info")]).total == 0.0


def report(*cells: Finding) -> Report:
    return Report(
        version="1",
        gateway="http://g",
        seed=1,
        quick=False,
        seconds=2.0,
        requests=3,
        score=score(cells),
        cells=tuple(cells),
    )


def test_the_json_holds_everything_in_a_stable_shape() -> None:
    cell = found("ends", "fail")
    read = msgspec.json.decode(as_json(report(cell)))
    members = ["schema", "version", "gateway", "seed", "quick", "seconds", "requests", "score", "cells"]
    assert list(read) == members
    assert list(read["cells"][0]) == ["area", "name", "client", "provider", "result", "sent", "expected", "came"]
    assert list(read["score"]["areas"][0]) == ["area", "passed", "failed", "info", "score"]
    assert read["schema"] == 1
    assert msgspec.json.decode(as_json(report(cell)), type=Report) == report(cell)


def test_the_page_shows_the_score_the_pairs_and_what_failed() -> None:
    page = as_markdown(report(found("ends", "pass"), found("ends", "fail", "broken", "a | b <c>\nd")))
    assert "**Score: 50.0**" in page
    assert "| gemini | 1 / 2 |" in page
    assert "| ends: broken | sent | e | a \\| b &lt;c> d |" in page
    assert "## Not judged" not in page


def test_a_gateway_cannot_write_into_the_page() -> None:
    page = as_markdown(report(found("ends", "fail", came="x |\n# Score: 100 <script>")))
    assert "<script" not in page
    assert "\n# Score: 100" not in page
