"""The client says truly how an answer ended, does not read when it is told not to, and leaves as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from sluice.verify.http_client import Asking, Heard, How, connect
from tests.support.raw_client import RESET
from tests.support.waiting import until

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CUT = WHOLE[:-1]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def asked(serve: Serve, *, reads: bool = True, receive_buffer: int = 0) -> AsyncIterator[Asking]:
    """A request to a server that does this to its connection."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asking = await connect("127.0.0.1", port, b"ask", reads=reads, receive_buffer=receive_buffer)
    try:
        yield asking
    finally:
        asking.close()
        server.close()


def answering(data: bytes, then: str) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read(3) == b"ask"
        writer.write(data)
        await writer.drain()
        if then == "rst":
            await asyncio.sleep(0.02)  # a reset destroys what is on its way
            writer.get_extra_info("socket").setsockopt(1, 13, RESET)
            writer.transport.abort()
        elif then == "fin":
            writer.close()
        else:
            await reader.read()
            writer.close()

    return serve


@pytest.mark.parametrize(
    ("data", "then", "how"),
    [
        (WHOLE, "stay", "whole"),
        (WHOLE, "fin", "whole"),
        (CUT, "fin", "closed"),
        (CUT, "rst", "reset"),
        (CUT, "stay", "waiting"),
        (b"", "fin", "closed"),
        (b"HTTP/1.0 200 OK\r\n\r\n", "stay", "broken"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "fin", "whole"),
    ],
)
async def test_it_says_how_an_answer_ended(data: bytes, then: str, how: How) -> None:
    async with asked(answering(data, then)) as asking:
        heard = await asking.wait(0.3)
    assert heard.how == how
    assert heard.asked_s <= heard.ended_s


async def test_it_speaks_tls_and_trusts_the_authorities_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(answering(WHOLE, "fin"), "localhost", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect("localhost", port, b"ask", tls=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    for receive_buffer in (0, 64 << 10):
        heard = await (await connect("localhost", port, b"ask", tls=True, receive_buffer=receive_buffer)).wait(2)
        assert (heard.how, heard.answer.body) == ("whole", b"hello")
    server.close()


async def test_nobody_there_is_an_error() -> None:
    server = await asyncio.start_server(answering(b"", "fin"), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(OSError, match=r"[Cc]onnect"):
        await connect("127.0.0.1", port, b"ask")


@pytest.mark.parametrize("reset", [False, True])
async def test_it_leaves_when_and_as_it_is_told(reset: bool) -> None:
    ends: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(CUT)
        try:
            ends.append("fin" if await reader.read() == b"" else "bytes")
        except ConnectionResetError:
            ends.append("rst")
        writer.close()

    async with asked(serve) as asking:
        await until(lambda: asking.answer.body_bytes == 4)
        before = asyncio.get_running_loop().time()
        assert asking.leave(reset=reset) >= before
        await until(lambda: bool(ends))
        heard: Heard = await asking.wait(0.1)
    assert ends == ["rst" if reset else "fin"]
    assert heard.how == "left"


@pytest.mark.parametrize("reset", [False, True])
async def test_it_cannot_leave_a_server_that_has_hung_up(reset: bool) -> None:
    async with asked(answering(CUT, "fin")) as asking:
        await until(lambda: asking.over)
        asking.leave(reset=reset)
        assert (await asking.wait(0.1)).how == "closed"


async def test_what_is_not_to_be_read_stays_in_the_sockets_until_it_is() -> None:
    stuck = asyncio.Event()
    size = 32 << 20

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size >> 20):
            writer.write(bytes(1 << 20))
            if writer.transport.get_write_buffer_size():
                stuck.set()
            await writer.drain()
        writer.close()

    async with asked(serve, reads=False, receive_buffer=64 << 10) as asking:
        async with asyncio.timeout(5):
            await stuck.wait()
        assert asking.answer.body_bytes == 0
        asking.read_on()
        heard = await asking.wait(5)
    assert heard.how == "whole"
    assert heard.answer.body_bytes == size
