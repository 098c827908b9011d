"""One record for every request, and its outcome is what happened: stream-life section 1, row by row."""

import msgspec
import pytest

from sluice.policies.streaming import Streaming
from tests.gateway.asking import ask
from tests.support.events import DONE, ERROR, HELLO, ROLE, STOP, USAGE, WHOLE_STREAM, WORLD, completion, delta
from tests.support.http_answer import error_of
from tests.support.raw_client import CHAT, STREAM, STREAM_WITH_USAGE, request
from tests.support.raw_upstream import LAST, Call, chunk, chunked_head, sized, streamed, then_close
from tests.support.world import World

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


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
    serving = await world.gateway(upstream.port, streaming=Streaming(max_event_bytes=4096))
    client = await world.client(serving)
    answer = await client.ask(request(STREAM))
    assert b'"upstream_event_too_large"' in answer.body
    assert b"[DONE]" not in answer.body
    assert (await serving.record()).outcome == "upstream_error"
