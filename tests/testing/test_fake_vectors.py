"""Embeddings and reranking in each vendor's shape: deterministic, and near where the words are the same."""

import math

import msgspec
import pytest

from sluice.testing.fake_rerank import relevance
from sluice.testing.fake_vectors import vector
from tests.testing.spoken import Json, obj, rows, script, sent

PROJECT = "/v1/projects/p/locations/l"


def answer(path: str, body: Json) -> Json:
    found = script(path, body)
    assert found.status == 200, sent(found)
    return msgspec.json.decode(sent(found), type=Json)


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_a_vector_has_length_one_and_is_near_to_what_shares_its_words() -> None:
    for text in ("", "one", "one two three", "x " * 100, "\0\u2028é"):
        assert math.isclose(cosine(vector(text), vector(text)), 1.0, abs_tol=1e-6)
    assert cosine(vector("a red fox", 256), vector("the red fox", 256)) > cosine(
        vector("a red fox", 256), vector("b", 256)
    )
    assert vector("Fox") == vector("fox")


def test_openai() -> None:
    found = answer("/v1/embeddings", {"model": "e", "input": ["one", "two"], "dimensions": 4})
    data = rows(found["data"])
    assert [row["index"] for row in data] == [0, 1]
    assert data[0]["embedding"] == vector("one", 4)
    assert (found["model"], found["usage"]) == ("e", {"prompt_tokens": 2, "total_tokens": 2})
    tokens = answer("/v1/embeddings", {"model": "e", "input": [[1, 2], [3]]})
    assert len(rows(tokens["data"])) == 2
    assert len(rows(answer("/v1/embeddings", {"model": "e", "input": [1, 2]})["data"])) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": "x"}, b"you must provide a model parameter"),
        ({"model": "e"}, b"Missing required parameter: 'input'."),
        ({"model": "e", "input": []}, b"input cannot be an empty array"),
        ({"model": "e", "input": [""]}, b"input cannot be an empty string"),
        ({"model": "e", "input": [{}]}, b"Invalid type"),
        ({"model": "e", "input": ["x"] * 2049}, b"maximum length 2048"),
        ({"model": "e", "input": "x", "dimensions": 0}, b"integer_below_min_value"),
    ],
)
def test_openai_refuses_what_it_cannot_embed(body: Json, said: bytes) -> None:
    found = script("/v1/embeddings", body)
    assert (found.status, said in sent(found)) == (400, True)


def test_google() -> None:
    asked = {"content": {"parts": [{"text": "one"}]}, "outputDimensionality": 8}
    single = answer("/v1beta/models/e:embedContent", asked)
    assert obj(single["embedding"])["values"] == vector("one", 8)
    batch = answer("/v1beta/models/e:batchEmbedContents", {"requests": [asked, asked]})
    assert [row["values"] for row in rows(batch["embeddings"])] == [vector("one", 8)] * 2
    path = f"{PROJECT}/publishers/google/models/e:predict"
    predicted = answer(path, {"instances": [{"content": "one"}], "parameters": {"outputDimensionality": 8}})
    row = obj(rows(predicted["predictions"])[0]["embeddings"])
    assert (row["values"], obj(row["statistics"])["token_count"]) == (vector("one", 8), 1)


def test_amazon() -> None:
    titan = answer("/model/amazon.titan-embed-text-v2%3A0/invoke", {"inputText": "one two", "dimensions": 8})
    assert (titan["embedding"], titan["inputTextTokenCount"]) == (vector("one two", 8), 2)
    body: Json = {"texts": ["one", "two"], "input_type": "search_document"}
    cohere = answer("/model/cohere.embed-v4%3A0/invoke", body)
    assert cohere["embeddings"] == [vector("one"), vector("two")]
    typed = answer("/model/cohere.embed-v4%3A0/invoke", body | {"embedding_types": ["float"]})
    assert obj(typed["embeddings"])["float"] == cohere["embeddings"]
    params = {"text": {"truncationMode": "END", "value": "one"}, "embeddingDimension": 8}
    nova = answer("/model/amazon.nova-2-multimodal-embeddings-v1%3A0/invoke", {"singleEmbeddingParams": params})
    assert rows(nova["embeddings"])[0]["embedding"] == vector("one", 8)
    assert script("/model/amazon.titan-embed-text-v2%3A0/invoke", {}).status == 400


# -- reranking --------------------------------------------------------------------------------------------------------

DOCUMENTS = ["a blue whale", "the red fox runs", "red"]


def test_relevance_is_what_is_shared() -> None:
    assert relevance("red fox", "Red FOX") == 1.0
    assert relevance("red fox", "whale") == relevance("", "x") == 0.0
    assert relevance("red fox", "red") > relevance("red fox", "red and blue")


@pytest.mark.parametrize("path", ["/v2/rerank", "/v1/rerank", "/model/cohere.rerank-v3-5%3A0/invoke"])
def test_cohere(path: str) -> None:
    found = answer(path, {"model": "r", "query": "red fox", "documents": DOCUMENTS, "top_n": 2})
    results = rows(found["results"])
    assert [row["index"] for row in results] == [1, 2] or [row["index"] for row in results] == [2, 1]
    assert results[0]["relevance_score"] == max(relevance("red fox", each) for each in DOCUMENTS)
    shown = answer(path, {"query": "fox", "documents": [{"text": "fox"}], "return_documents": True})
    assert rows(shown["results"])[0]["document"] == {"text": "fox"}


def test_amazons_agent_runtime() -> None:
    sources = [
        {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": t}}} for t in DOCUMENTS
    ]
    configuration = {"modelConfiguration": {"modelArn": "arn"}, "numberOfResults": 1}
    body: Json = {
        "queries": [{"type": "TEXT", "textQuery": {"text": "blue whale"}}],
        "sources": sources,
        "rerankingConfiguration": {"bedrockRerankingConfiguration": configuration},
    }
    (row,) = rows(answer("/rerank", body)["results"])
    assert (row["index"], row["relevanceScore"]) == (0, relevance("blue whale", DOCUMENTS[0]))


def test_googles_ranking() -> None:
    records = [{"id": str(place), "content": text} for place, text in enumerate(DOCUMENTS)]
    path = f"{PROJECT}/rankingConfigs/default_ranking_config:rank"
    found = answer(path, {"query": "blue whale", "records": records, "ignoreRecordDetailsInResponse": True, "topN": 1})
    assert found["records"] == [{"id": "0", "score": relevance("blue whale", DOCUMENTS[0])}]


@pytest.mark.parametrize("path", ["/v2/rerank", f"{PROJECT}/rankingConfigs/x:rank"])
def test_what_cannot_be_ranked_is_refused(path: str) -> None:
    assert script(path, {"query": "x", "documents": [], "records": []}).status == 400
