"""What every projection keeps."""

import pytest
from hypothesis import given, settings

from sluice.errors import BadRequest
from sluice.runs.events import Event, RunFailed
from sluice.runs.projection import project
from sluice.runs.projections.native import Native
from sluice.runs.projections.table import PROJECTIONS, projection
from tests.runs.laws import check_resume, random_logs


@settings(max_examples=40)
@given(log=random_logs())
def test_native_resumes_at_every_cut(log: list[Event]) -> None:
    check_resume(Native, log)


@pytest.mark.parametrize("name", PROJECTIONS)
@settings(max_examples=12)
@given(log=random_logs(12))
def test_each_resumes_at_every_cut(name: str, log: list[Event]) -> None:
    check_resume(PROJECTIONS[name], log)


@pytest.mark.parametrize("name", [name for name in PROJECTIONS if name != "text"])  # a WebSocket message is any text
@settings(max_examples=12)
@given(log=random_logs(12))
def test_each_says_no_line_feed_inside_a_frame(name: str, log: list[Event]) -> None:
    made = projection(name)
    frames = [frame for event in log for frame in made.step(event)] + made.end()
    for frame in frames:
        assert not {*b"\r\n"} & {*frame.data, *frame.event.encode(), *frame.id.encode()}


@pytest.mark.parametrize("name", PROJECTIONS)
@settings(max_examples=12)
@given(log=random_logs(12))
def test_done_is_said_only_where_the_protocol_has_it_and_last(name: str, log: list[Event]) -> None:
    said = [frame.data == b"[DONE]" for frame in project(projection(name), log)]
    failed = isinstance(log[-1], RunFailed) or log[-1].outcome not in ("success", "interrupt")  # type: ignore[union-attr]
    assert not any(said[:-1])
    if name in ("ui", "text"):
        assert said[-1]
    else:
        assert (bool(said) and said[-1]) == (name == "openai" and not failed)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(BadRequest, match="'smoke' is no protocol; there are native"):
        projection("smoke")
