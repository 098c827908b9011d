"""What is right passes and nothing else does: every stream of every dialect, with every event missing, doubled, out of
its order, cut at every byte, and with every kind of end."""

from itertools import pairwise, product

import pytest

from sluice.verify import judge
from sluice.verify.facts import CLIENTS, Client
from sluice.verify.http_client import Heard
from sluice.verify.judge import Read
from tests.verify.answers import (
    TEXT,
    WHOLE_ERRORS,
    error_after,
    found,
    heard,
    refused,
    stream_of,
)


def pings(client: Client, event: bytes) -> bool:
    return client == "messages" and b'"ping"' in event


def right(read: Read, text: str = TEXT) -> bool:
    return judge.complete(read, text).result == "pass"


def fails_well(read: Read, sent: str = TEXT) -> bool:
    return judge.failure(read, sent).result == "pass"


@pytest.mark.parametrize("client", CLIENTS)
class TestComplete:
    def test_a_whole_stream_passes(self, client: Client) -> None:
        body = b"".join(stream_of(client).events)
        assert judge.complete(found(client, body), TEXT).result == "pass", judge.complete(found(client, body), TEXT)

    def test_a_whole_stream_is_no_failure(self, client: Client) -> None:
        assert "it looks finished" in judge.failure(found(client, b"".join(stream_of(client).events)), TEXT).came

    def test_another_text_is_wrong(self, client: Client) -> None:
        assert not right(found(client, b"".join(stream_of(client).events)), TEXT + "!")

    def test_no_event_may_be_missing(self, client: Client) -> None:
        events = stream_of(client).events
        for index, event in enumerate(events):
            if not pings(client, event):
                assert not right(found(client, b"".join(events[:index] + events[index + 1 :]))), event

    def test_no_event_may_come_twice(self, client: Client) -> None:
        events = stream_of(client).events
        for index, event in enumerate(events):
            if not pings(client, event):
                assert not right(found(client, b"".join(events[: index + 1] + events[index:]))), event

    def test_no_two_events_may_change_places(self, client: Client) -> None:
        events, texts = stream_of(client).events, stream_of(client).texts
        for index, (one, two) in enumerate(pairwise(events)):
            said = texts[index]
            if (not said or said != texts[index + 1]) and not pings(client, one) and not pings(client, two):
                swapped = (*events[:index], two, one, *events[index + 2 :])
                assert not right(found(client, b"".join(swapped))), (one, two)

    def test_nothing_may_follow(self, client: Client) -> None:
        events = stream_of(client).events
        assert not right(found(client, b"".join((*events, error_after(client, len(events))))))
        assert not right(found(client, b"".join((*events, events[-2]))))

    def test_no_cut_is_complete(self, client: Client) -> None:
        body = b"".join(stream_of(client).events).rstrip(b"\r\n")
        for at in range(0, len(body), 3):
            assert not right(found(client, body[:at])), at

    def test_http_has_to_be_whole(self, client: Client) -> None:
        body = b"".join(stream_of(client).events)
        assert "before HTTP's end" in judge.complete(found(client, body, whole=False), TEXT).came

    def test_the_label_has_to_be_right(self, client: Client) -> None:
        body = b"".join(stream_of(client).events)
        read = judge.read(client, heard(body, kind="application/json"))
        assert "labelled" in judge.complete(read, TEXT).came

    def test_a_replacement_character_is_named(self, client: Client) -> None:
        body = b"".join(stream_of(client).events).decode().replace("река", "ре\ufffdа").encode()
        assert "U+FFFD" in judge.complete(found(client, body), TEXT).came

    def test_how_the_bytes_were_cut_does_not_matter(self, client: Client) -> None:
        body = b"".join(stream_of(client).events)
        for size in (1, 2, 7):
            assert right(judge.read(client, heard(body, piece_bytes=size)))


@pytest.mark.parametrize("client", CLIENTS)
class TestFailure:
    def test_an_error_event_after_any_whole_event_but_the_last_ones_passes(self, client: Client) -> None:
        layout = stream_of(client)
        for at in range(layout.finish):
            body = b"".join(layout.events[:at]) + error_after(client, at)
            verdict = judge.failure(found(client, body), layout.said_before(at))
            assert verdict.result == "pass", (at, verdict.came)

    def test_an_error_event_after_half_an_event_does_not(self, client: Client) -> None:
        layout = stream_of(client)
        for at in range(layout.finish):
            half = layout.events[at][: layout.unfinished(at)]
            for end in (half[: len(half) // 2], half):
                body = b"".join(layout.events[:at]) + end + error_after(client, at)
                assert not fails_well(found(client, body)), (at, end)

    def test_half_an_event_at_the_end_does_not(self, client: Client) -> None:
        layout = stream_of(client)
        body = b"".join(layout.events[:3]) + error_after(client, 3) + b"data: {"
        assert not fails_well(found(client, body))

    def test_no_end_without_a_word_does(self, client: Client) -> None:
        layout = stream_of(client)
        ends: list[tuple[bool, str]] = [(True, "as if it were whole"), (False, "before HTTP's end")]
        for (whole, said), at in product(ends, range(layout.finish)):
            body = b"".join(layout.events[:at])
            assert said in judge.failure(found(client, body, whole=whole), TEXT).came

    def test_text_that_was_not_sent_is_seen(self, client: Client) -> None:
        layout = stream_of(client)
        at = layout.tokens[3]
        read = found(client, b"".join(layout.events[:at]) + error_after(client, at))
        assert fails_well(read, layout.said_before(at))
        assert "not sent" in judge.failure(read, layout.said_before(layout.tokens[2])).came

    def test_two_errors_are_one_too_many(self, client: Client) -> None:
        assert not fails_well(found(client, error_after(client, 0) + error_after(client, 1)))

    def test_events_after_the_error_are_too(self, client: Client) -> None:
        layout = stream_of(client)
        body = b"".join(layout.events[:2]) + error_after(client, 2) + layout.events[2]
        assert not fails_well(found(client, body))

    @pytest.mark.parametrize("status", [400, 429, 502, 504])
    def test_a_real_status_with_the_dialects_body_passes(self, client: Client, status: int) -> None:
        assert fails_well(refused(client, status, WHOLE_ERRORS[client]))

    def test_a_real_status_with_another_body_does_not(self, client: Client) -> None:
        for body in (b"", b"Bad Gateway", b'{"detail":"x"}', b"[]", b'{"error":"x"}'):
            assert not fails_well(refused(client, 502, body)), body
        assert not fails_well(refused(client, 502, WHOLE_ERRORS[client], "text/html"))

    def test_an_error_body_with_status_200_does_not(self, client: Client) -> None:
        assert not fails_well(refused(client, 200, WHOLE_ERRORS[client]))

    def test_an_answer_that_stays_open_passes_only_where_nobody_knows_better(self, client: Client) -> None:
        layout = stream_of(client)
        read = found(client, b"".join(layout.events[:5]), whole=False, how="waiting")
        assert judge.failure(read, TEXT).result == "fail"
        assert judge.failure(read, TEXT, waits=True).result == "pass"
        whole = found(client, b"".join(layout.events), whole=False, how="waiting")
        assert judge.failure(whole, TEXT, waits=True).result == "fail"

    def test_what_is_no_json_may_reach_a_client_of_the_same_dialect_as_it_was(self, client: Client) -> None:
        layout = stream_of(client)
        broken = b"data: {\n\n"
        body = b"".join((*layout.events[:4], broken, *layout.events[5:]))
        assert not fails_well(found(client, body))
        assert judge.failure(found(client, body), TEXT, as_it_was=True).result == "pass"
        without = b"".join((*layout.events[:4], *layout.events[5:]))
        assert judge.failure(found(client, without), TEXT, as_it_was=True).result == "fail"


def test_no_connection_is_no_answer() -> None:
    silent = Heard(answer=heard(b"").answer.__class__(), how="refused", asked_s=0.0, ended_s=0.0)
    assert judge.failure(judge.read("chat", silent), "").result == "fail"
    assert judge.complete(judge.read("chat", silent), "").result == "fail"


def test_evidence_is_enough_where_the_text_is_whole_and_marked_once() -> None:
    layout = stream_of("gemini")
    body = b"".join(layout.events)
    assert judge.evident(found("gemini", body + error_after("gemini", 0)), TEXT)
    assert not judge.evident(found("gemini", b"".join(layout.events[:-1])), TEXT)
    assert not judge.evident(found("gemini", body), TEXT + "!")
