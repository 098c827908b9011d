"""A layout knows of every provider's stream which event is which, and each place lies where its name says."""

import pytest

from sluice.verify.facts import PROVIDERS, Provider
from sluice.verify.layout import Layout
from sluice.verify.places import PLACES, SPOTS, anywhere
from tests.verify.answers import TEXT, json_of, laid_out, stream_of

PRESCRIBED = f'[[fake {{"content": "{TEXT}"}}]]'
CONVERSE = {"messages": [{"role": "user", "content": [{"text": PRESCRIBED}]}]}


def of(provider: Provider) -> Layout:
    if provider == "converse":
        return laid_out("converse", json_of(CONVERSE))
    return stream_of(provider, usage=True)


@pytest.mark.parametrize("provider", PROVIDERS)
class TestLayout:
    def test_the_texts_are_the_text(self, provider: Provider) -> None:
        layout = of(provider)
        assert "".join(layout.texts) == TEXT
        assert layout.said_before(len(layout.events)) == TEXT
        assert layout.said_before(layout.first_token) == ""
        assert layout.said_before(layout.finish) == TEXT

    def test_the_finish_reason_is_where_it_says(self, provider: Provider) -> None:
        layout = of(provider)
        words = (b'finish_reason":"stop', b"response.completed", b"end_turn", b'finishReason":"STOP')
        holding = [i for i, event in enumerate(layout.events) if any(word in event for word in words)]
        assert holding == [layout.finish]

    def test_an_event_without_its_last_bytes_is_no_event(self, provider: Provider) -> None:
        layout = of(provider)
        for index, event in enumerate(layout.events):
            cut = event[: layout.unfinished(index)]
            assert 0 < len(cut) < len(event)
            if provider != "converse":
                assert not cut.replace(b"\r\n", b"\n").endswith(b"\n\n")
                assert cut.endswith(b"\n")

    def test_the_places_come_in_the_order_of_the_stream(self, provider: Provider) -> None:
        layout = of(provider)
        ends = [0]
        for event in layout.events:
            ends.append(ends[-1] + len(event))
        offsets = []
        for place in PLACES:
            if provider in place.providers:
                at = place.at(layout)
                offsets.append(at.byte if at.event is None else ends[at.event] + at.byte)
        assert offsets == sorted(offsets)
        assert offsets[-1] <= layout.body_bytes

    def test_the_spots_are_events(self, provider: Provider) -> None:
        layout = of(provider)
        for spot in SPOTS:
            if provider in spot.providers:
                assert 0 <= spot.event(layout) < len(layout.events)

    def test_somewhere_is_before_the_answer_is_complete(self, provider: Provider) -> None:
        layout = of(provider)
        last = layout.finish if layout.terminator is None else layout.terminator
        seen = set()
        for share in (0.0, 0.2, 0.5, 0.9, 0.999):
            at = anywhere(share).at(layout)
            assert at.event is not None
            assert at.event < last
            assert at.byte < len(layout.events[at.event])
            seen.add((at.event, at.byte))
        assert len(seen) == 5


def test_a_whole_answer_has_one_event_and_usage() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": '[[fake {"content": "a b"}]]'}]}
    layout = laid_out("chat", json_of(body))
    assert not layout.stream
    assert len(layout.events) == 1
    assert b'"a b"' in layout.events[0]
    assert layout.usage.output_tokens == 2
