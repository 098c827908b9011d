"""A head that is said again is read by comparing bytes, and to nobody's eyes does that make a difference."""

from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config.plan import Limits
from sluice.errors import BodyTooLarge, Overloaded, Unavailable
from sluice.gateway.ports import Bodies, Request
from sluice.net import known_head as module
from sluice.net.known_head import known_head
from sluice.net.requests import LESSONS, Incoming, RequestReader

HEAD = b"POST /v1/chat?x=1 HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nContent-Length: %b\r\nX-Last: 1\r\n\r\n"


class Handler:
    """Takes everything."""

    def __init__(self) -> None:
        self.bodies = Bodies()

    def admits(self, body_bytes: int | None) -> bool:
        return True

    def handle(self, *_: object) -> None: ...

    def refuse(self, *_: object) -> None: ...

    def abandon(self, *_: object) -> None: ...


class Reading:
    """A reader, and what it has read."""

    def __init__(self, limits: Limits | None = None, *, learns: bool = True) -> None:
        self.handler = Handler()
        self.reader = RequestReader(self.handler, limits or Limits(), lambda: 7.0, "1.2.3.4:5", 80)
        self.read: list[Incoming] = []
        if not learns:
            self.reader._lessons = 0

    def feed(self, pieces: Iterable[bytes]) -> list[Incoming]:
        for piece in pieces:
            self.read += self.reader.feed(piece, 32)
        return self.read


def request(body: bytes, length: bytes | None = None) -> bytes:
    return HEAD % (b"%d" % len(body) if length is None else length) + body


def summary(read: list[Incoming]) -> list[tuple[Request, str, bool]]:
    return [(each.request, str(each.error), each.keep_alive) for each in read]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each comparison with a known head has found a request."""
    found: list[bool] = []
    read = module.KnownHead.read

    def watched(self: module.KnownHead, data: bytes, received_at: float) -> Request | None:
        request = read(self, data, received_at)
        found.append(request is not None)
        return request

    monkeypatch.setattr(module.KnownHead, "read", watched)
    return found


def test_the_same_head_with_another_length_is_read_by_comparing(compared: list[bool]) -> None:
    bodies = [b"one", b"", b"a longer one", b"one"]
    read = Reading().feed(map(request, bodies))
    assert compared == [True, True, True]
    assert [each.request.body for each in read] == bodies
    assert [dict(each.request.headers)[b"content-length"] for each in read] == [b"3", b"0", b"12", b"3"]
    assert summary(read) == summary(Reading(learns=False).feed(map(request, bodies)))


heads = st.sampled_from(
    [
        HEAD,
        HEAD.replace(b"X-Last: 1", b"X-Last: 2"),
        HEAD.replace(b"POST", b"PUT"),
        HEAD.replace(b"/v1/chat?x=1", b"/v1/../x"),
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"X-Last: 1", b"Connection: close"),
        HEAD.replace(b"X-Last: 1", b"Expect: 100-continue"),
        HEAD.replace(b"X-Last: 1", b"Upgrade: h2c\r\nConnection: upgrade"),
        HEAD.replace(b"X-Last: 1", b"Content-Length: 3"),
        HEAD.replace(b"X-Last: 1", b"X-Last: a\r\n content-length: 9"),
        HEAD.replace(b"Content-Length: %b", b"Transfer-Encoding: chunked\r\nX-Length: %b"),
        HEAD.replace(b"Content-Length: %b", b"X-Content-Length: %b"),
        b"\r\n" + HEAD,
        HEAD.replace(b"X-Last: 1", b"X-Last: %s" % (b"x" * 40)),
    ]
)
lengths = st.one_of(
    st.none(), st.sampled_from([b"3", b"03", b"+3", b"3 ", b" 3", b"-1", b"", b"3,3", b"0x3", b"9" * 20, b"3\r\nA: b"])
)
bodies = st.sampled_from([b"", b"abc", b"0123456789", request(b"abc"), b"0\r\n\r\n"])


@st.composite
def connections(draw: st.DrawFn) -> list[bytes]:
    """The bytes of a connection as they come: requests mostly whole, often alike, sometimes cut or joined."""
    pieces = []
    for _ in range(draw(st.integers(2, 6))):
        body = draw(bodies)
        head = draw(st.one_of(st.just(HEAD), heads))
        length = draw(st.one_of(st.none(), lengths))
        pieces.append(head % (b"%d" % len(body) if length is None else length) + body)
    whole = b"".join(pieces)
    cuts = sorted(draw(st.sets(st.integers(1, len(whole)), max_size=2))) if draw(st.booleans()) else []
    if cuts:
        pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return pieces


@given(pieces=connections())
def test_whatever_comes_is_read_as_if_nothing_were_known(pieces: list[bytes]) -> None:
    limits = Limits(max_head_bytes=200, max_body_bytes=64)
    quick, thorough = Reading(limits), Reading(limits, learns=False)
    assert summary(quick.feed(pieces)) == summary(thorough.feed(pieces))
    assert quick.handler.bodies.held == thorough.handler.bodies.held
    assert (quick.reader.closed, quick.reader.deadline) == (thorough.reader.closed, thorough.reader.deadline)


def test_a_body_beyond_a_bound_is_refused_as_ever() -> None:
    large = Reading(Limits(max_body_bytes=10)).feed([request(b"small"), request(b"x" * 11)])
    assert isinstance(large[1].error, BodyTooLarge)
    many = Reading(Limits(max_buffered_bytes=10)).feed([request(b"12345"), request(b"123456")])
    assert isinstance(many[1].error, Overloaded)


def test_a_drain_refuses_a_known_head_too() -> None:
    reading = Reading()
    reading.feed([request(b"one")])
    reading.reader.unwanted = Unavailable("the server is shutting down")
    assert isinstance(reading.feed([request(b"two")])[1].error, Unavailable)


def test_one_too_many_is_refused() -> None:
    reading = Reading()
    reading.feed([request(b"one")])
    (refused,) = reading.reader.feed(request(b"two"), 0)
    assert isinstance(refused.error, Overloaded)


def test_a_client_who_never_says_the_same_is_not_compared_for_ever(compared: list[bool]) -> None:
    reading = Reading()
    for number in range(20):
        reading.feed([request(b"x").replace(b"X-Last: 1", b"X-Last: %d" % number)])
    assert len(reading.read) == 20
    assert len(compared) == LESSONS
    reading.feed([request(b"x").replace(b"X-Last: 1", b"X-Last: 3")] * LESSONS)
    assert not any(compared)


def test_what_a_fold_of_the_head_says_is_no_length() -> None:
    head = b"POST / HTTP/1.1\r\nhost: a\r\nx: content-length: 3\r\nContent-Length: 3\r\n\r\n"
    (read,) = Reading().feed([head + b"abc"])
    known = known_head(head + b"abc", read.request)
    assert known is not None
    assert known.before.endswith(b"Content-Length: ")
    again = known.read(head.replace(b"Length: 3", b"Length: 4") + b"abcd", 1.0)
    assert again == msgspec.structs.replace(
        read.request, body=b"abcd", received_at=1.0, headers=(*read.request.headers[:-1], (b"content-length", b"4"))
    )
