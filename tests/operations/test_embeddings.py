"""operations: OpenAI's embeddings in the words of Vertex and Bedrock, and the answers back."""

import base64
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import BadRequest, ProtocolError
from sluice.operations import bedrock_embeddings, embeddings, vertex_embeddings
from sluice.operations.translation import Asked, Translation
from tests.operations.garbage import BROKEN, JSON

TITAN_1, TITAN_2, TITAN_IMAGE = (
    "amazon.titan-embed-text-v1",
    "amazon.titan-embed-text-v2:0",
    "amazon.titan-embed-image-v1",
)
COHERE_3, COHERE_4, NOVA = "cohere.embed-english-v3", "us.cohere.embed-v4:0", "amazon.nova-2-multimodal-embeddings-v1:0"
TEXT, GEMINI = "text-embedding-005", "gemini-embedding-001"

Json = dict[str, object]


def translated(model: str, **members: object) -> Asked:
    translate: Translation = bedrock_embeddings.translate if "." in model else vertex_embeddings.translate
    return translate(msgspec.json.encode({"model": "m", **members}), model, {})


def bodies(model: str, **members: object) -> list[Json]:
    return [msgspec.json.decode(body, type=Json) for body in translated(model, **members).bodies]


def nova(text: str, purpose: str, **more: object) -> Json:
    params = {"embeddingPurpose": purpose, "text": {"truncationMode": "NONE", "value": text}} | more
    return {
        "schemaVersion": "nova-multimodal-embed-v1",
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": params,
    }


@pytest.mark.parametrize(
    ("model", "members", "expected"),
    [
        (TEXT, {"input": "a"}, [{"instances": [{"content": "a"}]}]),
        (
            TEXT,
            {"input": ["a", "b"], "dimensions": 8, "input_type": "search_query", "user": "u"},
            [
                {
                    "instances": [
                        {"content": "a", "task_type": "RETRIEVAL_QUERY"},
                        {"content": "b", "task_type": "RETRIEVAL_QUERY"},
                    ],
                    "parameters": {"outputDimensionality": 8},
                }
            ],
        ),
        (GEMINI, {"input": ["a", "b"]}, [{"instances": [{"content": "a"}]}, {"instances": [{"content": "b"}]}]),
        (TITAN_1, {"input": ["a", "b"], "input_type": "query"}, [{"inputText": "a"}, {"inputText": "b"}]),
        (TITAN_2, {"input": "a", "dimensions": 256}, [{"inputText": "a", "dimensions": 256}]),
        (TITAN_IMAGE, {"input": "a"}, [{"inputText": "a"}]),
        (
            TITAN_IMAGE,
            {"input": "a", "dimensions": 384},
            [{"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 384}}],
        ),
        (COHERE_3, {"input": ["a", "b"]}, [{"texts": ["a", "b"], "input_type": "search_document"}]),
        (
            COHERE_4,
            {"input": "a", "dimensions": 512, "input_type": "Query"},
            [{"texts": ["a"], "input_type": "search_query", "output_dimension": 512}],
        ),
        (NOVA, {"input": ["a", "b"]}, [nova("a", "GENERIC_INDEX"), nova("b", "GENERIC_INDEX")]),
        (
            NOVA,
            {"input": "a", "dimensions": 256, "input_type": "CLUSTERING"},
            [nova("a", "CLUSTERING", embeddingDimension=256)],
        ),
    ],
)
def test_a_request_in_the_clouds_words(model: str, members: Json, expected: list[Json]) -> None:
    assert bodies(model, **members) == expected


@pytest.mark.parametrize(("model", "size"), [(COHERE_3, 96), (TEXT, 250), (TITAN_2, 1)])
def test_long_lists_become_several_requests_in_their_order(model: str, size: int) -> None:
    texts = [str(number) for number in range(2 * size + 1)]
    found = [body.get("texts") or body.get("instances") or [body["inputText"]] for body in bodies(model, input=texts)]
    assert [len(each) for each in found if isinstance(each, list)] == [size, size, 1]
    flat = [
        row["content"] if isinstance(row, dict) else row for each in found if isinstance(each, list) for row in each
    ]
    assert flat == texts


@pytest.mark.parametrize(
    ("model", "members", "param"),
    [
        (TITAN_1, {"input": "a", "dimensions": 256}, "dimensions"),
        (COHERE_3, {"input": "a", "dimensions": 256}, "dimensions"),
        ("meta.llama3", {"input": "a"}, "model"),
        (TITAN_2, {}, "input"),
        (TITAN_2, {"input": ""}, "input"),
        (TITAN_2, {"input": [1, 2]}, "input"),
        (TITAN_2, {"input": ["a", None]}, "input"),
        (TEXT, {"input": ["a"] * 2049}, "input"),
        (TEXT, {"input": "a", "dimensions": 0}, "dimensions"),
        (TEXT, {"input": "a", "encoding_format": "hex"}, "encoding_format"),
        (TEXT, {"input": "a", "input_type": "poem"}, "input_type"),
        (TEXT, {"input": "a", "novelty": 1}, "novelty"),
    ],
)
def test_what_cannot_be_asked_is_named(model: str, members: Json, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        translated(model, **members)
    assert caught.value.param == param


ANSWERS: list[tuple[str, Json, tuple[tuple[bytes, bytes], ...], int | None]] = [
    (TEXT, {"predictions": [{"embeddings": {"values": [1, 2.5], "statistics": {"token_count": 3}}}]}, (), 3),
    (TEXT, {"predictions": [{"embeddings": {"values": [1, 2.5]}}]}, (), None),
    (TITAN_2, {"embedding": [1, 2.5], "inputTextTokenCount": 3}, (), 3),
    (COHERE_3, {"embeddings": [[1, 2.5]]}, (), None),
    (COHERE_4, {"embeddings": {"float": [[1, 2.5]]}}, ((b"x-amzn-bedrock-input-token-count", b"3"),), 3),
    (NOVA, {"embeddings": [{"embeddingType": "TEXT", "embedding": [1, 2.5]}]}, (), None),
]


@pytest.mark.parametrize(("model", "answer", "headers", "tokens"), ANSWERS)
def test_an_answer_becomes_openais(
    model: str, answer: Json, headers: tuple[tuple[bytes, bytes], ...], tokens: int | None
) -> None:
    answered = translated(model, input="a").read([msgspec.json.encode(answer)], headers)
    assert msgspec.json.decode(answered.body) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [1.0, 2.5]}],
        "model": model,
        "usage": {"prompt_tokens": tokens or 0, "total_tokens": tokens or 0},
    }
    assert (answered.usage.input_tokens if answered.usage else None) == tokens
    packed = translated(model, input="a", encoding_format="base64").read([msgspec.json.encode(answer)], headers)
    (row,) = msgspec.json.decode(packed.body)["data"]
    assert struct.unpack("<2f", base64.b64decode(row["embedding"])) == (1.0, 2.5)


def test_tokens_of_several_answers_add_up() -> None:
    asked = translated(TITAN_2, input=["a", "b"])
    found = [msgspec.json.encode({"embedding": [n], "inputTextTokenCount": n}) for n in (1, 2)]
    answered = asked.read(found, ())
    assert answered.usage is not None
    assert answered.usage.input_tokens == 3
    assert [row["embedding"] for row in msgspec.json.decode(answered.body)["data"]] == [[1.0], [2.0]]
    headers = ((b"x-amzn-bedrock-input-token-count", b"4"), (b"x-amzn-bedrock-input-token-count", b"5"))
    usage = translated(COHERE_3, input="a").read([b'{"embeddings":[[1]]}'], headers).usage
    assert usage is not None
    assert usage.input_tokens == 9


@pytest.mark.parametrize("model", [TEXT, TITAN_2, COHERE_3, NOVA])
@given(answer=JSON)
def test_an_answer_that_is_none_is_the_providers_fault(model: str, answer: object) -> None:
    with pytest.raises(ProtocolError):
        translated(model, input="a").read([msgspec.json.encode(answer)], ())


@pytest.mark.parametrize("model", [TEXT, TITAN_2])
@pytest.mark.parametrize("body", BROKEN)
def test_bytes_that_are_no_json_are_somebodys_fault(model: str, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        translated(model, input="a").read([body], ())
    with pytest.raises(BadRequest):
        (bedrock_embeddings if "." in model else vertex_embeddings).translate(body, model, {})


def test_a_number_that_no_float_holds_is_the_providers_fault() -> None:
    answer = b'{"embedding":[1e300]}'
    assert b"1e300" in translated(TITAN_2, input="a").read([answer], ()).body.replace(b"+", b"")
    with pytest.raises(ProtocolError, match="32-bit"):
        translated(TITAN_2, input="a", encoding_format="base64").read([answer], ())


@given(st.dictionaries(st.sampled_from(["input", "dimensions", "encoding_format", "input_type", "user", "x"]), JSON))
def test_a_request_is_translated_or_refused(members: Json) -> None:
    try:
        asked = translated(TITAN_2, **members)
    except BadRequest:
        return
    assert asked.bodies


def test_too_many_texts_are_refused_before_they_are_read() -> None:
    def read(given: object) -> int:
        return len(embeddings.read(msgspec.json.encode({"model": "m", "input": given}), "x").texts)

    texts = ["a"] * embeddings.MAX_INPUTS
    assert (read(texts), read("a" * 9999)) == (embeddings.MAX_INPUTS, 1)
    with pytest.raises(BadRequest, match="array too long"):  # that the first is no text is not even seen
        read([[1], *texts])
