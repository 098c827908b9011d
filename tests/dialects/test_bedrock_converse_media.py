"""bedrock_converse/blocks.py: images, documents, sound and video, and what else is in a message."""

import re

import msgspec
import pytest

from sluice.chat.content import CacheMark, Media, Part, Text, ToolResult
from sluice.chat.seal import Reasoning, Seal
from sluice.dialects.bedrock_converse import BEDROCK_CONVERSE, blocks
from tests.dialects.converse import (
    CALL,
    CLAUDE,
    DATA,
    LLAMA,
    MARK,
    NOVA,
    OWN,
    WEATHER,
    Json,
    refused,
    said,
    service,
    talk,
    written,
)


def content(*parts: Part | str, model: str = CLAUDE) -> list[Json]:
    """The blocks of a user's message with these parts."""
    blocks: list[Json] = written(talk(said("user", *parts)), model)["messages"][0]["content"]
    return blocks


@pytest.mark.parametrize(
    ("media_type", "form"),
    [("image/png", "png"), ("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("IMAGE/GIF", "gif"), ("image/webp", "webp")],
)
def test_images(media_type: str, form: str) -> None:
    image = Media(kind="image", media_type=media_type, data=DATA)
    assert content(image) == [{"image": {"format": form, "source": {"bytes": DATA}}}]


@pytest.mark.parametrize(
    ("media_type", "name", "form"),
    [
        ("application/pdf", "a.pdf", "pdf"),
        ("text/plain; charset=utf-8", "", "txt"),
        ("text/x-python", "a.py", "txt"),
        ("application/json", "a.json", "txt"),
        ("", "A.DOCX", "docx"),
        ("application/octet-stream", "page.htm", "html"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "", "xlsx"),
    ],
)
def test_documents(media_type: str, name: str, form: str) -> None:
    (block,) = content(Media(kind="file", media_type=media_type, data=DATA, name=name))
    assert (block["document"]["format"], block["document"]["source"]) == (form, {"bytes": DATA})


def test_names_of_documents_are_harmless_and_unique() -> None:
    names = ["report.pdf", "report.pdf", "", "", "a  b\n_c.d!e", "Ünï.pdf", "x" * 300, "x" * 300, "report (2)"]
    pdfs = [Media(kind="file", media_type="application/pdf", data=DATA, name=name) for name in names]
    result = ToolResult(call_id="t1", name="f", parts=(pdfs[0],))
    body = written(talk(said("user", *pdfs, result), said("assistant", "ok"), said("user", pdfs[0])))
    blocks = [*body["messages"][0]["content"], *body["messages"][2]["content"]]
    blocks.append(blocks.pop(0)["toolResult"]["content"][0])  # results stand first, but are named in their turn
    got = [block["document"]["name"] for block in blocks]
    assert got[:6] == ["report", "report (2)", "document", "document (2)", "a b c d e", "n"]
    assert len(set(got)) == len(got)
    assert all(re.fullmatch(r"(?!.*  )[A-Za-z0-9 ()\[\]-]{1,200}", name) for name in got), got


def test_sound_and_video() -> None:
    sound = Media(kind="audio", media_type="audio/wav", data=DATA)
    film = Media(kind="video", media_type="video/quicktime", data=DATA)
    assert content(sound, film) == [
        {"audio": {"format": "wav", "source": {"bytes": DATA}}},
        {"video": {"format": "mov", "source": {"bytes": DATA}}},
    ]


@pytest.mark.parametrize(
    "media",
    [
        Media(kind="image", url="https://a.b/c.png"),
        Media(kind="image", file_id="f"),
        Media(kind="file", url="https://a.b/c.pdf"),
        Media(kind="file", file_id="f"),
        Media(kind="audio", url="https://a.b/c.wav"),
        Media(kind="video", file_id="f"),
        Media(kind="image", media_type="image/bmp", data=DATA),
        Media(kind="file", media_type="application/zip", data=DATA, name="a.zip"),
        Media(kind="audio", media_type="audio/midi", data=DATA),
        Media(kind="video", data=DATA),
    ],
)
def test_media_that_cannot_be_sent(media: Media) -> None:
    result = ToolResult(call_id="t", parts=(Text(text="a"), media))
    for message, place in ((said("user", "a", media), "content[1]"), (said("user", result), "content[0].content[1]")):
        error = refused(talk(said("user", "hi"), message))
        assert "cannot be sent to Amazon Bedrock Converse" in str(error)
        where = f"messages[1].{place}"
        assert (error.param == where) is bool(media.data or media.kind in ("audio", "video")), error.param


def test_every_format_is_one_of_the_api() -> None:
    for shape, formats in [
        ("ImageFormat", blocks._IMAGE),
        ("DocumentFormat", blocks._DOCUMENT),
        ("AudioFormat", blocks._AUDIO),
        ("VideoFormat", blocks._VIDEO),
    ]:
        official = service().shape_for(shape).enum
        assert set(formats.values()) <= set(official)


# -- seals ------------------------------------------------------------------------------------------------------------


def test_own_seals_are_written_byte_for_byte_and_in_their_place() -> None:
    body = written(
        talk(
            said("user", "hi"),
            said(
                "assistant",
                Reasoning("hm\n", Seal(OWN, "reasoning", "Eq+/=\u2028é")),
                Reasoning("", Seal(OWN, "redacted", DATA)),
                Reasoning("", Seal(OWN, "reasoning", "only")),
                CALL,
            ),
        )
    )
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm\n", "signature": "Eq+/=\u2028é"}}},
        {"reasoningContent": {"redactedContent": DATA}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "only"}}},
        {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"a": 1}}},
    ]


def test_foreign_seals_and_reasoning_without_a_seal_are_left_out() -> None:
    foreign = Seal("dialect.anthropic_messages", "reasoning", "sig")
    message = said("assistant", Reasoning("a", foreign), Reasoning("b"), Reasoning("", foreign), "c")
    assert written(talk(said("user", "hi"), message))["messages"][1]["content"] == [{"text": "c"}]


# -- cache marks ------------------------------------------------------------------------------------------------------
POINT = {"cachePoint": {"type": "default"}}

MARKED = talk(
    said("system", Text(text="s", cache=MARK)),
    said("user", Text(text="a", cache=CacheMark(ttl="1h")), Text(text="b", cache=CacheMark(ttl="5m"))),
    said("assistant", msgspec.structs.replace(CALL, cache=MARK)),
    said("user", ToolResult(call_id="t1", parts=(Text(text="r", cache=MARK),)), Text(text=" ", cache=MARK)),
    tools=(msgspec.structs.replace(WEATHER, cache=MARK),),
)


def test_marks_become_points_behind_what_they_mark() -> None:
    body = written(MARKED)
    assert body["system"] == [{"text": "s"}, POINT]
    assert body["toolConfig"]["tools"][1:] == [POINT]
    user, assistant, results = (message["content"] for message in body["messages"])
    assert user == [{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "b"}, POINT]
    assert assistant[1:] == [POINT]
    assert results == [{"toolResult": {"toolUseId": "t1", "content": [{"text": "r"}]}}, POINT]


def test_models_that_know_no_marks_get_none() -> None:
    assert b"cachePoint" not in BEDROCK_CONVERSE.write_conversation(MARKED, model=LLAMA, stream=True, ask_usage=True)
    nova = written(MARKED, NOVA)
    assert nova["system"][1:] == [POINT]
    assert POINT not in nova["toolConfig"]["tools"]


def test_a_mark_with_nothing_before_it_is_left_out() -> None:
    assert content(Text(text="", cache=MARK), "a") == [{"text": "a"}]


def test_the_whole_prompt_is_marked_at_its_end_if_there_is_room() -> None:
    assert written(talk(said("user", "a"), cache=CacheMark(ttl="1h")))["messages"][0]["content"] == [
        {"text": "a"},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ]
    full = talk(said("user", *(Text(text="x", cache=MARK) for _ in range(4)), "end"), cache=MARK)
    assert written(full)["messages"][0]["content"][-1] == {"text": "end"}
    assert written(talk(said("user", "a"), cache=MARK), LLAMA)["messages"][0]["content"] == [{"text": "a"}]
