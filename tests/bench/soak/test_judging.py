"""What a client sees and what it had to see: every way to be wrong is noticed, on bytes that were written by hand."""

import json

import pytest

from bench.soak.asked import Question
from bench.soak.case import COMPLETED, Case, Reads
from bench.soak.judging import verdict
from sluice.testing import fake_filler
from sluice.verify.http_answer import AnswerReader
from sluice.verify.http_client import Heard, How

TEXT = "one two"
QUESTION = Question(client="chat", model="soak-chat", content=TEXT)
STREAM = Case(kind="stream", question=QUESTION, ends={"complete": COMPLETED})
FAILS = Case(kind="cut", question=QUESTION, ends={"failure": frozenset(["upstream_truncated"])})
REFUSED = Case(kind="refused", question=QUESTION, ends={"failure": frozenset(["upstream_error"])}, status=429)
LEAVES = Case(kind="leaves", question=QUESTION, ends={"complete": COMPLETED, "left": frozenset(["client_gone"])})
DEAF = Case(kind="deaf", question=QUESTION, ends={"cut": frozenset(["slow_reader"])}, floods=True)


def event(content: str = "", *, role: bool = False, finish: str | None = None) -> bytes:
    delta = ({"role": "assistant"} if role else {}) | ({"content": content} if content else {})
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


ROLE, ONE, TWO, STOP, DONE = event(role=True), event("one"), event(" two"), event(finish="stop"), b"data: [DONE]\n\n"
ERROR = b'data: {"error": {"message": "gone", "type": "api_error", "param": null, "code": null}}\n\n'
WHOLE = ROLE + ONE + TWO + STOP + DONE


def stream(body: bytes, *, ends: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%b\r\n" % (len(body), body) + (b"0\r\n\r\n" if ends else b"")


def error(status: int, *headers: str) -> bytes:
    body = b'{"error": {"message": "no", "type": "api_error", "param": null, "code": null}}'
    lines = [f"HTTP/1.1 {status} No", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def heard(data: bytes, how: How = "whole") -> Heard:
    answer = AnswerReader()
    answer.feed(data, 1.0)
    return Heard(answer=answer, how=how, asked_s=0.0, ended_s=1.0)


def saw(case: Case, data: bytes, how: How = "whole", *, crowded: bool = False) -> str:
    return verdict(case, heard(data, how), crowded=crowded).saw


def test_a_whole_answer_is_complete() -> None:
    assert saw(STREAM, stream(WHOLE)) == "complete"


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (stream(ROLE + ONE + STOP + DONE), "whole"),
        (stream(ROLE + ONE + TWO + TWO + STOP + DONE), "whole"),
        (stream(ROLE + ONE + TWO + STOP), "whole"),
        (stream(WHOLE + DONE), "whole"),
        (stream(ROLE + WHOLE), "whole"),
        (stream(WHOLE, ends=False), "closed"),
        (stream(ROLE + ONE + ERROR), "whole"),
        (error(502), "whole"),
        (b"", "refused"),
    ],
)
def test_what_is_not_whole_is_wrong_for_who_must_see_all(data: bytes, how: How) -> None:
    found = verdict(STREAM, heard(data, how), crowded=False)
    assert found.saw == "wrong"
    assert found.sentence


@pytest.mark.parametrize("data", [stream(ROLE + ONE + ERROR), stream(ERROR), error(502)])
def test_a_failure_that_is_told_is_one(data: bytes) -> None:
    assert saw(FAILS, data) == "failure"


@pytest.mark.parametrize(
    "data",
    [
        stream(WHOLE),
        stream(ROLE + ONE),
        stream(ROLE + ONE + DONE),
        stream(ROLE + ONE + ERROR + DONE),
        stream(ROLE + event("three") + ERROR),
        stream(ROLE + ONE + b"data: {half" + ERROR),
    ],
)
def test_a_failure_that_looks_like_success_or_says_too_much_is_wrong(data: bytes) -> None:
    assert saw(FAILS, data) == "wrong"


def test_a_failure_has_the_status_that_it_had() -> None:
    assert saw(REFUSED, error(429)) == "failure"
    assert saw(REFUSED, error(500)) == "wrong"
    assert saw(REFUSED, stream(ERROR)) == "failure"  # it was kept alive before: there is no status any more


def test_nobody_is_refused_but_in_a_crowd_and_then_is_told_when_to_come_back() -> None:
    full = error(503, "retry-after: 1")
    assert saw(STREAM, full, crowded=True) == "refused"
    assert saw(STREAM, full, crowded=False) == "wrong"
    assert saw(STREAM, error(503), crowded=True) == "wrong"


def test_who_leaves_has_the_beginning_of_the_text() -> None:
    assert saw(LEAVES, b"", "left") == "left"
    assert saw(LEAVES, stream(ROLE + ONE, ends=False), "left") == "left"
    assert saw(LEAVES, stream(ROLE + ONE + b"data: {half", ends=False), "left") == "left"
    assert saw(LEAVES, stream(WHOLE), "whole") == "complete"


@pytest.mark.parametrize(
    ("data", "how"),
    [
        (stream(ROLE + event("three"), ends=False), "left"),
        (stream(ROLE + ONE + ERROR, ends=False), "left"),
        (stream(ROLE + ONE + DONE, ends=False), "left"),
        (stream(ROLE + ONE, ends=False), "closed"),
        (error(502), "left"),
    ],
)
def test_who_leaves_must_not_have_been_told_anything_else(data: bytes, how: How) -> None:
    assert saw(LEAVES, data, how) == "wrong"


def test_who_reads_nothing_is_cut_in_the_middle() -> None:
    flood = stream(ROLE + ONE + TWO + event(fake_filler.PIECE) * 2, ends=False)
    assert saw(DEAF, flood, "reset") == "cut"
    assert saw(DEAF, flood, "waiting") == "wrong"
    assert saw(DEAF, stream(ROLE + ONE + TWO + event(fake_filler.PIECE) + STOP + DONE)) == "wrong"


def test_a_flood_is_the_text_and_whole_pieces() -> None:
    slow = Case(kind="slow", question=QUESTION, behaviour=Reads(), ends={"complete": COMPLETED}, floods=True)
    assert saw(slow, stream(ROLE + ONE + TWO + event(fake_filler.PIECE) * 3 + STOP + DONE)) == "complete"
    assert saw(slow, stream(ROLE + ONE + TWO + event(fake_filler.PIECE[:-1]) + STOP + DONE)) == "wrong"
