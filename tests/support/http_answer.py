"""An HTTP/1.1 answer read from an asyncio stream, by the letter of RFC 9112 and independent of what it tests."""

import asyncio

import msgspec


class Broken(Exception):
    """The bytes are not a whole answer. `received` is the part of the body that came."""

    def __init__(self, what: str, received: bytes = b"") -> None:
        super().__init__(what)
        self.received = received


class Head(msgspec.Struct, frozen=True):
    """A status line and its fields; names are lower case."""

    version: str
    status: int
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """The only value of a field, or empty. Fails if it stands there twice."""
        values = self.all(name)
        assert len(values) < 2, f"{name} stands there {len(values)} times"
        return values[0] if values else ""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `pieces` are the chunks it came in, one piece for a body that was not chunked."""

    head: Head
    pieces: tuple[bytes, ...]
    informational: tuple[int, ...] = ()

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def header(self, name: str) -> str:
        return self.head.header(name)

    def json(self) -> dict[str, object]:
        return msgspec.json.decode(self.body, type=dict[str, object])


class _ErrorFields(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    type: str
    param: str | None
    code: str | None


class _ErrorBody(msgspec.Struct, forbid_unknown_fields=True):
    error: _ErrorFields


def error_of(answer: Answer) -> _ErrorFields:
    """Return the error object of an answer, having checked that it is shaped like OpenAI's, and its head likewise."""
    assert answer.status >= 400
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-request-id")
    assert answer.header("content-length") == str(len(answer.body))
    return msgspec.json.decode(answer.body, type=_ErrorBody).error


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Raises:
    Broken: the connection ends first, or this is not a head.
    """
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise Broken("closed before a head", error.partial) from None
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    version, status, _ = first.split(" ", 2)
    if version != "HTTP/1.1" or "\n" in raw.decode("latin-1").replace("\r\n", ""):
        raise Broken(f"not a head: {first}")
    fields = [line.split(": ", 1) for line in lines]
    return Head(version, int(status), tuple((name.lower(), value) for name, value in fields))


async def read_answer(reader: asyncio.StreamReader, method: str = "POST") -> Answer:
    """Read the next final answer and the interim ones before it.

    Raises:
        Broken: the connection ends first, or the framing is not what its head says.
    """
    interim: list[int] = []
    while (head := await read_head(reader)).status < 200:
        interim.append(head.status)
    return Answer(head, tuple(await _body(reader, head, method)), tuple(interim))


async def _body(reader: asyncio.StreamReader, head: Head, method: str) -> list[bytes]:
    if method == "HEAD" or head.status in (204, 304):
        return []
    length, coding = head.header("content-length"), head.header("transfer-encoding")
    if length and coding:
        raise Broken("two framings")
    if coding == "chunked":
        return await read_chunks(reader)
    if not length:
        return [await reader.read(-1)]
    try:
        return [await reader.readexactly(int(length))]
    except asyncio.IncompleteReadError as error:
        raise Broken("closed inside a sized body", error.partial) from None


async def read_chunks(reader: asyncio.StreamReader) -> list[bytes]:
    """Read a chunked body to its last chunk, without trailers: the gateway sends none."""
    pieces: list[bytes] = []
    try:
        while True:
            size = int((await reader.readuntil(b"\r\n"))[:-2], 16)
            piece = (await reader.readexactly(size + 2))[:-2]
            if not size:
                return pieces
            pieces.append(piece)
    except asyncio.IncompleteReadError:
        raise Broken("closed inside a chunked body", b"".join(pieces)) from None
