"""Faults over real sockets: where they are said, who wins, and what the fake says it saw."""

import socket
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from sluice.testing.fake_provider import At, FakeProvider, Fault, Match, Options, Rule
from tests.testing.sockets import HI, Socket, exchange, post

STREAM = HI | {"stream": True}
PROMPT_S = 0.25
"""What a gateway has to hear a client's leaving in (stream-life 3): the fake has to be far better than that."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


def header(fault: Fault) -> bytes:
    return b"x-fake-fault: %b\r\n" % msgspec.json.encode(fault)


def tagged(fault: Fault | dict[str, object]) -> dict[str, object]:
    return STREAM | {"fake": {"content": "one two", "fault": fault}}


# -- where it is said -------------------------------------------------------------------------------------------------


async def test_a_fault_is_said_in_the_body_in_the_message_in_a_header_in_a_rule_and_in_python() -> None:
    text = '[[fake {"content": "one", "fault": {"status": 503, "tag": "message"}}]]'
    rule = Rule(fault=Fault(status=503, tag="rule"), match=Match(model="ruled"))
    async with FakeProvider(Options(faults=(rule,))) as fake:
        assert (await exchange(fake.port, post(tagged({"status": 503, "tag": "body"}))))[0] == 503
        said = STREAM | {"messages": [{"role": "user", "content": text}]}
        assert (await exchange(fake.port, post(said)))[0] == 503
        assert (await exchange(fake.port, post(STREAM, headers=header(Fault(status=503, tag="header")))))[0] == 503
        assert (await exchange(fake.port, post(STREAM | {"model": "ruled"})))[0] == 503
        fake.fault(Fault(status=503, tag="python"))
        assert (await exchange(fake.port, post(STREAM)))[0] == 503
        assert (await exchange(fake.port, post(STREAM)))[0] == 200
        assert [sight.tag for sight in fake.sights] == ["body", "message", "header", "rule", "python", ""]


async def test_python_wins_over_the_prescription_that_over_the_header_and_that_over_rules() -> None:
    async with FakeProvider(Options(faults=(Rule(fault=Fault(tag="rule")),))) as fake:
        fake.fault(Fault(tag="python"))
        for body in (tagged(Fault(tag="body")), tagged(Fault(tag="body")), STREAM):
            await exchange(fake.port, post(body, headers=header(Fault(tag="header"))))
        await exchange(fake.port, post(STREAM))
        assert [sight.tag for sight in fake.sights] == ["python", "body", "header", "rule"]


async def test_faults_scripts_and_twists_are_taken_in_their_order(fake: FakeProvider) -> None:
    fake.fault(Fault(status=500), times=2)
    fake.answer_with(status=418)
    fake.fault(Fault(status=503))
    assert [(await exchange(fake.port, post(STREAM)))[0] for _ in range(5)] == [500, 500, 418, 503, 200]
    assert fake.finished == 5


@pytest.mark.parametrize(
    ("request_bytes", "sentence"),
    [
        (post(STREAM, headers=b'x-fake-fault: {"status": 503\r\n'), b"header x-fake-fault cannot be read"),
        (post(STREAM, headers=b'x-fake-fault: {"at": {"event": 1}}\r\n'), b"`end` has to say how"),
        (post(tagged({"statuss": 1})), b"statuss"),
        (post(tagged({"status": 503, "end": "fin"})), b"instead of the answer"),
        (post(tagged({"crc": True})), b"The fault cannot be done here: `crc`"),
    ],
)
async def test_a_fault_that_cannot_be_is_a_400_and_says_why(
    fake: FakeProvider, request_bytes: bytes, sentence: bytes
) -> None:
    status, body, _ = await exchange(fake.port, request_bytes)
    assert status == 400
    assert sentence in body


async def test_a_fault_is_for_any_address_and_for_refusals_too() -> None:
    async with FakeProvider(Options(key="k")) as fake:
        fake.fault(Fault(end="rst"))
        assert await exchange(fake.port, post(STREAM)) == (0, b"", "rst")
        fake.fault(Fault(status=503, body="closed"))
        assert (await exchange(fake.port, post(STREAM, "/nowhere")))[:2] == (503, b"closed")
        fake.fault(Fault(at=At(byte=3), end="fin"))
        assert (await exchange(fake.port, post(STREAM)))[:2] == (401, b"{\n ")


async def test_a_recording_can_be_cut_but_nothing_is_put_into_it() -> None:
    recording = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n' * 3
    async with FakeProvider(Options(replay=recording)) as fake:
        fake.fault(Fault(at=At(event=1, byte=5), end="fin"))
        fake.fault(Fault(giant_bytes=5))
        assert (await exchange(fake.port, post(STREAM)))[1] == recording[: len(recording) // 3 + 5]
        assert b"this answer is a recording" in (await exchange(fake.port, post(STREAM)))[1]


# -- how it ends ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("at", [None, At(byte=0), At(event=0), At(event=2), At(event=2, byte=4)])
async def test_the_connection_ends_as_told(fake: FakeProvider, how: str, at: At | None) -> None:
    fault = msgspec.convert({"end": how}, Fault) if at is None else Fault(at=at, end="fin" if how == "fin" else "rst")
    fake.fault(fault)
    status, body, ended = await exchange(fake.port, post(STREAM))
    assert (status, ended) == (0 if at is None else 200, how)
    assert bool(body) == (at is not None and at.event == 2)
    (sight,) = fake.sights
    assert (sight.ended, sight.body_bytes, sight.head_sent_s is None) == ("cut", len(body), at is None)
    assert sight.events == (2 if body else 0)


async def test_a_late_head_comes_alone_and_the_events_in_their_gaps(fake: FakeProvider) -> None:
    fake.fault(Fault(head_delay_ms=40, gap_ms=[60, 10]))
    async with Socket(fake.port) as s:
        started = time.monotonic()
        await s.send(post(STREAM | {"max_tokens": 2}))
        assert (await s.receive()).endswith(b"\r\n\r\n"), "nothing but the head"
        assert 0.035 <= time.monotonic() - started < 0.09
        await s.receive()
        assert time.monotonic() - started >= 0.095
        await s.until(b"[DONE]")
        assert time.monotonic() - started >= 0.095 + 3 * 0.01
    (sight,) = fake.sights
    assert sight.head_sent_s is not None
    assert sight.head_sent_s - sight.began_s >= 0.035


async def test_single_bytes_are_single_reads_most_of_the_time(fake: FakeProvider) -> None:
    fake.fault(Fault(write_bytes=1))
    sizes = []
    async with Socket(fake.port) as s:
        await s.send(post(STREAM | {"max_tokens": 1}))
        await s.head()
        while True:
            sizes.append(len(data := await s.receive()))
            if data.endswith(b"0\r\n\r\n"):
                break
    assert sorted(sizes)[len(sizes) // 2] <= 6 * 4, "a byte and its chunk's framing, few of them together"
    assert len(sizes) > 100


# -- nobody is let in -------------------------------------------------------------------------------------------------


async def test_a_provider_that_never_accepts_lets_clients_wait_for_their_connection() -> None:
    async with FakeProvider(Options(never_accept=True)) as fake:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", fake.port), timeout=0.15)
        port = fake.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
