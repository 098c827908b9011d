"""4 official clients x 5 providers x the ways in which an answer goes wrong: the client reports a failure in each, and
a success in every answer that is whole.

What the fake provider does wrong is prescribed in the user's message and so survives every translation. Each cell is
asked twice, event by event and with the client's accumulator, and counted: a record for each request.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from sluice.errors import Unavailable
from sluice.policies.deadlines import Deadlines
from sluice.policies.streaming import Streaming
from sluice.relay.outcome import Outcome
from tests.journeys.listen import FAILURES, UNREADABLE, Heard, Listener
from tests.journeys.matrix import PAIRS, Json, Matrix, running
from tests.journeys.talk import Talk
from tests.support.waiting import until

WORDS = "one two three four five six seven eight nine ten"
FIRST = {"chat": 1, "responses": 4, "messages": 3, "gemini": 0, "converse": 1}
"""Which event of each provider has the first word; each of the next nine has one more."""
FIVE = " ".join(WORDS.split()[:5])


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One way to fail, and what has to be seen of it."""

    fault: Json
    outcome: str
    text: str = ""
    """What the client has by then; none = it has a status, and not a stream."""


def failing(provider: str) -> dict[str, Cell]:
    """Answers that are not whole."""
    first = FIRST[provider]
    middle = first + 5
    error = {"status": 503, "message": "No more."}
    cut, failed, late = "upstream_truncated", "upstream_error", "timeout"
    return {
        "closed before the head": Cell(fault={"end": "fin"}, outcome=cut),
        "reset before the head": Cell(fault={"end": "rst"}, outcome=cut),
        "a 200 with nothing in it": Cell(fault={"empty": True}, outcome=cut),
        "closed before the first word": Cell(fault={"at": {"event": first}, "end": "fin"}, outcome=cut),
        "reset before the first word": Cell(fault={"at": {"event": first}, "end": "rst"}, outcome=cut),
        "silent before the first word": Cell(fault={"at": {"event": first}, "end": "stall"}, outcome=late),
        "an error before the first word": Cell(fault={"error": error}, outcome=failed),
        "nonsense before the first word": Cell(fault={"malformed": 0}, outcome=failed),
        "a page instead of a stream": Cell(
            fault={"status": 200, "body": "<html>", "content_type": "text/html"}, outcome=failed
        ),
        "closed between two events": Cell(fault={"at": {"event": middle}, "end": "fin"}, outcome=cut, text=FIVE),
        "reset between two events": Cell(fault={"at": {"event": middle}, "end": "rst"}, outcome=cut, text=FIVE),
        "closed inside an event": Cell(
            fault={"at": {"event": middle, "byte": 20}, "end": "fin"}, outcome=cut, text=FIVE
        ),
        "silent between two events": Cell(fault={"at": {"event": middle}, "end": "stall"}, outcome=late, text=FIVE),
        "an error in the middle": Cell(fault={"error": error | {"at": middle}}, outcome=failed, text=FIVE),
        "nonsense in the middle": Cell(fault={"malformed": middle}, outcome=failed, text=FIVE),
        "a clean end without a finish reason": Cell(fault={"finish": False}, outcome=cut, text=WORDS),
        "a finish reason without a terminator": Cell(fault={"terminator": False}, outcome=cut, text=WORDS),
    }


def odd(client: str, provider: str) -> dict[str, Json]:
    """Answers that are whole, however they come."""
    found: dict[str, Json] = {
        "as usual": {},
        "byte by byte": {"write_bytes": 1},
        "compressed": {"gzip": True},
        "without usage": {"usage": False},
    }
    # Converse has no lines; Google sends no comments, and its own client, which gets these bytes, raises on one.
    if provider != "converse" and (client, provider) != ("gemini", "gemini"):
        found["with pings"] = {"pings": True, "gap_ms": 2}
        found["with other line ends, a BOM and comments"] = {"newline": "cr", "bom": True, "comments": 2}
    return found


def question(fault: Json) -> str:
    return f"[[fake {json.dumps({'content': WORDS, 'fault': fault})}]]"


@pytest.fixture
async def matrix() -> AsyncIterator[Matrix]:
    async with running(deadlines=Deadlines(idle_s=0.1), streaming=Streaming(keep_alive_s=0)) as one:
        yield one


@pytest.fixture
async def unhurried() -> AsyncIterator[Matrix]:
    """A gateway that waits for an event as long as that takes: one of some kilobytes, byte by byte, takes its time."""
    async with running(streaming=Streaming(keep_alive_s=0)) as one:
        yield one


@pytest.fixture
async def patient() -> AsyncIterator[Matrix]:
    """A gateway that opens the answer as soon as its client has waited for a moment."""
    async with running(streaming=Streaming(keep_alive_s=0.02, commit_after_s=0.02)) as one:
        yield one


pairs = pytest.mark.parametrize(("client", "provider"), PAIRS)


def check(cell: Cell, heard: Heard, what: object) -> None:
    assert heard.end == "failed", what
    assert not heard.marked, what
    assert heard.text == cell.text, what
    if not cell.text:
        assert heard.status >= 500, what
        assert heard.begins == 0, what
    else:
        assert heard.begins == 1, what


async def raised(talk: Talk, fault: Json, *, stream: bool) -> BaseException | None:
    """Ask with the client's own accumulator, or for a whole answer; return what it raises."""
    talk.forget()
    talk.user(question(fault))
    try:
        said = await talk.ask(stream=stream)
    except (*FAILURES, UNREADABLE) as error:
        return error
    assert (said.text, said.finish) == (WORDS, talk.finishes["stop"])
    return None


@pairs
async def test_a_stream_that_is_not_whole_is_a_failure(matrix: Matrix, client: str, provider: str) -> None:
    records, talk = 0, matrix.talk(client, provider)
    async with Listener(client, matrix.url(provider)) as listener:
        for name, cell in failing(provider).items():
            check(cell, await listener.hear(question(cell.fault)), name)
            assert await raised(talk, cell.fault, stream=True) is not None, name
            records += 2
            await matrix.record(records)
            # Mirrored, it is the client who finds that the provider's bytes are no JSON; and so it does.
            mirrored = client == provider and name == "nonsense in the middle"
            for record in matrix.serving.records[-2:]:
                assert record.outcome == ("completed" if mirrored else cell.outcome), name
                assert not mirrored or record.stream.malformed == 1
                assert (record.status == 200) is bool(cell.text), name
    assert matrix.fake.seen == records


@pairs
async def test_a_whole_answer_that_is_not_whole_is_a_failure(matrix: Matrix, client: str, provider: str) -> None:
    faults: list[Json] = [
        {"end": "fin"},
        {"end": "rst"},
        {"empty": True},
        {"at": {"byte": 40}, "end": "fin"},
        {"at": {"byte": 40}, "end": "rst"},
        {"at": {"byte": 40}, "end": "stall"},
        {"malformed": 0},
        {"error": {"status": 503, "message": "No more."}},
        {"status": 200, "body": "<html>", "content_type": "text/html"},
    ]
    talk = matrix.talk(client, provider)
    for fault in faults:
        error = await raised(talk, fault, stream=False)
        assert error is not None, fault
        assert talk.error(error)[0] >= 500, fault
    await matrix.record(len(faults))
    assert all(record.status >= 500 for record in matrix.serving.records)
    assert "completed" not in {record.outcome for record in matrix.serving.records}
    assert matrix.fake.seen == len(faults)


@pairs
async def test_an_answer_that_is_whole_is_a_success_however_it_comes(
    unhurried: Matrix, client: str, provider: str
) -> None:
    faults = odd(client, provider)
    async with Listener(client, unhurried.url(provider)) as listener:
        for name, fault in faults.items():
            heard = await listener.hear(question(fault))
            assert (heard.end, heard.text, heard.begins) == ("succeeded", WORDS, 1), (name, heard)
    await unhurried.record(len(faults))
    assert {record.outcome for record in unhurried.serving.records} == {"completed"}
    assert unhurried.fake.seen == len(faults)


@pairs
async def test_behind_keep_alives_a_failure_is_an_event_and_a_success_is_one(
    patient: Matrix, client: str, provider: str
) -> None:
    """The client has its 200 before anything is known of the answer."""
    error = {"status": 503, "message": "No more."}
    faults: list[Json] = [{"end": "rst"}, {"status": 503}, {"error": error}, {"empty": True}, {"malformed": 0}]
    talk = patient.talk(client, provider)
    async with Listener(client, patient.url(provider)) as listener:
        for fault in faults:
            slow = fault | {"head_delay_ms": 40}
            heard = await listener.hear(question(slow))
            assert (heard.end, heard.marked, heard.text) == ("failed", False, ""), (fault, heard)
            assert await raised(talk, slow, stream=True) is not None, fault
        whole = await listener.hear(question({"head_delay_ms": 40}))
        assert (whole.end, whole.text, whole.begins) == ("succeeded", WORDS, 1)
    last = await patient.record(2 * len(faults) + 1)
    assert last.outcome == "completed"
    assert {record.status for record in patient.serving.records} == {200}, "the log has another status than was sent"
    assert {record.outcome for record in patient.serving.records[:-1]} == {"upstream_truncated", "upstream_error"}


@pairs
@pytest.mark.parametrize("begun", [False, True])
async def test_a_stream_that_a_shutdown_cuts_is_a_failure(
    matrix: Matrix, client: str, provider: str, begun: bool
) -> None:
    """What the process does at its deadline."""
    cell = Cell(fault={}, outcome="drained", text=FIVE if begun else "")
    event = FIRST[provider] + (5 if begun else 0)
    asked = question({"gap_ms": [0] * event + [60_000], "tag": "cut"})
    gateway = matrix.serving.gateway
    async with Listener(client, matrix.url(provider)) as listener, asyncio.TaskGroup() as tasks:
        hearing = tasks.create_task(listener.hear(asked))
        await until(lambda: any(sight.events == event for sight in matrix.fake.seen_of(tag="cut")))
        if begun:
            await until(lambda: {exchange.account.sent_status for exchange in gateway.exchanges} == {200})
        gateway.cut_all(Outcome("drained", Unavailable("the server is shutting down")))
    heard = hearing.result()
    check(cell, heard, "drained")
    assert "shutting down" in heard.said
    assert begun or heard.status == 503
    assert (await matrix.record(1)).outcome == "drained"
    await until(lambda: matrix.fake.aborted == 1)
