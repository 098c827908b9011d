"""A fault of ours ends one exchange as `internal`, with a record and nothing left open, and no other with it."""

from collections.abc import Sequence

import msgspec
import pytest

from sluice.errors import Internal, Unavailable, UpstreamError
from sluice.gateway import answers
from sluice.gateway.reply import Reply
from sluice.net import answer as client_side
from sluice.policies.admission import Admission
from sluice.policies.deadlines import Deadlines
from sluice.relay.actions import Action
from sluice.relay.outcome import Outcome
from sluice.relay.stream import StreamRelay
from sluice.wire.http1 import Header, fields
from tests.gateway.asking import ask
from tests.gateway.test_failover import after, target
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, WHOLE_STREAM, WORLD, completion
from tests.support.http_answer import error_of
from tests.support.plans import ai, plan, route, static, to_provider
from tests.support.raw_client import CHAT, STREAM, get, request
from tests.support.raw_upstream import LAST, Call, Play, answering, chunk, chunked_head, silent, sized, streamed
from tests.support.serving import Serving
from tests.support.waiting import until
from tests.support.world import World


class Broken(StreamRelay):
    """A relay with a fault of ours in one of its verbs."""

    def feed(self, chunk: bytes, now: float) -> list[Action]:
        if b"world" in chunk:
            raise ZeroDivisionError("ours")
        return super().feed(chunk, now)


async def test_a_fault_in_the_relay_before_the_answer_is_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "StreamRelay", Broken)
    answer, serving = await ask(world, streamed(WORLD))
    assert (answer.status, error_of(answer).code) == (500, Internal.code)
    assert "ours" not in answer.body.decode()
    await internal(serving)


async def test_a_fault_in_the_relay_after_it_is_an_event(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "StreamRelay", Broken)

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head())
        await call.send_apart([chunk(HELLO), chunk(WORLD)])
        await call.gone()

    answer, serving = await ask(world, play)
    assert answer.body.startswith(HELLO)
    assert b'"internal_error"' in answer.body
    await internal(serving)


class Faulty(StreamRelay):
    """A relay that was ended by a fault, whatever it is told; `deaf` cannot even be cut."""

    deaf = False

    def eof(self, now: float) -> list[Action]:
        raise ZeroDivisionError("eof")

    def broke(self, error: UpstreamError, now: float) -> list[Action]:
        raise ZeroDivisionError("broke")

    def tick(self, now: float) -> list[Action]:
        raise ZeroDivisionError("tick")

    def client_gone(self, now: float) -> list[Action]:
        raise ZeroDivisionError("client_gone")

    def cut(self, outcome: Outcome, now: float) -> list[Action]:
        if self.deaf:
            raise ZeroDivisionError("cut")
        return super().cut(outcome, now)


@pytest.mark.parametrize("deaf", [False, True])
@pytest.mark.parametrize("verb", ["eof", "broke", "tick", "client_gone"])
async def test_a_fault_in_any_verb_ends_one_exchange_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: str, deaf: bool
) -> None:
    monkeypatch.setattr(answers, "StreamRelay", Faulty)
    monkeypatch.setattr(Faulty, "deaf", deaf)

    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(HELLO))
        if verb == "eof":
            call.send(LAST)
        elif verb == "broke":
            call.fin()
        await call.gone()

    clocks = Deadlines(idle_s=0.05 if verb == "tick" else 60.0)
    _, serving, client = await world.between(play, deadlines=clocks)
    client.send(request(STREAM))
    await client.read_until(HELLO)
    if verb == "client_gone":
        client.close()
    elif deaf:
        assert await client.rest() == b"\r\n", "cut after the chunk that was sent"
    else:
        assert b'"internal_error"' in await client.read_until(b"\r\n0\r\n\r\n")
    await internal(serving)


async def internal(serving: Serving) -> None:
    """The fault is in the log, the record says `internal`, and nothing is left open."""
    record = await serving.record()
    assert record.outcome == "internal"
    (fault,) = serving.heard.faults
    assert isinstance(fault, ZeroDivisionError)
    serving.heard.faults.clear()
    assert serving.pool.open_connections == serving.pool.resting_connections
    assert serving.heard.metrics.streams_active == 0


async def test_a_fault_before_the_relay_is_500(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(answers, "chat_relay", fail)
    answer, serving = await ask(world, streamed(*WHOLE_STREAM))
    assert (answer.status, error_of(answer).code) == (500, Internal.code)
    await internal(serving)


async def test_a_coding_that_nobody_can_read_is_502_and_leaves_nothing_open(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head("Content-Encoding: br"), chunk(b"\x0b\x02\x80"))
        await call.gone()

    answer, serving = await ask(world, play)
    assert (answer.status, error_of(answer).code) == (502, "upstream_protocol_error")
    assert (await serving.record()).outcome in ("upstream_error", "upstream_truncated")
    assert serving.pool.open_connections == 0


# -- where an answer's head is written ---------------------------------------------------------------------------------


async def in_pieces(call: Call) -> None:
    """A stream whose first token comes long before its end."""
    await call.request()
    call.send(chunked_head(), chunk(HELLO))
    await call.gone()


HEADS: dict[str, tuple[Play | bytes, bytes]] = {
    "a whole answer": (sized(completion()), request(CHAT)),
    "a stream that is here at once": (streamed(*WHOLE_STREAM), request(STREAM)),
    "a stream's first token": (in_pieces, request(STREAM)),
    "a refusal": (sized(b"{}", status="400 X"), request(CHAT)),
    "a failure before the first token": (streamed(ERROR), request(STREAM)),
    "plain HTTP": (sized(b"page"), request(path="/page")),
    "plain HTTP, in pieces": (in_pieces, request(path="/page")),
    "plain HTTP without a body": (sized(b""), request(path="/page")),
    "no such route": (b"", get("/nowhere")),
    "bytes that are no request": (b"", b"nonsense\r\n\r\n"),
    "the list of models": (b"", get("/v1/models")),
}


@pytest.mark.parametrize("name", HEADS)
async def test_a_head_that_cannot_be_written_ends_its_exchange_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    play, asked = HEADS[name]
    upstream = await world.upstream(play)
    models = msgspec.structs.replace(route("/v1/models"), answer="model_list")
    entries = (route("/openai", ai(upstream.port)), route("/page", static(upstream.port)), models)
    serving = await world.gateway(plan(*entries, admission=Admission(max_concurrent=1, max_queue=0)))
    with monkeypatch.context() as broken:
        broken.setattr(client_side, "fields", ours)
        client = await world.client(serving)
        client.send(asked)
        assert await client.rest() == b"", "cut, and nothing that could be taken for an answer"
        await cut_as_internal(serving)
    client = await world.client(serving)
    await client.ask(get("/nowhere"), "GET")
    assert (await serving.record(2)).status == 404, "there is room at the door again"


def ours(headers: object) -> bytes:
    raise ValueError("ours")


async def cut_as_internal(serving: Serving) -> None:
    """There is one record, of a fault, and nothing is left open."""
    record = await serving.record()
    assert (record.outcome, record.error_code) == ("internal", Internal.code)
    assert serving.heard.faults
    assert {type(fault) for fault in serving.heard.faults} == {ValueError}
    serving.heard.faults.clear()
    await until(lambda: serving.pool.open_connections == serving.pool.resting_connections)
    assert serving.heard.metrics.streams_active == 0
    assert serving.gateway.exchanges == set()


async def test_nor_does_one_that_is_cut_while_nobody_has_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream, serving, client = await world.between(silent)
    client.send(request(CHAT))
    await until(lambda: len(upstream.asked) == 1)
    monkeypatch.setattr(client_side, "fields", ours)
    serving.gateway.cut_all(Outcome("drained", Unavailable("the server is shutting down")))
    assert await client.rest() == b""
    await cut_as_internal(serving)


@pytest.mark.parametrize("name", ["a whole answer", "a stream's first token", "plain HTTP", "no such route"])
async def test_nor_does_one_whose_headers_fail_only_once(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A second try must not write a body without its head."""
    play, asked = HEADS[name]
    upstream = await world.upstream(play)
    entries = (route("/openai", ai(upstream.port)), route("/page", static(upstream.port)))
    serving = await world.gateway(plan(*entries))
    times = iter((True,))

    def once(headers: Sequence[Header]) -> bytes:
        return ours(headers) if next(times, False) else fields(headers)

    monkeypatch.setattr(client_side, "fields", once)
    client = await world.client(serving)
    client.send(asked)
    assert await client.rest() == b""
    await cut_as_internal(serving)


async def test_a_fault_before_the_head_is_begun_is_no_reason_to_ask_another_target(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(reply: Reply, *args: object) -> None:
        raise ValueError("ours")

    monkeypatch.setattr(Reply, "start", start)
    upstream = await world.upstream(answering(streamed(HELLO, STOP, DONE)))
    serving = await world.gateway(upstream.port)
    client = await world.client(serving)
    client.send(request(STREAM))
    assert await client.rest() == b""
    await cut_as_internal(serving)
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("both_said", [True, False], ids=["the first is told", "the last is told"])
async def test_nor_does_a_failure_of_the_last_of_several_targets(
    world: World, monkeypatch: pytest.MonkeyPatch, both_said: bool
) -> None:
    """By the time that its head cannot be written the last answer has been given up."""
    said = sized(b'{"error":{"message":"slow down"}}', status="429 X")
    first = await world.upstream(said if both_said else streamed(ROLE))
    second = await world.upstream(streamed(ROLE))
    backend = after(target("first", first.port), target("second", second.port))
    serving = await world.gateway(to_provider(0, backend=backend, admission=Admission(max_concurrent=1, max_queue=0)))
    with monkeypatch.context() as broken:
        broken.setattr(client_side, "fields", ours)
        client = await world.client(serving)
        client.send(request(STREAM))
        assert await client.rest() == b""
        await cut_as_internal(serving)
    client = await world.client(serving)
    await client.ask(request(STREAM))
    record = await serving.record(2)
    assert (record.outcome, record.attempts) == ("upstream_error" if both_said else "upstream_truncated", 2)
