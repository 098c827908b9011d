"""operations: Cohere's rerank in the words of Bedrock and Vertex, and the answers back."""

import msgspec
import pytest
from hypothesis import given

from sluice.errors import BadRequest, ProtocolError, TimedOut
from sluice.operations import bedrock_rerank, rerank, vertex_rerank
from sluice.operations.translation import Translation
from tests.operations.garbage import BROKEN, JSON

Json = dict[str, object]
BOTH: list[Translation] = [bedrock_rerank.translate, vertex_rerank.translate]
ASK: Json = {"model": "m", "query": "q", "documents": ["a", "b", "c"]}


def body_of(**members: object) -> bytes:
    return msgspec.json.encode(ASK | members)


def source(text: str) -> Json:
    return {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}


@pytest.mark.parametrize(
    ("model", "region", "arn", "extra"),
    [
        (
            "cohere.rerank-v3-5:0",
            "eu-central-1",
            "arn:aws:bedrock:eu-central-1::foundation-model/cohere.rerank-v3-5:0",
            {"additionalModelRequestFields": {"max_tokens_per_doc": 9}},
        ),
        ("amazon.rerank-v1:0", "cn-north-1", "arn:aws-cn:bedrock:cn-north-1::foundation-model/amazon.rerank-v1:0", {}),
        ("arn:aws:bedrock:x:1:y/z", "us-east-1", "arn:aws:bedrock:x:1:y/z", {}),
    ],
)
def test_bedrocks_words(model: str, region: str, arn: str, extra: Json) -> None:
    body = body_of(top_n=2, max_tokens_per_doc=9, priority=1)
    (sent,) = bedrock_rerank.translate(body, model, {"region": region}).bodies
    assert msgspec.json.decode(sent) == {
        "queries": [{"type": "TEXT", "textQuery": {"text": "q"}}],
        "sources": [source("a"), source("b"), source("c")],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": 2,
                "modelConfiguration": {"modelArn": arn} | extra,
            },
        },
    }


def test_vertexs_words() -> None:
    (sent,) = vertex_rerank.translate(body_of(), "semantic-ranker-default@latest", {}).bodies
    assert msgspec.json.decode(sent) == {
        "model": "semantic-ranker-default@latest",
        "query": "q",
        "records": [{"id": "0", "content": "a"}, {"id": "1", "content": "b"}, {"id": "2", "content": "c"}],
        "topN": 3,
        "ignoreRecordDetailsInResponse": True,
    }


def test_more_than_all_is_all() -> None:
    (sent,) = vertex_rerank.translate(body_of(top_n=99), "m", {}).bodies
    assert msgspec.json.decode(sent)["topN"] == 3


def test_documents_may_be_objects() -> None:
    documents = [{"text": "a", "title": "t"}, {"text": "b", "year": 1999}]
    (sent,) = vertex_rerank.translate(body_of(documents=documents), "m", {}).bodies
    assert [row["content"] for row in msgspec.json.decode(sent)["records"]] == ["a", "b"]
    named = body_of(documents=documents, rank_fields=["title", "year", "text"])
    (sent,) = vertex_rerank.translate(named, "m", {}).bodies
    assert [row["content"] for row in msgspec.json.decode(sent)["records"]] == [
        "title: t\ntext: a",
        "year: 1999\ntext: b",
    ]


ANSWERS = [
    (bedrock_rerank.translate, {"results": [{"index": 2, "relevanceScore": 0.9}, {"index": 0, "relevanceScore": 0.1}]}),
    (vertex_rerank.translate, {"records": [{"id": "2", "score": 0.9}, {"id": "0", "score": 0.1}]}),
]


@pytest.mark.parametrize(("translate", "answer"), ANSWERS)
def test_an_answer_becomes_coheres(translate: Translation, answer: Json) -> None:
    plain = translate(body_of(), "m", {}).read([msgspec.json.encode(answer)], ())
    rows = [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
    assert msgspec.json.decode(plain.body) == {"results": rows, "meta": {"api_version": {"version": "2"}}}
    assert (plain.model, plain.usage) == ("m", None)
    asked = body_of(documents=["a", "b", {"text": "c", "year": 1}], return_documents=True)
    shown = msgspec.json.decode(translate(asked, "m", {}).read([msgspec.json.encode(answer)], ()).body)
    assert [row["document"] for row in shown["results"]] == [{"text": "c", "year": 1}, {"text": "a"}]


def test_googles_zero_is_left_out() -> None:
    answered = vertex_rerank.translate(body_of(), "m", {}).read([b'{"records":[{"id":"1"}]}'], ())
    assert msgspec.json.decode(answered.body)["results"] == [{"index": 1, "relevance_score": 0.0}]


@pytest.mark.parametrize(
    ("translate", "answer"),
    [
        (bedrock_rerank.translate, b'{"results":[{"index":3,"relevanceScore":1}]}'),
        (bedrock_rerank.translate, b'{"results":[{"index":-1,"relevanceScore":1}]}'),
        (bedrock_rerank.translate, b'{"results":[{"index":0,"relevanceScore":1},{"index":0,"relevanceScore":1}]}'),
        (bedrock_rerank.translate, b'{"results":[{"index":0,"relevanceScore":"high"}]}'),
        (vertex_rerank.translate, b'{"records":[{"id":"x"}]}'),
        (vertex_rerank.translate, b'{"records":[{"id":"\xc2\xb2"}]}'),
        (vertex_rerank.translate, b'{"records":[{"id":"7"}]}'),
        *((translate, body) for translate in BOTH for body in BROKEN),
    ],
)
def test_an_answer_that_is_none_is_the_providers_fault(translate: Translation, answer: bytes) -> None:
    with pytest.raises(ProtocolError):
        translate(body_of(), "m", {}).read([answer], ())


@pytest.mark.parametrize("translate", BOTH)
@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": [{"title": "t"}]}, "documents"),
        ({"documents": [{"text": "t"}], "rank_fields": ["body"]}, "documents"),
        ({"top_n": 0}, "top_n"),
        ({"novelty": True}, "novelty"),
    ],
)
def test_what_cannot_be_asked_is_named(translate: Translation, members: Json, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        translate(body_of(**members), "m", {})
    assert caught.value.param == param


@pytest.mark.parametrize("body", BROKEN)
def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        vertex_rerank.translate(body, "m", {})


@given(document=JSON)
def test_a_document_is_ranked_or_refused(document: object) -> None:
    try:
        (sent,) = vertex_rerank.translate(body_of(documents=[document]), "m", {}).bodies
    except BadRequest:
        assert not isinstance(document, str)
    else:
        assert isinstance(msgspec.json.decode(sent)["records"][0]["content"], str)


def test_an_error_is_coheres() -> None:
    assert rerank.write_error(TimedOut("total")) == b'{"message":"request timeout"}'
    assert msgspec.json.decode(rerank.write_error(BadRequest("a\ud800b"))) == {"message": "a?b"}


@pytest.mark.parametrize("translate", BOTH)
def test_documents_and_fields_are_bounded_before_they_are_read(translate: Translation) -> None:
    assert translate(body_of(documents=["a"] * rerank.MAX_DOCUMENTS), "cohere.m", {"region": "x"}).bodies
    unfit: Json = {"documents": [{}]}  # what is wrong with one of them is not even seen
    for name, most, each in (("documents", rerank.MAX_DOCUMENTS, {}), ("rank_fields", rerank.MAX_RANK_FIELDS, "a")):
        with pytest.raises(BadRequest, match=f"array too long. At most {most} elements") as caught:
            translate(body_of(**unfit | {name: [each] * (most + 1)}), "cohere.m", {"region": "x"})
        assert caught.value.param == name
