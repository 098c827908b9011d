"""Each gateway that is wrong on purpose is caught in its area, and an honest one in none."""

from collections.abc import Callable

import pytest

from sluice.verify.facts import Area, Cell
from tests.verify.bad.gateway import HonestGateway
from tests.verify.bad.gateways import (
    Babbler,
    Bufferer,
    Deaf,
    Dropper,
    Foreigner,
    Gluer,
    Hider,
    Launderer,
    Leaker,
    Masker,
    Melter,
    Mute,
    Splitter,
    Swallower,
    TokenBabbler,
)
from tests.verify.scoring import failed, findings

CUTS = ("before the first token", "inside a line", "inside an event", "between two events", "after the finish reason")
"""Where a stream that has begun is cut; and some places before that, where the head was not sent yet."""


def named(*parts: str) -> Callable[[Cell], bool]:
    """Cells whose names hold one of these."""
    return lambda cell: any(part in cell.name for part in parts)


@pytest.mark.parametrize(
    "area", ["ends", "framing", "usage", "keep-alive", "timing", "cancellation", "back-pressure", "errors"]
)
async def test_an_honest_gateway_fails_nowhere(area: Area) -> None:
    found = await findings(HonestGateway, area)
    assert failed(found) == [], [finding.came for finding in found.values() if finding.result == "fail"]


async def test_a_success_marker_on_any_end_is_seen_at_every_cut() -> None:
    found = await findings(Launderer, "ends", named("stream, fin", "stream, rst", "stream, stall", "no terminator"))
    caught = failed(found)
    for end in ("fin", "rst", "stall"):
        for place in CUTS:
            assert f"chat from chat: stream, {end} {place}" in caught
    assert "chat from chat: no terminator" in caught
    assert "it looks finished" in found["chat from chat: stream, fin between two events"].came


async def test_half_an_event_that_is_passed_on_is_seen() -> None:
    found = await findings(Gluer, "ends", named("inside", "between two events"))
    caught = failed(found)
    assert "chat from chat: stream, fin inside a line" in caught
    assert "chat from chat: stream, rst inside an event" in caught
    assert "chat from chat: stream, fin between two events" not in caught


async def test_an_end_without_a_word_is_seen() -> None:
    found = await findings(Mute, "ends", named("between two events", "complete"))
    assert "no error was said" in found["chat from chat: stream, fin between two events"].came
    assert "chat from chat: complete stream" not in failed(found)


async def test_letters_that_were_cut_by_decoding_are_seen() -> None:
    found = await findings(Splitter, "framing", named("byte writes", "CRLF"))
    assert "U+FFFD" in found["chat from chat: 1-byte writes"].came
    assert set(failed(found)) >= {"chat from chat: 1-byte writes", "chat from chat: 3-byte writes"}
    assert "chat from chat: CRLF" not in failed(found)


async def test_reading_on_after_the_client_has_left_is_seen_in_every_phase() -> None:
    found = await findings(Deaf, "cancellation", named("FIN"))
    assert len(found) == 4
    assert failed(found) == list(found)


async def test_hanging_up_on_a_client_before_it_leaves_is_seen() -> None:
    found = await findings(Dropper, "cancellation", named("RST"))
    assert len(found) == 4
    for finding in found.values():
        assert finding.result == "fail"
        assert "the gateway hung up first" in finding.came


async def test_collecting_the_stream_is_seen() -> None:
    found = await findings(Bufferer, "timing", named("stream"))
    assert "later than the next was sent" in found["chat from chat: stream"].came
    assert failed(found) == ["chat from chat: stream"]


async def test_taking_everything_from_the_provider_is_seen() -> None:
    found = await findings(Swallower, "back-pressure")
    assert "the provider was not stopped" in found["chat from chat"].came


async def test_usage_that_nobody_asked_for_is_seen() -> None:
    found = await findings(Leaker, "usage")
    assert "unasked" in found["chat from chat: not asked for"].came
    assert failed(found) == ["chat from chat: not asked for"]


async def test_usage_that_is_kept_back_is_seen() -> None:
    found = await findings(Hider, "usage")
    assert "no usage" in found["chat from chat: in the stream"].came


async def test_a_status_of_its_own_is_seen() -> None:
    found = await findings(Masker, "errors", named("401", "429 for a stream"))
    assert "no answer with status 401" in found["chat from chat: 401 for a stream"].came
    assert len(failed(found)) == len(found)


async def test_an_error_in_another_shape_is_seen() -> None:
    found = await findings(Foreigner, "errors", named("404"))
    assert "no client of this dialect understands" in found["chat from chat: 404 for a stream"].came


async def test_keep_alives_between_events_are_counted() -> None:
    found = await findings(Babbler, "keep-alive", named("in the middle"))
    finding = found["chat from chat: silence in the middle of its text"]
    assert finding.result == "pass"
    assert "keep-alives" in finding.came


async def test_a_text_of_one_token_has_no_middle_in_which_a_client_could_be_kept() -> None:
    found = await findings(Melter, "keep-alive")
    assert "came as one token" in found["chat from chat: silence in the middle of its text"].came
    assert failed(found) == ["chat from chat: silence in the middle of its text"]


async def test_keep_alives_that_are_tokens_are_seen() -> None:
    found = await findings(TokenBabbler, "keep-alive", named("in the middle"))
    assert failed(found) == ["chat from chat: silence in the middle of its text"]
