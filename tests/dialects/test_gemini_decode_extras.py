"""gemini/decode.py: what comes beside the text: usage, log probabilities, sources, unknown parts and errors."""

import json

import pytest

from sluice.chat.content import Citation
from sluice.chat.events import (
    ChoiceFinished,
    Cited,
    Failed,
    Leftover,
    Sealed,
    Started,
    TextDelta,
    Unrecognised,
)
from sluice.chat.usage import Usage
from sluice.dialects.dialect import PING
from sluice.dialects.gemini import GEMINI
from sluice.errors import ProtocolError
from sluice.wire.sse import Frame
from tests.dialects.gemini import chunk, decode, deltas, fold, frame

STARTED = Started("r1", "gemini-x", 0)


def test_usage_is_absolute_and_normalised() -> None:
    usage = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 4,
        "cachedContentTokenCount": 6,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 22,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}, {"modality": "AUDIO", "tokenCount": 2}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 1}],
    }
    reported = Usage(
        input_tokens=14,
        output_tokens=8,
        cache_read_tokens=6,
        reasoning_tokens=5,
        input_audio_tokens=2,
        output_audio_tokens=1,
    )
    first = chunk({"text": "a"}) | {"usageMetadata": {"promptTokenCount": 10}}
    answer = fold(decode(first, chunk(finish="STOP") | {"usageMetadata": usage}))
    assert answer.usage == reported


def test_log_probabilities_in_the_shape_of_the_vocabulary() -> None:
    result = {
        "chosenCandidates": [{"token": "é", "tokenId": 7, "logProbability": -0.5}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5}, {"token": "e"}]}],
    }
    (delta,) = deltas(chunk({"text": "é"}, logprobsResult=result))
    assert isinstance(delta, TextDelta)
    assert delta.logprobs is not None
    assert json.loads(bytes(delta.logprobs)) == {
        "content": [
            {
                "token": "é",
                "logprob": -0.5,
                "bytes": [195, 169],
                "top_logprobs": [
                    {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
                    {"token": "e", "logprob": 0.0, "bytes": [101]},
                ],
            }
        ]
    }
    (late,) = deltas(chunk(logprobsResult=result))
    assert late == TextDelta(0, "text", "", delta.logprobs)
    for nothing in (None, {}, {"chosenCandidates": 1}):
        assert deltas(chunk({"text": "a"}, logprobsResult=nothing)) == [TextDelta(0, "text", "a")]


GROUNDING = {
    "webSearchQueries": ["q"],
    "groundingChunks": [
        {"web": {"uri": "https://a.test", "title": "A"}},
        {"retrievedContext": {"title": "doc", "text": "quoted"}},
        {"web": {"uri": "https://unused.test"}},
    ],
    "groundingSupports": [
        {"segment": {"startIndex": 3, "endIndex": 7, "text": "éb"}, "groundingChunkIndices": [0, 1, 9]},
        {"segment": {"endIndex": 900}, "groundingChunkIndices": [0]},
    ],
}


def test_sources_are_cited_once_with_positions_in_characters() -> None:
    last = chunk({"text": "é"}, groundingMetadata=GROUNDING, finish="STOP")
    events = deltas(chunk({"text": "né b"}, groundingMetadata=GROUNDING), last)
    cited = [each.citation for each in events if isinstance(each, Cited)]
    assert Citation(url="https://a.test", title="A", start=2, end=5) in cited
    assert Citation(title="doc", quote="quoted", start=2, end=5) in cited
    assert Citation(url="https://unused.test") in cited
    assert len(set(map(repr, cited))) == len(cited)


def test_a_support_without_a_segment_is_a_source_of_the_text() -> None:
    metadata = {
        "groundingChunks": [{"maps": {"uri": "https://m.test"}}, {"image": {}}],
        "groundingSupports": [{"groundingChunkIndices": [0, 1]}],
    }
    assert deltas(chunk({"text": "a"}, groundingMetadata=metadata))[1:] == [Cited(0, Citation(url="https://m.test"))]


@pytest.mark.parametrize("word", ["citationSources", "citations"])
def test_both_shapes_of_citation_metadata(word: str) -> None:
    source = {"startIndex": 1, "endIndex": 3, "uri": "https://a.test", "license": "MIT"}
    events = deltas(chunk({"text": "abcd"}, citationMetadata={word: [source]}))
    assert events[1:] == [Cited(0, Citation(url="https://a.test", start=1, end=3))]


def test_sources_belong_to_the_text_before_its_seal() -> None:
    events = deltas(chunk({"text": "ab"}), chunk({"text": "", "thoughtSignature": "AA=="}, groundingMetadata=GROUNDING))
    kinds = [type(each) for each in events]
    assert kinds.index(Sealed) == len(kinds) - 1 > kinds.index(Cited)


def test_sources_of_no_text_are_counted() -> None:
    assert deltas(chunk(groundingMetadata={"webSearchQueries": ["q"]})) == [Unrecognised("candidate:groundingMetadata")]
    late = chunk(groundingMetadata=GROUNDING)
    assert deltas(chunk({"text": "a"}, finish="STOP"), late)[-1] == Unrecognised("candidate:groundingMetadata")


@pytest.mark.parametrize(
    "part", [{"executableCode": {"code": "1"}}, {"codeExecutionResult": {}}, {"inlineData": {"data": ""}}, {"new": 1}]
)
def test_parts_of_other_kinds_are_named_each_time(part: dict[str, object]) -> None:
    name = f"part:{next(iter(part))}"
    assert deltas(chunk({"text": "a"}, part, part)) == [TextDelta(0, "text", "a"), *[Unrecognised(name)] * 2]


def test_unknown_members_are_kept_if_asked() -> None:
    value = chunk({"text": "a"}, safetyRatings=[1], index=1) | {"modelStatus": {"b": 2}}
    kept = [each for each in decode(value, keep=True) if isinstance(each, Leftover)]
    assert [(each.place, each.choice, {k: bytes(v) for k, v in each.fields.items()}) for each in kept] == [
        ("", 0, {"modelStatus": b'{"b": 2}'}),
        ("choice", 1, {"safetyRatings": b"[1]"}),
    ]
    assert not [each for each in decode(value) if isinstance(each, Leftover)]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ({"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}, 429, "RESOURCE_EXHAUSTED"),
        ({"code": 500, "message": "x", "status": "INTERNAL"}, 500, "INTERNAL"),
        ({"message": "x", "status": "UNAVAILABLE"}, 503, "UNAVAILABLE"),
        ({"code": 8, "message": "x"}, 502, "upstream_in_band_error"),
        ("broken", 502, "upstream_in_band_error"),
        ([1], 502, "upstream_in_band_error"),
    ],
)
def test_an_error_inside_a_stream(error: object, status: int, code: str) -> None:
    (failed,) = decode({"error": error})
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.code) == (status, code)


@pytest.mark.parametrize("spoilt", [{"responseId": 5}, {"candidates": {}}, {"usageMetadata": []}])
def test_an_error_beside_what_cannot_be_read_is_one_all_the_same(spoilt: dict[str, object]) -> None:
    (failed,) = decode({"error": {"code": 429, "message": "x"}, **spoilt})
    assert isinstance(failed, Failed)
    assert (failed.error.status, str(failed.error)) == (429, "x")


@pytest.mark.parametrize("cut", [rb"\ud83d", b"\xf0\x9f", rb"\ude00" + b"x" * 100_000])
def test_an_error_whose_words_were_cut_in_half_is_the_same_error(cut: bytes) -> None:
    raw = b'{"error": {"message": "too many ' + cut + b'", "code": 429}}'
    (failed,) = GEMINI.decoder(keep_leftovers=False).decode(Frame(b"", raw))
    assert isinstance(failed, Failed)
    assert failed.error.status == 429
    assert str(failed.error).startswith("too many \ufffd")


def test_an_error_that_is_null_is_none() -> None:
    assert deltas(chunk({"text": "a"}) | {"error": None}) == [TextDelta(0, "text", "a")]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[DONE]",
        b"[1]",
        b"{",
        b'{"candidates":1}',
        b'{"candidates":[{"content":{"parts":[{"text":"\xff"}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":"\xff"}}}]}}]}',
        b'{"x":' + b"[" * 100_000,
        b'{"candidates":[{"content":{"parts":[{"text":"\\ud800"}]}}]}',
    ],
)
def test_what_is_no_chunk_is_a_protocol_error_and_the_decoder_goes_on(data: bytes) -> None:
    decoder = GEMINI.decoder(keep_leftovers=True)
    with pytest.raises(ProtocolError):
        decoder.decode(Frame(b"data: " + data, data))
    assert decoder.decode(frame(chunk({"text": "a"})))[-1] == TextDelta(0, "text", "a")


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"{}", ""),
        (b'{"candidates":[]}', ""),
        (b'{"candidates":null,"usageMetadata":null}', ""),
        (b"{}", "ping"),
        (b"now", "keepalive"),
    ],
)
def test_what_says_nothing_is_a_ping_at_any_place(data: bytes, name: str, keep: bool) -> None:
    decoder = GEMINI.decoder(keep_leftovers=keep)
    ping = Frame(b"data: " + data, data, name)
    assert decoder.decode(ping) is PING
    assert decoder.decode(frame(chunk({"text": "a"}))) == [STARTED, TextDelta(0, "text", "a")]
    assert decoder.decode(ping) is PING
    again = {"modelVersion": "", "responseId": "r1", "createTime": "2026-11-21T00:00:00Z", "candidates": []}
    assert decoder.decode(frame(again)) is PING
    assert PING == []


@pytest.mark.parametrize(
    "value", [{"candidates": [{"index": 0}]}, {"candidates": [{"content": {"parts": [{"text": ""}]}}]}, {"queued": 3}]
)
def test_what_says_something_without_a_word_here_is_no_ping(value: dict[str, object]) -> None:
    decoder = GEMINI.decoder(keep_leftovers=False)
    decoder.decode(frame(chunk({"text": "a"})))
    assert (events := decoder.decode(frame(value))) == []
    assert events is not PING
    assert decoder.decode(Frame(b"", b'{"\xff": 1}')) is not PING


def test_counts_that_cannot_be_read_do_not_spoil_the_end() -> None:
    spoilt = chunk({"text": "a"}, finish="STOP") | {"usageMetadata": {"promptTokenCount": "3"}}
    assert decode(chunk({"text": "b"}), spoilt)[2:] == [
        Unrecognised("chunk:usageMetadata"),
        TextDelta(0, "text", "a"),
        ChoiceFinished(0, "stop", "STOP"),
    ]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize(
    "spoilt",
    [
        chunk({"text": 5}, finish="STOP"),
        chunk({"text": "a"}, finish="MAX_TOKENS", index="0"),
        chunk({"text": 5}, finish="STOP") | {"usageMetadata": 5},
        chunk({"text": "a"}, finish="STOP") | {"usageMetadata": 5, "modelVersion": 5},
    ],
)
def test_an_end_that_cannot_be_read_is_a_failure(spoilt: dict[str, object], keep: bool) -> None:
    """A client would take it for the end: it must not be passed on, as what is only malformed is."""
    (failed,) = GEMINI.decoder(keep_leftovers=keep).decode(frame(spoilt))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ProtocolError)


@pytest.mark.parametrize("reason", [None, "", "FINISH_REASON_UNSPECIFIED"])
def test_what_cannot_be_read_and_is_no_end_is_a_protocol_error(reason: str | None) -> None:
    with pytest.raises(ProtocolError):
        decode(chunk({"text": 5}, finish=reason))
