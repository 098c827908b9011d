"""What clients of each version send means the same to us; what is wrong is named by its place."""

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.agent_server.a2a_reading import Sent, read_sent
from sluice.errors import BadRequest
from sluice.runs.messages import DataPart, FilePart, Part, TextPart
from sluice.runs.projections.a2a import WORDS as WORDS_10
from sluice.runs.projections.a2a_03 import WORDS as WORDS_03
from sluice.runs.projections.a2a_03_rest import WORDS as WORDS_03_REST

JSON = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FILES = st.builds(
    lambda body: FilePart(url=f"data:a/b;base64,{b64encode(body).decode()}", media_type="a/b", name="n"), st.binary()
)
PARTS = st.one_of(
    st.builds(TextPart, text=st.text(max_size=9)),
    st.builds(DataPart, data=JSON, name=st.sampled_from(["", "n"])),
    FILES,
    st.just(FilePart(url="https://x/y", media_type="a/b")),
)


@given(parts=st.lists(PARTS, min_size=1, max_size=4), words=st.sampled_from([WORDS_10, WORDS_03, WORDS_03_REST]))
def test_what_we_write_in_a_version_we_read_back_from_it(parts: list[Part], words: Any) -> None:
    told = [words.part(part) for part in parts]
    member = "content" if words is WORDS_03_REST else "parts"
    message = {"messageId": "m", "role": "ROLE_USER", member: told}
    sent = read_sent({"message": message}, nested=words is WORDS_03_REST)
    assert list(sent.message.parts) == parts


def sent(**fields: Any) -> Sent:
    message = {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hi"}]}
    return read_sent({"message": message | fields})


def test_names_may_be_in_snake_case_as_the_older_client_writes_them() -> None:
    body = {
        "request": {
            "message_id": "m",
            "context_id": "c",
            "task_id": "t",
            "role": "ROLE_USER",
            "content": [{"file": {"file_with_uri": "https://x/y", "mime_type": "a/b"}}, {"data": {"data": {"n": 1}}}],
        },
        "configuration": {"blocking": False, "history_length": 2},
    }
    read = read_sent(body, nested=True)
    assert (read.message.id, read.context_id, read.task_id) == ("m", "c", "t")
    assert read.message.parts == (FilePart(url="https://x/y", media_type="a/b"), DataPart(data={"n": 1}))
    assert (read.at_once, read.history_length) == (True, 2)


def test_bytes_that_stand_in_base64_once_only_are_taken_too() -> None:
    body = {"role": "user", "content": [{"file": {"fileWithBytes": b64encode(b"\xff\xfe").decode()}}]}
    (part,) = read_sent({"message": body}, nested=True).message.parts
    assert part == FilePart(url="data:application/octet-stream;base64,//4=")


def test_what_stands_beside_the_parts_is_kept_as_it_came_and_told_again() -> None:
    security = {"mode": "sage", "agentDid": "did:sage:1", "signature": {"algorithm": "x"}}
    read = sent(extensions=["u"], referenceTaskIds=["t"], security=security, metadata={"k": 1})
    assert read.message.metadata["k"] == 1
    again = WORDS_03.message(read.message, "t", "c")
    assert (again["extensions"], again["referenceTaskIds"], again["security"]) == (["u"], ["t"], security)
    assert again["metadata"] == {"k": 1}
    assert "security" not in WORDS_10.message(read.message, "t", "c")


def test_a_message_without_an_id_gets_one_and_no_two_alike() -> None:
    one, two = sent(messageId=None), sent(messageId=None)
    assert one.message.id
    assert one.message.id != two.message.id


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"role": None}, "params.message.role"),
        ({"role": "ROLE_AGENT"}, "params.message.role"),
        ({"parts": None}, "params.message.content"),
        ({"parts": "hi"}, "params.message.parts"),
        ({"parts": ["hi"]}, "params.message.parts[0]"),
        ({"parts": [{"text": "a"}, {"kind": "text"}]}, "params.message.parts[1]"),
        ({"parts": [{"kind": "file", "file": {"bytes": "%"}}]}, "params.message.parts[0].file.bytes"),
        ({"parts": [{"raw": "%"}]}, "params.message.parts[0].raw"),
        ({"parts": [{"kind": "file", "file": {"name": "x"}}]}, "params.message.parts[0].file"),
        ({"parts": [{"url": 1}]}, "params.message.parts[0].url"),
        ({"metadata": []}, "params.message.metadata"),
        ({"contextId": 1}, "params.message.contextId"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(BadRequest) as told:
        sent(**fields)
    assert told.value.param == place
