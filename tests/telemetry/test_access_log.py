"""The line about an exchange: exact, and exactly one."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.usage import Usage
from sluice.policies.observing import UNOBSERVED, Observed
from sluice.relay.record import ExchangeRecord, RequestParams, Route, StreamFacts
from sluice.telemetry.access_log import MAX_LINE_BYTES, MAX_WIDE_BYTES, AccessLog, fields
from sluice.telemetry.line import UNPRINTABLE, Format, one_word
from sluice.telemetry.process_log import Threshold

from .records import NOT_FOUND, PLAIN, ROUTE, STREAM, plain, stream

STREAM_JSON = (
    '{"level":"info","time":"2025-12-12T21:56:02.809082Z","scope":"request","request.id":"req-1",'
    '"gateway":"agentgateway-system/agentgateway-proxy","listener":"http","route":"agentgateway-system/openai",'
    '"endpoint":"api.openai.com:443","src.addr":"127.0.0.1:60862","http.method":"POST","http.host":"localhost:8080",'
    '"http.path":"/v1/chat/completions","http.version":"HTTP/1.1","http.status":200,'
    '"trace.id":"0af7651916cd43dd8448eb211c80319c","span.id":"b7ad6b7169203331","protocol":"llm",'
    '"gen_ai.operation.name":"chat","gen_ai.provider.name":"openai","gen_ai.request.model":"gpt-4o-mini",'
    '"gen_ai.response.model":"gpt-4o-mini-2024-07-18","gen_ai.usage.input_tokens":68,'
    '"gen_ai.usage.output_tokens":298,"agw.ai.time_to_first_token":0.312346,"agw.ai.time_per_output_token":0.006356,'
    '"agw.ai.usage.cost.total":0.0,'
    '"gen_ai.request.temperature":0.7,"gen_ai.request.max_tokens":100,"llm.streaming":true,'
    '"stream.outcome":"completed","stream.chunks":300,"gen_ai.response.finish_reason":"stop","reason":"Upstream",'
    '"duration":"2242ms"}\n'
)

STREAM_TEXT = (
    "2025-12-12T21:56:02.809082Z info request request.id=req-1 gateway=agentgateway-system/agentgateway-proxy "
    "listener=http route=agentgateway-system/openai endpoint=api.openai.com:443 src.addr=127.0.0.1:60862 "
    "http.method=POST http.host=localhost:8080 http.path=/v1/chat/completions http.version=HTTP/1.1 http.status=200 "
    "trace.id=0af7651916cd43dd8448eb211c80319c span.id=b7ad6b7169203331 protocol=llm gen_ai.operation.name=chat "
    "gen_ai.provider.name=openai gen_ai.request.model=gpt-4o-mini gen_ai.response.model=gpt-4o-mini-2024-07-18 "
    "gen_ai.usage.input_tokens=68 gen_ai.usage.output_tokens=298 agw.ai.time_to_first_token=0.312346 "
    "agw.ai.time_per_output_token=0.006356 agw.ai.usage.cost.total=0.0 gen_ai.request.temperature=0.7 "
    "gen_ai.request.max_tokens=100 "
    "llm.streaming=true stream.outcome=completed stream.chunks=300 gen_ai.response.finish_reason=stop "
    "reason=Upstream duration=2242ms\n"
)

NOT_FOUND_JSON = (
    '{"level":"info","time":"1970-01-01T00:00:00.000400Z","scope":"request","request.id":"req-2","http.method":"GET",'
    '"http.path":"/nowhere","http.version":"HTTP/1.1","http.status":404,"trace.id":"4bf92f3577b34da6a3ce929d0e0e4736",'
    '"span.id":"00f067aa0ba902b7","protocol":"http","stream.outcome":"rejected","error":"no route matches",'
    '"reason":"NotFound","duration":"0ms"}\n'
)

NOT_FOUND_TEXT = (
    "1970-01-01T00:00:00.000400Z info request request.id=req-2 http.method=GET http.path=/nowhere "
    "http.version=HTTP/1.1 http.status=404 trace.id=4bf92f3577b34da6a3ce929d0e0e4736 span.id=00f067aa0ba902b7 "
    'protocol=http stream.outcome=rejected error="no route matches" reason=NotFound duration=0ms\n'
)

ALL_KEYS = """
level time scope request.id gateway listener route_rule route endpoint src.addr http.method http.host
http.path http.version http.status trace.id span.id protocol gen_ai.operation.name gen_ai.provider.name
gen_ai.request.model gen_ai.response.model gen_ai.usage.input_tokens gen_ai.usage.cache_creation.input_tokens
gen_ai.usage.cache_read.input_tokens gen_ai.usage.output_tokens gen_ai.usage.reasoning_tokens
agw.ai.time_to_first_token agw.ai.time_per_output_token agw.ai.usage.cost.total gen_ai.usage.input_audio_tokens
gen_ai.usage.output_audio_tokens gen_ai.request.temperature gen_ai.request.top_p gen_ai.request.max_tokens
gen_ai.request.frequency_penalty gen_ai.request.presence_penalty gen_ai.request.seed llm.streaming stream.outcome
timeout.phase stream.chunks gen_ai.response.finish_reason retry.attempt retry.targets error reason duration
"""


def lines(form: Format, *records: ExchangeRecord) -> list[bytes]:
    written: list[bytes] = []
    log = AccessLog(written.append, form)
    for record in records:
        log.record(record)
    return written


@pytest.mark.parametrize(
    ("form", "record", "line"),
    [
        ("json", STREAM, STREAM_JSON),
        ("text", STREAM, STREAM_TEXT),
        ("json", NOT_FOUND, NOT_FOUND_JSON),
        ("text", NOT_FOUND, NOT_FOUND_TEXT),
    ],
    ids=["stream-json", "stream-text", "not-found-json", "not-found-text"],
)
def test_the_line_is_exact(form: Format, record: ExchangeRecord, line: str) -> None:
    assert lines(form, record) == [line.encode()]


def test_a_record_with_every_fact_shows_every_key_in_the_documented_order() -> None:
    record = stream(
        route=msgspec.structs.replace(ROUTE, route_rule="chat"),
        usage=Usage(
            input_tokens=9,
            output_tokens=8,
            cache_read_tokens=3,
            cache_write_tokens=2,
            reasoning_tokens=4,
            input_audio_tokens=1,
            output_audio_tokens=5,
        ),
        params=RequestParams(
            temperature=0, top_p=0.5, max_tokens=7, frequency_penalty=0.1, presence_penalty=0.2, seed=0
        ),
        attempts=3,
        tried=(("first", "429"), ("second", "529"), ("first", "timeout_idle")),
        outcome="timeout",
        error="the provider fell silent in the middle of its answer",
        error_code="timeout_idle",
    )
    line = json.loads(lines("json", record)[0])
    assert list(line) == ALL_KEYS.split()
    assert None not in line.values()
    prefix = "gen_ai.usage."
    tokens = {key.removeprefix(prefix): value for key, value in line.items() if key.startswith(prefix)}
    assert tokens == {
        "input_tokens": 9,
        "cache_creation.input_tokens": 2,
        "cache_read.input_tokens": 3,
        "output_tokens": 8,
        "reasoning_tokens": 4,
        "input_audio_tokens": 1,
        "output_audio_tokens": 5,
    }
    assert (line["retry.attempt"], line["retry.targets"]) == (2, "first;429, second;529, first;timeout_idle")
    assert line["timeout.phase"] == "idle"
    assert line["route_rule"] == "chat"
    assert (line["gen_ai.request.temperature"], line["gen_ai.request.seed"]) == (0, 0)


def test_an_answer_that_did_not_stream_says_so_and_has_no_stream_timings() -> None:
    line = fields(plain(stream=StreamFacts(first_token_s=0.1, chunks=1), tpot_s=0.1))
    assert line["llm.streaming"] is False
    assert line["stream.outcome"] == "completed"
    assert not line.keys() & {"agw.ai.time_to_first_token", "agw.ai.time_per_output_token", "stream.chunks"}


def test_reported_zeros_are_shown_and_unreported_usage_is_not() -> None:
    assert fields(plain(usage=Usage()))["gen_ai.usage.output_tokens"] == 0
    assert not any(key.startswith("gen_ai.usage") for key in fields(plain(usage=None)))


def test_plain_http_has_no_word_about_models() -> None:
    line = fields(msgspec.structs.replace(STREAM, protocol="http"))
    assert [key for key in line if key.startswith(("gen_ai.", "agw.", "llm."))] == ["gen_ai.response.finish_reason"]


@pytest.mark.parametrize(("attempts", "shown"), [(1, None), (2, 1), (4, 3)])
def test_retries_are_shown_only_when_there_were_any(attempts: int, shown: int | None) -> None:
    assert fields(plain(attempts=attempts)).get("retry.attempt") == shown


@pytest.mark.parametrize(("rule", "shown"), [("unknown", False), ("0", False), ("12", False), ("chat", True)])
def test_only_rules_with_a_name_are_shown(rule: str, shown: bool) -> None:
    assert ("route_rule" in fields(plain(route=Route(route_rule=rule)))) is shown


def test_one_record_is_one_write_of_one_line() -> None:
    written = lines("json", STREAM, PLAIN, NOT_FOUND)
    assert [line.count(b"\n") for line in written] == [1, 1, 1]
    assert [json.loads(line)["request.id"] for line in written] == ["req-1", "req-1", "req-2"]


def test_a_threshold_above_info_silences_the_log_and_can_be_changed_while_running() -> None:
    written: list[bytes] = []
    threshold = Threshold("warn")
    log = AccessLog(written.append, "json", threshold)
    log.record(STREAM)
    threshold.set("info")
    log.record(NOT_FOUND)
    assert written == [NOT_FOUND_JSON.encode()]


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_long_number_is_cut_too(form: Format) -> None:
    (line,) = lines(form, stream(params=RequestParams(seed=10**4200)))
    assert len(line) <= MAX_LINE_BYTES
    assert ("1" + "0" * 255 + "…") in line.decode()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_long_path_is_cut_so_that_lines_of_several_workers_cannot_mingle(form: Format) -> None:
    (line,) = lines(form, stream(path="/" + "x" * 60_000, request_model="m" * 60_000))
    assert len(line) <= MAX_LINE_BYTES
    assert f"/{'x' * 255}…".encode() in line
    assert b"duration" in line


ANY_TEXT = st.text(alphabet=st.characters(), max_size=80)


@given(
    form=st.sampled_from(["json", "text"]),
    method=ANY_TEXT,
    host=ANY_TEXT,
    path=ANY_TEXT,
    request_model=ANY_TEXT,
    response_model=ANY_TEXT,
    error=ANY_TEXT,
    finish_reason=ANY_TEXT,
)
def test_no_client_and_no_provider_can_forge_a_line(form: Format, **values: str) -> None:
    (line,) = lines(form, stream(**values))
    text = line.decode()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert UNPRINTABLE.search(text[:-1]) is None
    assert text.startswith("2025-12-12T21:56:02.809082Z info request " if form == "text" else '{"level":"info",')
    assert text.endswith("duration=2242ms\n" if form == "text" else '"duration":"2242ms"}\n')
    if form == "json":
        back = json.loads(line)
        assert (back["http.method"], back["http.path"], back["http.status"]) == (values["method"], values["path"], 200)
        assert back.get("gen_ai.request.model", "") == values["request_model"]


# -- what an operator adds, takes away and leaves out -----------------------------------------------------------------

WIDE = Observed(fields=(("jwt", {"sub": "alice", "groups": ["a", "b"]}), ("n", 7), ("http.path", "/hidden")))


def test_added_fields_stand_at_the_end_and_replace_what_has_their_name_in_place() -> None:
    (encoded,) = lines("json", stream(observed=WIDE))
    line = json.loads(encoded)
    expected = json.loads(STREAM_JSON)
    assert list(line) == [*expected, "jwt", "n"]
    assert line == {**expected, "http.path": "/hidden", "jwt": {"sub": "alice", "groups": ["a", "b"]}, "n": 7}


def test_text_shows_lists_and_maps_as_json_on_the_same_line() -> None:
    observed = Observed(fields=(("jwt", {"sub": "a b"}), ("list", [1, "x=y"]), ("said", "two\nlines")))
    (encoded,) = lines("text", stream(observed=observed))
    assert encoded.decode().endswith(' duration=2242ms jwt={"sub":"a b"} list=[1,"x=y"] said="two\\nlines"\n')


def test_removed_fields_are_gone_and_one_that_is_not_filtered_in_has_no_line() -> None:
    (encoded,) = lines("json", stream(observed=Observed(removed=frozenset(["http.path", "nonsense"]))))
    assert json.loads(encoded).keys() == json.loads(STREAM_JSON).keys() - {"http.path"}
    assert lines("json", stream(observed=Observed(logged=False))) == []


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_without_added_fields_stays_below_a_pipes_bound_whatever_is_in_it(form: Format) -> None:
    evil = "\u202e" * 4000
    record = stream(
        path=evil, host=evil, method=evil, request_model=evil, response_model=evil, error=evil, finish_reason=evil,
        principal=f"jwt:{evil}", http_version=evil, provider=evil,
    )  # fmt: skip
    for observed in (UNOBSERVED, Observed(removed=frozenset(["time_"]))):
        (line,) = lines(form, msgspec.structs.replace(record, observed=observed))
        assert len(line) <= MAX_LINE_BYTES


BIG = {
    "one long text": {"messages": [{"role": "user", "content": "x" * 500_000}]},
    "a thousand texts": {"messages": [{"content": "y" * 2000}] * 1000},
    "many numbers": list(range(100_000)),
    "nothing to cut": [[[[1]]]] * 60_000,
    "unprintable": {"a": "\u202e" * 100_000},
}


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("body", BIG.values(), ids=BIG)
def test_a_line_with_added_fields_is_longer_and_bounded(form: Format, body: object) -> None:
    observed = Observed(fields=(("request.body", body), ("small", "kept")))
    (line,) = lines(form, stream(observed=observed))
    assert len(line) <= MAX_WIDE_BYTES
    assert line.count(b"\n") == 1
    assert b"kept" in line
    if form == "json":
        assert json.loads(line)["http.status"] == 200


def test_a_body_that_fits_is_shown_whole_and_of_a_longer_one_texts_are_cut_and_not_its_shape() -> None:
    fits = {"messages": [{"role": "user", "content": "x" * 60_000}]}
    (line,) = lines("json", stream(observed=Observed(fields=(("request.body", fits),))))
    assert json.loads(line)["request.body"] == fits
    longer = {"model": "m", "messages": [{"role": "user", "content": "x" * 70_000}]}
    (line,) = lines("json", stream(observed=Observed(fields=(("request.body", longer),))))
    assert json.loads(line)["request.body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "x" * 1024 + "…"}],
    }


def test_a_thousand_fields_that_cannot_be_cut_are_left_out_rather_than_the_line() -> None:
    observed = Observed(fields=tuple((f"{number:0200d}", 1) for number in range(1000)))
    (line,) = lines("json", stream(observed=observed))
    assert line == STREAM_JSON.encode()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(form=st.sampled_from(["json", "text"]), value=JSON_VALUES.filter(lambda value: value is not None))
def test_no_value_that_is_added_can_forge_a_line(form: Format, value: object) -> None:
    (line,) = lines(form, stream(observed=Observed(fields=(("added", value),))))
    text = line.decode()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert UNPRINTABLE.search(text[:-1]) is None
    if form == "json":
        assert json.loads(line)["added"] == value


@pytest.mark.parametrize(
    "name", ["body.\n2026 info request http.status=200", "body.a http.status=500 b", "body.\x1b[2J"]
)
def test_no_name_that_flatten_takes_from_a_body_can_forge_a_line(name: str) -> None:
    (line,) = lines("text", stream(observed=Observed(fields=((name, "x"),))))
    text = line.decode()
    assert UNPRINTABLE.search(text[:-1]) is None
    assert text.endswith(f" {one_word(name)}=x\n")
    (line,) = lines("json", stream(observed=Observed(fields=((name, "x"),))))
    assert json.loads(line)[name] == "x"
