"""The golden corpus on disk: recorded and hand-made answers of providers, each in a folder named by what is odd in it.

    golden/<provider's dialect>/<case>/provider.sse          the stream as it came, byte for byte; or, instead,
                                       provider.json         the same as a JSON array
                                       provider.hex          the same as an AWS event stream, a message a line
                                       whole.json            the same answer as the provider sends it in one piece
                                       request.<client>.json the client's request, if the case needs one of its own
                                       about.txt             one line: what is odd, and why it matters
                                       expected.*            what becomes of it: written by `make golden`

A case without whole.json has no whole: a stream that breaks is nothing that could come in one piece. In a .hex file a
line that begins with `#` says what the message below it holds; `--accept` writes the message where there is none yet.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from sluice.chat.request import ChatRequest
from sluice.dialects.dialect import Dialect
from sluice.standard import CLIENT_DIALECTS, STANDARD
from sluice.wire import event_stream

ROOT = Path(__file__).parent.parent / "golden"
MODEL = "model-asked"
"""What every client asks for."""

_FORMS = {
    "provider.sse": "text/event-stream",
    "provider.json": "application/json",
    "provider.hex": event_stream.CONTENT_TYPE.decode(),
}
"""How a provider's stream is written down, and the content type it comes with."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a provider."""

    folder: Path
    provider: Dialect
    content_type: str
    stream: bytes
    whole: bytes | None
    about: str

    @property
    def name(self) -> str:
        """`openai_chat/text`."""
        return self.folder.relative_to(self.folder.parent.parent).as_posix()

    @property
    def array(self) -> bool:
        """The stream is a JSON array, which only clients of the same dialect are sent as it comes."""
        return self.content_type == "application/json"

    def request(self, client: Dialect, *, stream: bool) -> ChatRequest:
        """The request that this client made: of the case itself, or the one that the corpus shares."""
        name = short_name(client)
        own = self.folder / f"request.{name}.json"
        shared = self.folder.parent.parent / "requests" / f"{name}.json"
        return _request(name, own if own.exists() else shared, stream, self.array and client is self.provider)


@cache
def _request(client: str, file: Path, stream: bool, array: bool) -> ChatRequest:
    return dialect(client).read_request(
        file.read_bytes(), model=MODEL, stream=stream, framing="json_array" if array and stream else "sse"
    )


def dialect(name: str) -> Dialect:
    """The dialect that a folder or a file is named after.

    Raises:
        KeyError: there is none of this name.
    """
    return STANDARD.get(f"dialect.{name}", Dialect)  # type: ignore[type-abstract]  # a protocol, checked at run time


def short_name(known: Dialect) -> str:
    return known.module_id.removeprefix("dialect.")


CLIENTS = tuple(dict.fromkeys(dialect(word.removeprefix("dialect.")) for word in CLIENT_DIALECTS.values()))
"""The dialects that clients speak."""


def cases(root: Path = ROOT) -> Iterator[Case]:
    """Yield every case, by name.

    Raises:
        ValueError: a folder is no case: it names the folder and what is wrong.
    """
    for folder in sorted(path for path in root.glob("*/*") if path.is_dir()):
        yield read(folder)


def read(folder: Path) -> Case:
    """Read one case.

    Raises:
        ValueError: the folder is no case.
    """
    forms = [name for name in _FORMS if (folder / name).exists()]
    if len(forms) != 1 or not (folder / "about.txt").exists():
        raise ValueError(f"{folder.parent.name}/{folder.name}: a case has one of {', '.join(_FORMS)}, and about.txt")
    raw, whole = (folder / forms[0]).read_bytes(), folder / "whole.json"
    try:
        stream = _from_hex(raw.decode("utf-8")) if forms[0].endswith(".hex") else raw
    except ValueError as error:
        raise ValueError(f"{folder.parent.name}/{folder.name}/{forms[0]}: {error}") from None
    return Case(
        folder=folder,
        provider=dialect(folder.parent.name),
        content_type=_FORMS[forms[0]],
        stream=stream,
        whole=whole.read_bytes() if whole.exists() else None,
        about=(folder / "about.txt").read_text(encoding="utf-8").strip(),
    )


# -- the binary stream, readable ---------------------------------------------------------------------------------------


def _from_hex(text: str) -> bytes:
    return bytes.fromhex("".join(line for line in text.split("\n") if not line.startswith("#")))


def complete_hex(text: str) -> str:
    """Return the text of a .hex file in which every comment has its message. `# event NAME {JSON}` and
    `# exception NAME {JSON}` are written as a service writes them."""
    lines = text.rstrip("\n").split("\n")
    done: list[str] = []
    for line, following in zip(lines, [*lines[1:], "#"], strict=True):
        done.append(line)
        if line.startswith("#") and following.startswith("#"):
            kind, name, payload = line.removeprefix("#").strip().split(" ", 2)
            done.append(event_stream.encode(name, payload.encode(), kind).hex())
    return "\n".join(done) + "\n"
