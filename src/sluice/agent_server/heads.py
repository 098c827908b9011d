"""uvicorn's HTTP/1.1 with an end to the head of a request: its parser has none, and would keep whatever comes.

At most MAX_HEAD bytes of request line and fields, as at the gateway's door; then 431 (RFC 6585, section 5) and the
connection is closed.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHeads(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    """Of the head that is being read; -1 = none is."""

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_bytes = -1
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._refuse()
        else:
            super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD and not self.transport.is_closing():
                self._refuse()

    def _refuse(self) -> None:
        self.transport.write(REFUSAL)
        self.transport.close()
