"""tools/golden.py and its files: what differs is shown, what is accepted is written, and nothing else."""

import shutil
from pathlib import Path

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]  # ships no types

from tools import golden
from tools.golden_cases import ROOT, complete_hex, read

BINARY = sorted(ROOT.glob("*/*/provider.hex"))
TRUE = [file for file in BINARY if file.parent.name != "checksum_wrong"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of two cases."""
    for name in ("requests", "openai_chat/text", "bedrock_converse/text"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_what_was_accepted_is_not_mentioned(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert golden.main([], corpus) == 0
    assert capsys.readouterr().out == "2 cases: every byte as accepted\n"


def test_one_other_byte_is_shown_member_by_member(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = corpus / "openai_chat/text/expected.gemini.sse"
    file.write_bytes(file.read_bytes().replace(b'"text":"Sunny"', b'"text":"Rainy"'))
    assert golden.main(["openai_chat/text"], corpus) == 1
    told = [line.strip() for line in capsys.readouterr().out.split("\n")]
    assert told[0] == "--- openai_chat/text/expected.gemini.sse accepted"
    changed = [line.replace(" ", "") for line in told if line[:2] in ("- ", "+ ")]
    assert changed == ['-"text":"Rainy"', '+"text":"Sunny"']


def test_white_space_is_a_difference_too(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = corpus / "openai_chat/text/expected.gemini.sse"
    file.write_bytes(file.read_bytes().replace(b"data: ", b"data:", 1))
    assert golden.main([], corpus) == 1
    assert "+b'data: {" in capsys.readouterr().out


def test_accepting_writes_removes_and_is_then_content(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = corpus / "openai_chat/text"
    (folder / "expected.gemini.sse").write_bytes(b"")
    (folder / "expected.gemini.json").unlink()
    (folder / "expected.nobody.sse").write_bytes(b"")
    assert golden.main([], corpus) == 1
    shown = capsys.readouterr().out
    assert "openai_chat/text/expected.gemini.json: is new\n" in shown
    assert "openai_chat/text/expected.nobody.sse: has gone\n" in shown
    assert golden.main(["--accept"], corpus) == 0
    assert capsys.readouterr().out == "openai_chat/text\n1 of 2 cases changed\n"
    assert golden.main([], corpus) == 0
    accepted = golden.on_disk(read(folder))
    assert accepted == golden.on_disk(read(ROOT / "openai_chat/text"))


def test_cuts_are_played_to_all(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "openai_chat/text/provider.sse").write_bytes(b"data: [DONE]\n\n")
    golden.main(["--accept"], corpus)
    assert golden.main(["--cuts", "openai_chat"], corpus) == 0
    monkeypatch.setattr(golden, "every_single_cut", lambda data: [[data], [data[:-9]]])
    capsys.readouterr()
    assert golden.main(["--cuts", "openai_chat"], corpus) == 1
    assert capsys.readouterr().out.split("\n")[0] == "openai_chat/text: openai_chat sees a cut at byte 1"


@pytest.mark.parametrize(
    ("missing", "what"),
    [("about.txt", "a case has one of"), ("provider.hex", "a case has one of")],
)
def test_a_folder_that_is_no_case_is_named(
    corpus: Path, missing: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "bedrock_converse/text" / missing).unlink()
    assert golden.main([], corpus) == 2
    assert capsys.readouterr().err.startswith(f"make golden: bedrock_converse/text: {what}")


def test_what_is_no_hex_and_what_is_no_name_is_said(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert golden.main(["openai_chat/nothing"], corpus) == 2
    assert "no case is called openai_chat/nothing" in capsys.readouterr().err
    (corpus / "bedrock_converse/text/provider.hex").write_text("# event messageStart {}\nxyz\n")
    assert golden.main([], corpus) == 2
    assert "bedrock_converse/text/provider.hex: " in capsys.readouterr().err


@pytest.mark.parametrize("file", BINARY, ids=lambda file: file.parent.name)
def test_the_comments_of_a_binary_stream_say_what_is_in_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    comments = "\n".join(line for line in text.split("\n") if line.startswith("#"))
    assert (complete_hex(comments) == text) is (file in TRUE)
    assert complete_hex(text) == text


@pytest.mark.parametrize("file", TRUE, ids=lambda file: file.parent.name)
def test_amazons_own_reader_finds_what_the_comments_say(file: Path) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(read(file.parent).stream)
    told = []
    for message in buffer:
        kind = message.headers[":message-type"]
        told.append(f"# {kind} {message.headers[f':{kind}-type']} {message.payload.decode()}")
    assert told == [line for line in file.read_text(encoding="utf-8").split("\n") if line.startswith("#")]
