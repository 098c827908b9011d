"""dialects.text_files: files that are text are read however they are written, and written back as they were."""

import base64
from collections.abc import Callable

import pytest

from sluice.dialects.text_files import TextFile, base64_file, data_url, named_file
from sluice.errors import BadRequest


def b64(content: bytes | str) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


@pytest.mark.parametrize(
    ("url", "text", "after"),
    [
        (f"data:text/plain;base64,{b64('a b')}", "a b", f"data:text/plain;base64,{b64('c é')}"),
        (f"DATA:Text/Plain;BASE64,{b64('a b')}", "a b", f"DATA:Text/Plain;BASE64,{b64('c é')}"),
        (f" data:;base64,{b64('a')}", "a", f" data:;base64,{b64('c é')}"),
        ("data:text/plain,TOP%53ECRET 123%2D45-6789", "TOPSECRET 123-45-6789", "data:text/plain,c%20%C3%A9"),
        ("data:,a%20b", "a b", "data:,c%20%C3%A9"),
        (f"data:text/plain;base64,{b64('aa').replace('=', '%3D')}", "aa", f"data:text/plain;base64,{b64('c é')}"),
        (
            f"data:text/plain;charset=utf-16;base64,{b64('a'.encode('utf-16'))}",
            "a",
            f"data:text/plain;charset=utf-16;base64,{b64('c é'.encode('utf-16'))}",
        ),
        (
            f"data:text/csv;charset=ISO-8859-1;base64,{b64(b'caf' + bytes([0xE9]))}",
            "café",
            f"data:text/csv;charset=ISO-8859-1;base64,{b64('c é'.encode('latin-1'))}",
        ),
        (f"data:application/vnd.x+json;base64,{b64('{}')}", "{}", f"data:application/vnd.x+json;base64,{b64('c é')}"),
        (f"data:image/svg+xml;base64,{b64('<a/>')}", "<a/>", f"data:image/svg+xml;base64,{b64('c é')}"),
        (f"data:application/octet-stream;base64,{b64('a')}", "a", f"data:application/octet-stream;base64,{b64('c é')}"),
    ],
)
def test_a_data_url_of_text_is_read_and_written_back(url: str, text: str, after: str) -> None:
    file = data_url(url)
    assert isinstance(file, TextFile)
    assert file.text == text
    assert file.written("c é") == after


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a?data:text/plain,x",
        f"data:image/png;base64,{b64('all text')}",
        f"data:application/pdf;base64,{b64('%PDF-1.4 all text')}",
        f"data:application/octet-stream;base64,{b64(bytes(range(256)))}",
        f"data:application/octet-stream;base64,{b64('%PDF-1.4 all text')}",
        "text",
    ],
)
def test_what_is_no_text_is_left_alone(url: str) -> None:
    assert data_url(url) is None


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("notes.txt", b"a", "a"),
        ("NOTES.MD", b"a", "a"),
        ("", b"a", "a"),
        ("x.bin", b"a", "a"),
        ("notes.txt", "a".encode("utf-16"), "a"),
        ("notes.txt", b"caf\xe9", "café"),
        ("x.bin", b"caf\xe9", None),
        ("x.pdf", b"%PDF-1.4", None),
    ],
)
def test_base64_without_a_url_is_a_file_of_the_type_of_its_name(name: str, content: bytes, text: str | None) -> None:
    file = named_file(b64(content), name)
    assert (file and file.text) == text
    vague = named_file(f"data:application/octet-stream;base64,{b64(content)}", name)
    assert (vague and vague.text) == text


@pytest.mark.parametrize(
    "read",
    [
        lambda: data_url("data:text/plain;base64,a"),
        lambda: data_url("data:text/plain;base64,%%%"),
        lambda: data_url(f"data:text/plain;base64,{b64('x')}{b64('TOPSECRET')}"),
        lambda: data_url(f"data:text/plain;charset=rot13;base64,{b64('x')}"),
        lambda: data_url(f"data:text/plain;charset=utf-8;base64,{b64(bytes([255]))}"),
        lambda: data_url(f"data:text/plain;base64,{b64('TOP'.encode('utf-16-le'))}"),
        lambda: data_url(f"data:text/plain;charset=utf-16;base64,{b64('TOPSECRET ')}"),
        lambda: base64_file("a", "text/plain"),
        lambda: named_file("a", "notes.txt"),
    ],
)
def test_what_claims_to_be_text_and_cannot_be_read_is_refused(read: Callable[[], TextFile | None]) -> None:
    with pytest.raises(BadRequest, match="says that it is text"):
        read()
