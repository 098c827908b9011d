"""Which address is whose, in which form, and who refuses there."""

import msgspec
import pytest

from sluice.testing.fake_desk import Desk, Options
from sluice.testing.fake_doors import Door, find
from sluice.wire.http1 import Header
from tests.testing.spoken import Json, obj, request, script, sent

VERTEX = "/v1/projects/p/locations/l/publishers"
VERSION: Header = (b"anthropic-version", b"2023-06-01")


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/v1/chat/completions", Door(vendor="openai", action="generate")),
        ("/chat/completions", Door(vendor="openai", action="generate")),
        ("/openai/v1/chat/completions", Door(vendor="openai", action="generate")),
        ("/v1beta/openai/chat/completions", Door(vendor="openai", action="generate")),
        ("/v1/projects/p/locations/l/endpoints/openapi/chat/completions", Door(vendor="openai", action="generate")),
        (
            "/openai/deployments/my%20gpt/chat/completions",
            Door(vendor="openai", action="generate", model="my gpt", form="azure"),
        ),
        ("/openai/deployments/e/embeddings", Door(vendor="openai", action="embeddings", model="e", form="azure")),
        ("/v1/messages", Door(vendor="messages", action="generate")),
        ("/anthropic/v1/messages/count_tokens", Door(vendor="messages", action="count")),
        (
            f"{VERTEX}/anthropic/models/claude-x@20251101:rawPredict",
            Door(vendor="messages", action="generate", model="claude-x@20251101", stream=False, form="vertex"),
        ),
        (
            f"{VERTEX}/anthropic/models/claude-x%4020251101:streamRawPredict",
            Door(vendor="messages", action="generate", model="claude-x@20251101", stream=True, form="vertex"),
        ),
        (
            f"{VERTEX}/anthropic/models/count-tokens:rawPredict",
            Door(vendor="messages", action="count", form="vertex"),
        ),
        ("/v1/responses", Door(vendor="responses", action="generate")),
        ("/v1/responses/input_tokens", Door(vendor="responses", action="count")),
        (
            "/v1/models/gemini-x:generateContent",
            Door(vendor="gemini", action="generate", model="gemini-x", stream=False, call="generateContent"),
        ),
        (
            "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
            Door(vendor="gemini", action="generate", model="gemini-x", stream=True, call="streamGenerateContent"),
        ),
        (
            "/v1beta/models/gemini-x:streamGenerateContent?alt=json",
            Door(
                vendor="gemini",
                action="generate",
                model="gemini-x",
                stream=True,
                form="array",
                call="streamGenerateContent",
            ),
        ),
        (
            f"{VERTEX}/google/models/gemini-x:countTokens",
            Door(vendor="gemini", action="count", model="gemini-x", stream=False, form="vertex", call="countTokens"),
        ),
        (
            "/model/arn%3Aaws%3Abedrock%3A%3Aprofile%2Fx/converse-stream",
            Door(
                vendor="converse",
                action="generate",
                model="arn:aws:bedrock::profile/x",
                stream=True,
                call="converse-stream",
            ),
        ),
        ("/v1/rerank", Door(vendor="openai", action="rerank")),
        ("/v2/rerank", Door(vendor="openai", action="rerank")),
        (f"{VERTEX[:-11]}/rankingConfigs/x:rank", Door(vendor="gemini", action="rerank", form="vertex")),
        ("/v1/models", Door(vendor="openai", action="models")),
        ("/v1beta/models", Door(vendor="gemini", action="models")),
        ("/v1beta/openai/models", Door(vendor="openai", action="models")),
        ("/v1/models/org/model", Door(vendor="openai", action="model", model="org/model")),
        ("/v1/messagesx", Door(vendor="openai", action="none")),
        ("/v1beta/nothing", Door(vendor="gemini", action="none")),
        ("/model/x/nothing", Door(vendor="converse", action="none")),
    ],
)
def test_an_address_is_somebodys(path: str, door: Door) -> None:
    assert find(request(path, b"")) == door


def test_the_list_of_models_is_the_callers_vendors() -> None:
    assert find(request("/v1/models", b"", (VERSION,))).vendor == "messages"
    assert find(request("/v1/models/claude-x", b"", (VERSION,))).vendor == "messages"
    assert find(request("/v1/models", b"", ((b"x-goog-api-key", b"k"),))).vendor == "gemini"
    assert find(request("/v1/nothing", b"", (VERSION,))).vendor == "messages"


HI: dict[str, Json] = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/openai/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/openai/deployments/m/chat/completions?api-version=1": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"model": "m", "input": "hi"},
    "/v1/messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "/v1beta/models/m:generateContent": {"contents": [{"parts": [{"text": "hi"}]}]},
    f"{VERTEX}/google/models/m:generateContent": {"contents": [{"parts": [{"text": "hi"}]}]},
    "/model/m/converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
}
"""A request for each kind of door with a key."""


@pytest.mark.parametrize(
    ("path", "header", "prefix"),
    [
        ("/v1/chat/completions", b"authorization", b"Bearer "),
        ("/openai/v1/chat/completions", b"authorization", b"Bearer "),
        ("/openai/v1/chat/completions", b"api-key", b""),
        ("/openai/deployments/m/chat/completions?api-version=1", b"api-key", b""),
        ("/openai/deployments/m/chat/completions?api-version=1", b"authorization", b"Bearer "),
        ("/v1/responses", b"authorization", b"bearer "),
        ("/v1/messages", b"x-api-key", b""),
        ("/v1/messages", b"authorization", b"Bearer "),
        ("/v1beta/models/m:generateContent", b"x-goog-api-key", b""),
        (f"{VERTEX}/google/models/m:generateContent", b"authorization", b"Bearer "),
        ("/model/m/converse", b"authorization", b"Bearer "),
    ],
)
def test_the_key_is_taken_from_the_vendors_header(path: str, header: bytes, prefix: bytes) -> None:
    def status(*headers: Header) -> int | None:
        return script(path, HI[path], (VERSION, *headers), Options(key="right")).status

    assert status((header, prefix + b"right")) == 200
    assert status((header, prefix + b"wrong")) in (400, 401, 403)
    assert status((header, prefix)) in (401, 403)
    assert status((b"x-key", b"right")) in (401, 403)


def test_google_takes_no_bearer_where_it_takes_keys_and_no_key_from_the_address() -> None:
    path = "/v1beta/models/m:generateContent"
    for where, headers in ((path, ((b"authorization", b"Bearer right"),)), (f"{path}?key=right", ())):
        answer = script(where, HI[path], headers, Options(key="right"))
        assert answer.status == 403
        assert obj(msgspec.json.decode(sent(answer), type=Json)["error"])["status"] == "PERMISSION_DENIED"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens"])
def test_messages_need_the_version(path: str) -> None:
    answer = script(path, HI["/v1/messages"])
    assert (answer.status, b"anthropic-version: header is required" in sent(answer)) == (400, True)


def test_vertex_needs_its_version_in_the_body_and_no_model() -> None:
    path = f"{VERTEX}/anthropic/models/m:rawPredict"
    body = HI["/v1/messages"]
    assert b"model: Extra inputs are not permitted" in sent(script(path, body | {"anthropic_version": "v"}))
    bare = {key: value for key, value in body.items() if key != "model"}
    assert b"anthropic_version: Field required" in sent(script(path, bare))
    assert script(path, bare | {"anthropic_version": "vertex-2023-10-16"}).status == 200


@pytest.mark.parametrize("path", list(HI))
def test_what_is_not_posted_is_refused_in_the_vendors_shape(path: str) -> None:
    answer = Desk(Options(), lambda: 0.0).answer(request(path, b"", (VERSION,), method="GET"))
    assert answer.status == 405
    assert set(msgspec.json.decode(sent(answer), type=Json)) & {"error", "message"}
    assert (b"allow", b"POST") in answer.headers
