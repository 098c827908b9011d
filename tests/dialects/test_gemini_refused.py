"""gemini/conversation_read.py: what of a Gemini client's request cannot be translated, and how it is named."""

import pytest

from sluice.chat.carry import FEATURES
from sluice.errors import BadRequest
from tests.dialects.gemini import HI, conversation, read


def refusal(**fields: object) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        conversation(**fields)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"cachedContent": "c"}, "cachedContent"),
        ({"newThing": 1}, "newThing"),
        ({"generationConfig": {"speechConfig": {}}}, "generationConfig.speechConfig"),
        ({"generationConfig": {"new_thing": 1}}, "generationConfig.newThing"),
        ({"generationConfig": {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
        ({"generationConfig": {"responseMimeType": "text/x.enum"}}, "generationConfig.responseMimeType"),
        ({"generationConfig": {"responseSchema": []}}, "generationConfig.responseSchema"),
        ({"generationConfig": {"thinkingConfig": {"x": 1}}}, "generationConfig.thinkingConfig.x"),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "x"}}},
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        ({"generationConfig": {"stopSequences": [1]}}, "generationConfig.stopSequences[0]"),
        ({"tools": [{"newTool": {}}]}, "tools[0].newTool"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "x"}}}, "toolConfig.functionCallingConfig.mode"),
        (
            {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["x"]}}},
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
        ({"systemInstruction": "text"}, "systemInstruction"),
        ({"systemInstruction": {"parts": [{"inlineData": {}}]}}, "systemInstruction.parts[0]"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
        ({"contents": [HI, {"parts": [{"newPart": 1}]}]}, "contents[1].parts[0].newPart"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"data": "x"}}]}]}, "contents[0].parts[0].inlineData"),
        ({"contents": [{"parts": [{"fileData": {}}]}]}, "contents[0].parts[0].fileData"),
        ({"contents": [{"parts": [{"functionCall": {"name": "f"}}]}]}, "contents[0].parts[0].functionCall"),
        ({"contents": [{"role": "model", "parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        (
            {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": [1]}}]}]},
            "contents[0].parts[0].functionCall.args",
        ),
        ({"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]}, "contents[0].parts[0].functionResponse"),
        (
            {"contents": [{"parts": [{"functionResponse": {"id": "x", "name": "f", "response": "r"}}]}]},
            "contents[0].parts[0].functionResponse.response",
        ),
        (
            {"contents": [{"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "A"}}]}]},
            "contents[0].parts[0]",
        ),
    ],
)
def test_what_cannot_be_translated_is_named(fields: dict[str, object], param: str) -> None:
    error = refusal(**fields)
    assert (error.param, error.status) == (param, 400)
    assert param in str(error)


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema: dict[str, object] = {"type": "STRING"}
    for _ in range(100):
        schema = {"type": "ARRAY", "items": schema}
    error = refusal(generationConfig={"responseSchema": schema})
    assert "nested too deeply" in str(error)


def test_null_is_not_set() -> None:
    got = conversation(cachedContent=None, tools=None, generationConfig={"speechConfig": None, "temperature": None})
    assert got.temperature is None


def test_words_are_the_clients_own() -> None:
    words = conversation().words
    assert words["max_tokens"] == "generationConfig.maxOutputTokens"
    assert words["choices"] == "generationConfig.candidateCount"
    assert set(words) <= set(FEATURES)


@pytest.mark.parametrize(
    "schema", [b'{"default":1e999}', b'{"title":"\xff"}', b'{"items":' * 50_000 + b"{}" + b"}" * 50_000]
)
def test_a_schema_that_cannot_be_read_is_a_400(schema: bytes) -> None:
    body = b'{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"responseSchema":%b}}' % schema
    with pytest.raises(BadRequest):
        read(body)
