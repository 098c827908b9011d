"""One record for every request, and its outcome is what happened: stream-life section 1, row by row."""

import asyncio

import msgspec
import pytest

from sluice.config.plan import AiBackend, Limits
from sluice.errors import Internal, UpstreamError
from sluice.gateway import answers
from sluice.policies.deadlines import Deadlines
from sluice.relay.actions import Action
from sluice.relay.outcome import Outcome
from sluice.relay.stream import StreamRelay
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, USAGE, WHOLE_STREAM, WORLD, completion, delta
from tests.support.http_answer import Answer, error_of
from tests.support.plans import ai, plan, route, to_provider
from tests.support.raw_client import CHAT, STREAM, STREAM_WITH_USAGE, get, request
from tests.support.raw_upstream import LAST, Call, Play, chunk, chunked_head, silent, sized, streamed, then_close
from tests.support.serving import Serving
from tests.support.world import World

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


async def ask(world: World, play: Play | bytes, body: bytes = STREAM, **clocks: float) -> tuple[Answer, Serving]:
    _, serving, client = await world.between(play, deadlines=Deadlines(**clocks))
    return await client.ask(request(body)), serving


# -- success -----------------------------------------------------------------------------------------------------------


async def test_a_stream_that_is_complete(world: World) -> None:
    answer, serving = await ask(world, streamed(*WHOLE_STREAM[:-1], USAGE, DONE))
    assert answer.body == b"".join(WHOLE_STREAM), "the usage that only Sluice asked for is not shown"
    record = await serving.record()
    assert (record.outcome, record.status, record.reason, record.error) == ("completed", 200, "Upstream", "")
    assert (record.finish_reason, record.streaming, record.stream.chunks, record.stream.tokens) == ("stop", True, 5, 2)
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.output_tokens) == (3, 2)
    assert (record.request_model, record.response_model, record.provider) == ("m", "m-1", "openai")


async def test_usage_is_shown_to_those_who_ask(world: World) -> None:
    answer, _ = await ask(world, streamed(*WHOLE_STREAM[:-1], USAGE, DONE), STREAM_WITH_USAGE)
    assert answer.body.endswith(STOP + USAGE + DONE)


async def test_a_whole_answer(world: World) -> None:
    answer, serving = await ask(world, sized(completion()), CHAT)
    assert answer.body == completion()
    assert answer.header("content-type") == "application/json"
    record = await serving.record()
    assert (record.outcome, record.status, record.streaming, record.finish_reason) == ("completed", 200, False, "stop")
    assert record.stream.first_token_s is None


async def test_bytes_after_done_are_ignored(world: World) -> None:
    answer, serving = await ask(world, streamed(*WHOLE_STREAM, HELLO, ERROR))
    assert answer.body == b"".join(WHOLE_STREAM)
    assert (await serving.record()).outcome == "completed"


async def test_a_connection_that_stalls_after_done_delays_nobody(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(b"".join(WHOLE_STREAM)))
        await call.gone()

    answer, serving = await ask(world, play)
    assert answer.body.endswith(DONE)
    assert (await serving.record()).outcome == "completed"


# -- what was asked for is what comes, whatever the provider sends -----------------------------------------------------


async def test_json_for_a_stream_becomes_a_stream(world: World) -> None:
    answer, serving = await ask(world, sized(completion("Hello")))
    assert answer.header("content-type").startswith("text/event-stream")
    assert b"Hello" in answer.body
    assert answer.body.endswith(DONE)
    assert (await serving.record()).outcome == "completed"


async def test_a_stream_for_json_becomes_json(world: World) -> None:
    answer, serving = await ask(world, streamed(*WHOLE_STREAM), CHAT)
    assert answer.header("content-type") == "application/json"
    choices = msgspec.convert(answer.json()["choices"], list[dict[str, object]])
    message = msgspec.convert(choices[0]["message"], dict[str, object])
    assert (message["role"], message["content"]) == ("assistant", "Hello world")
    record = await serving.record()
    assert (record.outcome, record.streaming) == ("completed", False)


async def test_a_stream_labelled_as_text_is_a_stream(world: World) -> None:
    raw = chunked_head(content_type="text/plain") + b"".join(map(chunk, WHOLE_STREAM)) + LAST
    answer, serving = await ask(world, raw)
    assert answer.body == b"".join(WHOLE_STREAM)
    assert (await serving.record()).outcome == "completed"


async def test_a_stream_that_never_says_its_length_is_complete_with_done(world: World) -> None:
    raw = b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + b"".join(WHOLE_STREAM)
    answer, serving = await ask(world, then_close(raw))
    assert answer.body == b"".join(WHOLE_STREAM)
    assert (await serving.record()).outcome == "completed"


# -- failures before the commit point: a real status -------------------------------------------------------------------

REFUSAL = b'{"error":{"message":"No.","type":"t","param":null,"code":"c"}}'


@pytest.mark.parametrize("body", [CHAT, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("raw", "status", "outcome", "code"),
    [
        (sized(REFUSAL, status="400 Bad Request"), 400, "upstream_error", "c"),
        (sized(REFUSAL, status="401 Unauthorized"), 401, "upstream_error", "c"),
        (sized(REFUSAL, status="429 Too Many Requests"), 429, "upstream_error", "c"),
        (sized(REFUSAL, status="500 Internal Server Error"), 500, "upstream_error", "c"),
        (sized(HTML, status="502 Bad Gateway", content_type="text/html"), 502, "upstream_error", "upstream_refused"),
        (sized(b"", status="503 Service Unavailable"), 503, "upstream_error", "upstream_refused"),
        (sized(HTML, content_type="text/html"), 502, "upstream_error", "upstream_protocol_error"),
        (sized(b"not json"), 502, "upstream_error", "upstream_protocol_error"),
        (sized(b""), 502, "upstream_error", "upstream_protocol_error"),
        (sized(b'{"choices":[]}'), 502, "upstream_error", "upstream_protocol_error"),
        (
            sized(b'{"error":{"message":"slow down","type":"rate_limit_error"}}'),
            429,
            "upstream_error",
            "upstream_in_band_error",
        ),
        (streamed(ERROR), 503, "upstream_error", "upstream_in_band_error"),
        (streamed(ROLE, ERROR), 503, "upstream_error", "upstream_in_band_error"),
        (streamed(DONE), 502, "upstream_truncated", "upstream_truncated"),
        (streamed(ROLE), 502, "upstream_truncated", "upstream_truncated"),
        (streamed(b": ping\n\n", b": ping\n\n"), 502, "upstream_truncated", "upstream_truncated"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
async def test_a_failure_before_the_first_token_is_a_status(
    world: World, raw: bytes, status: int, outcome: str, code: str, body: bytes
) -> None:
    answer, serving = await ask(world, raw, body)
    assert (answer.status, error_of(answer).code) == (status, code)
    record = await serving.record()
    assert (record.outcome, record.status) == (outcome, status)
    assert record.error == error_of(answer).message
    assert answer.header("x-request-id") == record.request_id
    assert serving.heard.metrics.streams_active == 0
    assert serving.gateway.exchanges == set()


async def test_an_html_page_is_cut_to_a_message(world: World) -> None:
    answer, _ = await ask(world, sized(HTML * 1000, status="502 Bad Gateway", content_type="text/html"))
    assert len(error_of(answer).message) <= 1024


# -- failures after it: one event, no success marker -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "outcome", "code"),
    [
        (chunk(ERROR) + LAST, "upstream_error", b'"upstream_in_band_error"'),
        (chunk(ERROR) + chunk(DONE) + LAST, "upstream_error", b'"upstream_in_band_error"'),
        (LAST, "upstream_truncated", b'"upstream_truncated"'),
        (b"zz\r\n", "upstream_truncated", b'"upstream_protocol_error"'),
        (chunk(b"data: {"), "upstream_truncated", b'"upstream_truncated"'),
    ],
    ids=["in-band error", "in-band error and [DONE]", "no terminator", "bad framing", "inside an event"],
)
async def test_a_failure_after_the_first_token_is_one_event(
    world: World, rest: bytes, outcome: str, code: bytes
) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head())
        await call.send_apart([chunk(ROLE + HELLO), rest])
        call.fin()

    answer, serving = await ask(world, play)
    assert answer.status == 200
    assert answer.body.startswith(ROLE + HELLO)
    last = answer.body[len(ROLE + HELLO) :]
    assert last.startswith(b'data: {"error":')
    assert code in last
    assert last.count(b"\n\n") == 1
    assert b"[DONE]" not in answer.body
    record = await serving.record()
    assert (record.outcome, record.status) == (outcome, 200)
    assert serving.metric("stream_outcomes_total", f'outcome="{outcome}"') == 1


async def test_a_malformed_event_crosses_and_is_counted(world: World) -> None:
    """Dialects, decision 17."""
    broken = b"data: {nonsense\n\n"
    answer, serving = await ask(world, streamed(ROLE, HELLO, broken, WORLD, STOP, DONE))
    assert answer.body == ROLE + HELLO + broken + WORLD + STOP + DONE
    record = await serving.record()
    assert (record.outcome, record.stream.malformed) == ("completed", 1)


async def test_an_event_beyond_its_limit_ends_the_stream(world: World) -> None:
    huge = delta(content="x" * 5000)
    upstream = await world.upstream(streamed(ROLE, HELLO, huge, STOP, DONE))
    serving = await world.gateway(upstream.port, limits=Limits(max_event_bytes=4096))
    client = await world.client(serving)
    answer = await client.ask(request(STREAM))
    assert b'"upstream_event_too_large"' in answer.body
    assert b"[DONE]" not in answer.body
    assert (await serving.record()).outcome == "upstream_error"


# -- clocks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total_s", [0.05, 0.1, 0.2])
async def test_the_total_clock_before_the_commit_point_is_504(world: World, total_s: float) -> None:
    """Lab A023: the body says `request timeout`, the duration is near the limit."""
    answer, serving = await ask(world, silent, CHAT, total_s=total_s)
    assert (answer.status, error_of(answer).code, error_of(answer).message) == (504, "timeout_total", "request timeout")
    record = await serving.record()
    assert (record.outcome, record.status, record.reason) == ("timeout", 504, "Timeout")
    assert total_s - 0.002 <= record.duration_s < total_s + 0.05
    assert serving.pool.open_connections == 0


async def test_the_clock_of_the_head_is_504(world: World) -> None:
    answer, serving = await ask(world, silent, CHAT, headers_s=0.05)
    assert (answer.status, error_of(answer).code) == (504, "timeout_headers")
    assert (await serving.record()).outcome == "timeout"


async def stalls_after(call: Call, *data: bytes) -> None:
    await call.request()
    call.send(chunked_head(), *map(chunk, data))
    await call.gone()


@pytest.mark.parametrize(
    ("clock", "code"),
    [("total_s", "timeout_total"), ("first_token_s", "timeout_first_token"), ("idle_s", "timeout_idle")],
)
async def test_a_clock_before_the_first_token_is_504(world: World, clock: str, code: str) -> None:
    answer, serving = await ask(world, lambda call: stalls_after(call, ROLE), STREAM, **{clock: 0.08})
    assert (answer.status, error_of(answer).code) == (504, code)
    assert (await serving.record()).outcome == "timeout"


@pytest.mark.parametrize(("clock", "code"), [("total_s", b"timeout_total"), ("idle_s", b"timeout_idle")])
async def test_a_clock_after_it_is_an_event(world: World, clock: str, code: bytes) -> None:
    answer, serving = await ask(world, lambda call: stalls_after(call, ROLE, HELLO), STREAM, **{clock: 0.08})
    assert answer.body.startswith(ROLE + HELLO)
    assert code in answer.body
    assert b"[DONE]" not in answer.body
    record = await serving.record()
    assert (record.outcome, record.status) == ("timeout", 200)


async def test_pings_reset_no_clock(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()
        call.send(chunked_head(), chunk(ROLE))
        while not call.writer.transport.is_closing():
            call.send(chunk(b": ping\n\n"))
            await asyncio.sleep(0.01)

    answer, _ = await ask(world, play, STREAM, idle_s=0.1)
    assert (answer.status, error_of(answer).code) == (504, "timeout_idle")


# -- the way there -----------------------------------------------------------------------------------------------------


async def test_a_provider_that_is_down_is_503(world: World) -> None:
    upstream = await world.upstream(b"")
    await upstream.close()
    serving = await world.gateway(upstream.port)
    answer = await (await world.client(serving)).ask(request())
    assert (answer.status, error_of(answer).code) == (503, "upstream_unreachable")
    record = await serving.record()
    assert (record.outcome, record.reason) == ("upstream_error", "UpstreamFailure")


async def test_a_provider_that_closes_before_it_answers_is_502(world: World) -> None:
    async def play(call: Call) -> None:
        await call.request()

    answer, serving = await ask(world, play)
    assert (answer.status, error_of(answer).code) == (502, "upstream_truncated")
    assert (await serving.record()).outcome == "upstream_truncated"


# -- the client's own --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "status", "code", "param"),
    [
        (get("/nowhere"), 404, "route_not_found", None),
        (request(b"{"), 400, "invalid_request_body", None),
        (request(b""), 400, "invalid_request_body", None),
        (request(b'{"model":"m"}'), 400, "invalid_request_body", "messages"),
        (request(b'{"model":"m","messages":[{}]}'), 400, "invalid_request_body", "messages[0]"),
        (request(CHAT[:-1] + b',"stream":"true"}'), 400, "invalid_request_body", "stream"),
        (get("/openai"), 405, "method_not_allowed", None),
    ],
    ids=["no route", "no JSON", "no body", "no messages", "no role", "stream as text", "GET"],
)
async def test_a_wrong_request_is_rejected_and_asks_nobody(
    world: World, data: bytes, status: int, code: str, param: str | None
) -> None:
    upstream, serving, client = await world.between(sized(completion()))
    answer = await client.ask(data)
    error = error_of(answer)
    assert (answer.status, error.code, error.param) == (status, code, param)
    record = await serving.record()
    assert (record.outcome, record.status) == ("rejected", status)
    assert upstream.asked == []
    assert (await client.ask(request())).status == 200, "the connection is still good"


async def test_a_model_that_nobody_serves(world: World) -> None:
    upstream = await world.upstream(sized(completion()))
    whole = to_provider(upstream.port)
    (model,) = whole.models
    backend: AiBackend = model.backend
    chosen = msgspec.structs.replace(whole, models=(msgspec.structs.replace(model, pattern="gpt-*"),))
    assert backend
    serving = await world.gateway(chosen)
    client = await world.client(serving)
    answer = await client.ask(request(path="/v1/chat/completions"))
    assert (answer.status, error_of(answer).code, error_of(answer).param) == (404, "model_not_found", "model")
    found = await client.ask(request(CHAT.replace(b'"m"', b'"gpt-4"'), path="/v1/chat/completions"))
    assert found.status == 200


async def test_a_route_without_a_backend_and_one_that_did_not_resolve(world: World) -> None:
    serving = await world.gateway(plan(route("/none"), route("/lost", None), route("/zero", ai(1), weights=[0])))
    client = await world.client(serving)
    statuses = [(await client.ask(request(path=path))).status for path in ("/none", "/lost", "/zero")]
    assert statuses == [503, 500, 503]


# -- our own -----------------------------------------------------------------------------------------------------------


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
