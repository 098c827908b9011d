"""Rerank on Amazon Bedrock: `POST /rerank` at bedrock-agent-runtime.

Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html and botocore's
`bedrock-agent-runtime` service model, read 2026-11-21.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sluice.dialects.reading import UNREADABLE
from sluice.operations import rerank
from sluice.operations.rerank import Ranked
from sluice.operations.translation import Answered, Asked, Headers, not_an_answer

API = "Amazon Bedrock's Rerank"


class _Result(msgspec.Struct, rename="camel"):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Result]


_read_answer = msgspec.json.Decoder(_Answer).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, model: str, variables: Mapping[str, str]) -> Asked:
    """See `translation.Translation`. `variables`: `region`, for the model's ARN."""
    wanted = rerank.read(body, API)
    configuration: dict[str, object] = {"modelArn": arn(model, variables.get("region", ""))}
    if wanted.max_tokens_per_document is not None and "cohere." in model:
        configuration["additionalModelRequestFields"] = {"max_tokens_per_doc": wanted.max_tokens_per_document}
    asked = {
        "queries": [{"type": "TEXT", "textQuery": {"text": wanted.query}}],
        "sources": [_source(document.text) for document in wanted.documents],
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": wanted.top_n,
                "modelConfiguration": configuration,
            },
        },
    }

    def read(bodies: Sequence[bytes], headers: Headers) -> Answered:
        return rerank.write(_ranked(bodies[0]), wanted, model)

    return Asked(bodies=(_encode(asked),), read=read)


def arn(model: str, region: str) -> str:
    """Return the name of a foundation model that this API wants; one that is an ARN stays as it is."""
    if model.startswith("arn:"):
        return model
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:bedrock:{region}::foundation-model/{model}"


def _source(text: str) -> dict[str, object]:
    return {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}


def _ranked(body: bytes) -> list[Ranked]:
    try:
        return [Ranked(each.index, each.relevance_score) for each in _read_answer(body).results]
    except UNREADABLE:
        raise not_an_answer(API) from None
