"""Nothing that a client says chooses where a request goes, nor who gets the provider's key."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.support.events import completion
from tests.support.plans import KEY, ai, static, to_provider
from tests.support.raw_client import request
from tests.support.raw_upstream import sized
from tests.support.world import World

NAMES = (
    "api_base",
    "base_url",
    "baseUrl",
    "api_key",
    "api_version",
    "custom_llm_provider",
    "user_config",
    "litellm_params",
    "litellm_metadata",
    "model_list",
    "fallbacks",
    "mock_response",
    "callback_url",
    "callbacks",
    "success_callback",
    "webhook",
    "proxy",
    "extra_headers",
    "headers",
    "provider",
    "deployment_id",
    "host",
    "url",
    "hostOverride",
    "organization",
)
HEADERS = (
    "X-Portkey-Custom-Host",
    "X-Portkey-Config",
    "X-Portkey-Provider",
    "X-LiteLLM-Api-Base",
    "X-Forwarded-Host",
    "X-Forwarded-Server",
    "X-Original-Url",
    "X-Rewrite-Url",
    "X-Host",
    "Forwarded",
    "X-Envoy-Original-Dst-Host",
    "X-Sluice-Target",
    "Proxy",
)
CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def bodies(url: str) -> Iterator[dict[str, object]]:
    """The address under every name at every depth, as text, in a list and in an object."""
    values: tuple[object, ...] = (url, [url], {"api_base": url, "url": url})
    for name in NAMES:
        for value in values:
            said = {name: value}
            yield {**CHAT, **said}
            yield {**CHAT, "metadata": said, "user_config": {"model_list": [{"litellm_params": said}]}}
            yield {**CHAT, "messages": [{"role": "user", "content": "hi", **said}]}
    for model in (url, f"openai/{url}", f"{url}#m", "../../m", "m@evil.test", f"m\r\nhost: {url}"):
        yield {**CHAT, "model": model}


@pytest.mark.parametrize("path", ["/openai", "/v1/chat/completions"])
async def test_no_body_chooses_the_destination(world: World, path: str) -> None:
    upstream, trap = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    serving = await world.gateway(to_provider(upstream.port))
    client = await world.client(serving)
    asked = list(bodies(f"http://127.0.0.1:{trap.port}/v1"))
    for body in asked:
        answer = await client.ask(request(msgspec.json.encode(body), path=path))
        assert answer.status in (200, 400), body
    assert not trap.calls
    assert upstream.asked
    for got in upstream.asked:
        assert got.line == "POST /v1/chat/completions HTTP/1.1"
        assert got.header("host") == f"127.0.0.1:{upstream.port}"
        assert got.header("authorization") == f"Bearer {KEY}"


async def test_no_header_and_no_query_chooses_the_destination(world: World) -> None:
    upstream, trap = await world.upstream(sized(completion())), await world.upstream(sized(completion()))
    client = await world.client(await world.gateway(to_provider(upstream.port)))
    place = f"127.0.0.1:{trap.port}"
    for name in HEADERS:
        for value in (place, f"http://{place}", f"host={place}", f'{{"url": "http://{place}"}}'):
            assert (await client.ask(request(headers=[f"{name}: {value}"]))).status == 200
    for query in ("api_base", "url", "host", "key"):
        assert (await client.ask(request(path=f"/openai?{query}=http://{place}"))).status == 200
    assert (await client.ask(request(host=place))).status == 200
    assert not trap.calls
    assert {got.header("host") for got in upstream.asked} == {f"127.0.0.1:{upstream.port}"}
    assert all(place not in got.raw.decode() for got in upstream.asked), "nor does the provider hear of it"


async def test_an_image_or_a_file_is_not_fetched(world: World) -> None:
    upstream, trap = await world.upstream(sized(completion())), await world.upstream(sized(b"x"))
    client = await world.client(await world.gateway(to_provider(upstream.port)))
    url = f"http://127.0.0.1:{trap.port}/logo.png"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "file", "file": {"file_data": url}}]
    body = {**CHAT, "messages": [{"role": "user", "content": parts}]}
    assert (await client.ask(request(msgspec.json.encode(body)))).status == 200
    assert not trap.calls


async def test_a_redirect_of_a_provider_is_not_followed(world: World) -> None:
    trap = await world.upstream(sized(completion()))
    away = sized(b"", f"Location: http://127.0.0.1:{trap.port}/", status="302 Found")
    for backend in (ai, static):
        upstream = await world.upstream(away)
        client = await world.client(await world.gateway(to_provider(0, backend=backend(upstream.port))))
        await client.ask(request())
        assert len(upstream.asked) >= 1
    assert not trap.calls
