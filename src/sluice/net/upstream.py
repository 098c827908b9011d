"""The provider's side: one HTTP/1.1 connection, its heads parsed by `net.heads`, its bodies by `wire.chunked`.

A connection serves one request at a time and is then offered to the pool again, if its framing ended cleanly.
Obeys: RFC 9112 (read 2026-11-21). Nothing is awaited or created per chunk, nor queued while the loop keeps up.
"""

import asyncio
import select
from collections.abc import Callable
from typing import cast

from sluice.config.plan import Endpoint
from sluice.errors import ProtocolError, Truncated, UpstreamError
from sluice.gateway.ports import BodyReceiver, UpstreamHead
from sluice.net.backlog import may_hold_more, unacknowledged
from sluice.net.heads import parse_head
from sluice.net.provider_tls import TlsTransport, provider_tls_of
from sluice.net.sips import GULP_BYTES, Sips
from sluice.net.tail import TAIL
from sluice.net.turns import Patient
from sluice.wire.chunked import BodyDecoder

MAX_HEAD_BYTES = 64 << 10
"""Longest head of an answer. A provider that sends more is not speaking HTTP to us."""
MAX_EARLY_BYTES = 64 << 10
"""Bytes of a body that may arrive before its receiver is attached; then the socket is not read until it is."""
MUCH_BYTES = 8 << 10
"""Of one connection in line: it is read on when its turn has come."""
TAIL_S = 1.0
"""How long a complete answer's connection may take to end its framing before it is cut instead of kept."""

_END_OF_HEAD = b"\r\n\r\n"
_NEVER = float("inf")


class UpstreamConnection(Patient):
    """One connection to a provider. `net.lease` makes each of its answers an `UpstreamStream`.

    `release` is called once per answer that left the connection fit for another, `forget` once when it is lost.
    `deadline` is a monotonic second: the pool's sweep calls `expire` once it has passed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        release: Callable[["UpstreamConnection"], None],
        forget: Callable[["UpstreamConnection"], None],
    ) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.deadline = _NEVER
        self.turn = 0
        """The number of the request that was sent last."""
        self.lost = False
        self.rests_since = 0.0
        self.unheard = False
        """The provider hung up before the last request reached it: nothing of that can have had an effect."""
        self.readable: select.poll | None = None
        """The pool's question whether the resting socket has something to say; asked anew each time it is reused."""
        self._release = release
        self._forget = forget
        self._connected = False
        self._hung_up = False
        """The provider has said that nothing more comes: by FIN, over TLS by its goodbye. Whatever else ends the
        connection cuts a body that has no other end (RFC 9112, 9.8)."""
        self._asked_bytes = 0
        self._answer: asyncio.Future[UpstreamHead] | None = None
        self._expects_body = True
        self._buffer = b""
        """The unfinished head, or the part of a body that came before its receiver."""
        self._body: BodyDecoder | None = None
        self._reusable = False
        self._receiver: BodyReceiver | None = None
        self._paused = False

    # -- the transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own classes do not inherit from it
        self._tls = provider_tls_of(transport)
        self._connected = True
        if self.endpoint.tls is not None:  # else 256 KiB are decrypted ahead of a client that does not read
            cast(TlsTransport, transport).set_read_buffer_limits(high=GULP_BYTES)

    def _read(self, data: bytes) -> None:
        # The hot path: once per read. Everything else about incoming bytes is `_unattended`.
        if len(data) > GULP_BYTES:
            self.transport.set_protocol(Sips(self))
        receiver, body = self._receiver, self._body
        if receiver is None or body is None:
            self._unattended(data)
            return
        try:
            payload = body.feed(data)
        except ProtocolError as error:
            self._break(error)
            return
        if payload:
            receiver.body(payload)
        if body.done:
            self._complete()

    def _wait(self, data: bytes) -> None:
        if self._body is None and self._answer is None:
            self._read(data)  # nobody asked for it: no other answer may begin with it
        else:
            super()._wait(data)
            if len(self._put_off) > MUCH_BYTES:
                self.sipped()

    def _read_on(self) -> None:
        if not self._paused:
            super()._read_on()

    def sipped(self) -> None:
        if self.transport.is_reading() and not self.transport.is_closing():
            self.transport.pause_reading()
            self._turns.put_off(self._sip_on)

    def _sip_on(self) -> None:
        if not self._paused and not self.transport.is_closing():
            self._resume_reading()

    def _resume_reading(self) -> None:
        self.transport.resume_reading()
        if self._tls is not None:
            self._tls.look()

    def _unattended(self, data: bytes) -> None:
        """Bytes while no receiver is attached: a head, the beginning of a body, or nothing that we asked for."""
        if self._body is not None:
            self._buffer += data
            if len(self._buffer) > MAX_EARLY_BYTES:
                self.pause()
        elif self._answer is not None:
            self._read_head(data)
        else:
            self.transport.abort()  # bytes that nobody asked for: this connection cannot be trusted

    def eof_received(self) -> bool:
        self._hung_up = True
        self._read_all()
        if self._answer is not None and not self._buffer:
            self.ask_whether_heard()  # had it received a byte of the request, its FIN would acknowledge that byte
        return False

    def connection_lost(self, exc: Exception | None, /) -> None:
        self.lost = True
        self._forget(self)
        try:
            if not self._paused:  # a reset may come while it is, over TLS
                self._read_all()
        finally:
            if self._answer is not None:
                self._fail_head(Truncated("the provider closed the connection before it answered"))
            elif self._receiver is not None:
                self._lose_body(exc)

    def ask_whether_heard(self) -> None:
        """Ask the kernel. Of a request over TLS that it did not take whole, too little is seen: it counts as heard."""
        waiting = self.transport.get_write_buffer_size() + unacknowledged(self.transport)
        self.unheard = waiting >= self._asked_bytes

    @property
    def in_line(self) -> bool:
        """More has come, and is read in its turn."""
        return self._put_off != b"" and not self._paused

    @property
    def heard(self) -> bool:
        """Something of an answer has come that is not whole yet."""
        return (self._buffer or self._put_off) != b""

    # -- a request ----------------------------------------------------------------------------------------------------

    def send(self, request: bytes, *, expects_body: bool) -> "asyncio.Future[UpstreamHead]":
        """Send a whole request and return what will be the head of its answer."""
        self.turn += 1
        self.deadline = _NEVER
        self._buffer = b""
        self._body = None
        self._expects_body = expects_body
        self._asked_bytes = len(request)
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        self.unheard = self.transport.is_closing()  # the kernel took nothing: a reset had come before
        return self._answer

    def _read_head(self, data: bytes) -> None:
        data = self._buffer + data
        status = 100
        while 100 <= status < 200:  # interim answers are skipped
            end = data.find(_END_OF_HEAD)
            if end < 0 or end > MAX_HEAD_BYTES:
                self._buffer, self._body = data, None
                if len(data) > MAX_HEAD_BYTES:
                    self._fail_head(ProtocolError("the head of the provider's answer is too large"))
                return
            try:
                head, self._body, self._reusable = parse_head(data[: end + 4], expects_body=self._expects_body)
            except ProtocolError as error:
                self._fail_head(error)
                return
            status, data = head.status, data[end + 4 :]
        self._buffer = data
        self.head = head
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(head)

    def _fail_head(self, error: UpstreamError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self.transport.abort()

    # -- the body -----------------------------------------------------------------------------------------------------

    head: UpstreamHead

    def attach(self, receiver: BodyReceiver) -> None:
        self._receiver = receiver
        early, self._buffer = self._buffer, b""
        if self._paused:
            self.resume()
        if early or (self._body is not None and self._body.done):
            self._read(early)
        if self.lost and self._receiver is not None:
            self._lose_body(None)

    def _complete(self) -> None:
        """The framing has ended: tell the receiver if it is still there, and offer the connection for reuse."""
        receiver, self._receiver = self._receiver, None
        body, self._body = self._body, None
        if body is None:
            return
        ended = self._hung_up or self.lost or (self._tls is not None and self._tls.ended)
        fit = self._reusable and not (ended or body.rest or self._put_off or self.transport.get_write_buffer_size())
        if fit and not may_hold_more(self.transport, encrypted=self._tls is not None):
            self._paused = False
            self._resume_reading()  # a connection that rests without would never hear the next answer
            self._release(self)
        else:
            self.transport.abort()  # `close` would wait for a provider that reads no more of a request it has answered
        if receiver is not None:
            receiver.eof()

    def _lose_body(self, exc: Exception | None) -> None:
        assert self._body is not None
        try:
            self._body.finish()
            if not self._hung_up:
                raise ProtocolError("the provider's connection broke, and nothing else ends the body")
        except ProtocolError as error:
            self._break(Truncated(f"the connection to the provider broke: {exc}" if exc else str(error)))
            return
        self._complete()

    def _break(self, error: UpstreamError) -> None:
        receiver, self._receiver = self._receiver, None
        self._body = None
        self.transport.abort()
        if receiver is not None:
            receiver.broke(error)

    def pause(self) -> None:
        if self._body is not None and not self._paused and not self.lost:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        if self._paused and not self.lost:
            self._paused = False
            if self._put_off:  # first that, or two reads would come as one
                self._turns.put_off(self._read_on)
                self._turns.put_off(self._sip_on)
            else:
                self._resume_reading()

    def close(self, *, complete: bool) -> None:
        if self._body is None:
            return  # the framing has ended: the connection is back in the pool, or closed
        self._receiver = None
        if complete and self._reusable and not self.lost:
            self._receiver = TAIL
            self.deadline = asyncio.get_running_loop().time() + TAIL_S
            self.resume()
        else:
            self._body = None
            self.transport.abort()

    def cut(self) -> None:
        """Close at once, whether it is open yet or not."""
        if self._connected:
            self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed: a resting connection is closed, an unfinished tail is cut."""
        self.deadline = _NEVER
        self.transport.abort()
