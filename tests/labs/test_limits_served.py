"""Limits of labs at the real command: what a client reads, one process and several workers, and a worker that dies."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sluice.gateway.limits_ports import HEARTBEAT_S
from sluice.testing.fake_provider import FakeProvider
from tests.journeys.manifests import gateway, route
from tests.support.command import Sluice
from tests.support.events import slow_script
from tests.support.http_answer import Answer, Broken
from tests.support.raw_client import CHAT, STREAM, request
from tests.support.waiting import until
from tests.support.world import World

KEYS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
async def fake(world: World) -> FakeProvider:
    return await world.fake()


def serving(tmp_path: Path, fake: FakeProvider, limits: str, *args: str, more: str = "") -> Sluice:
    """The command, with a route to the fake provider and limits on its Gateway."""
    policy = f"""
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {{name: limits}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: gw}}]
  traffic: {limits}
"""
    file = tmp_path / "lab.yaml"
    file.write_text(gateway(8080) + route("/openai", fake.port) + policy + more)
    return Sluice("-f", str(file), *args, env={"OPENAI_API_KEY": "sk-limits"})


async def ask(sluice: Sluice, *headers: str) -> Answer:
    """One request, on a connection of its own."""
    async with await sluice.client() as client:
        return await client.ask(request(CHAT, headers=[*headers, "Connection: close"]))


def shown(answer: Answer) -> dict[str, str]:
    return {key: value for key in KEYS if (value := answer.header(key))}


async def test_the_sixth_request_is_refused_in_the_clients_dialect(tmp_path: Path, fake: FakeProvider) -> None:
    async with serving(tmp_path, fake, "{rateLimit: {local: [{requests: 5, unit: Hours}]}}") as sluice:
        for left in range(4, -1, -1):
            answer = await ask(sluice)
            assert answer.status == 200
            assert shown(answer)["x-ratelimit-remaining"] == str(left)
        refused = await ask(sluice)
        assert refused.status == 429
        assert refused.header("retry-after") == shown(refused)["x-ratelimit-reset"]
        assert b'"message":"rate limit exceeded"' in refused.body
        await until(lambda: len(sluice.requests()) == 6)
        line = sluice.requests()[-1]
        assert (line["http.status"], line["reason"]) == (429, "RateLimit")


async def test_the_text_form_is_the_sentence_alone(tmp_path: Path, fake: FakeProvider) -> None:
    limits = "{errorFormat: text, rateLimit: {local: [{tokens: 5, unit: Hours}]}}"
    async with serving(tmp_path, fake, limits) as sluice:
        assert (await ask(sluice)).status == 200
        refused = await ask(sluice)
        assert (refused.status, refused.body) == (429, b"rate limit exceeded")


async def test_a_rate_limit_config_counts_by_header(tmp_path: Path, fake: FakeProvider) -> None:
    config = """
---
apiVersion: ratelimit.solo.io/v1alpha1
kind: RateLimitConfig
metadata: {name: users}
spec:
  raw:
    descriptors: [{key: user, rateLimit: {requestsPerUnit: 2, unit: HOUR}}]
    rateLimits:
    - actions: [{cel: {expression: 'request.headers["X-User-ID"]', key: user}}]
"""
    limits = "{entRateLimit: {global: {rateLimitConfigRefs: [{name: users}]}}}"
    async with serving(tmp_path, fake, limits, more=config) as sluice:
        assert [(await ask(sluice, "X-User-ID: a")).status for _ in range(3)] == [200, 200, 429]
        assert (await ask(sluice, "X-User-ID: b")).status == 200
        assert [(await ask(sluice)).status for _ in range(4)] == [200] * 4


async def test_a_stream_is_cut_to_the_token_and_never_looks_complete(tmp_path: Path, fake: FakeProvider) -> None:
    fake.script(slow_script(400, 0.002))
    limits = "{rateLimit: {local: [{tokens: 60, unit: Hours, cutStream: true}]}}"
    async with serving(tmp_path, fake, limits) as sluice:
        async with await sluice.client() as client:
            answer = await client.ask(request(STREAM, headers=["Connection: close"]))
        assert answer.status == 200
        assert answer.body.count(b'"content":"Hello"') < 60
        assert answer.body.rstrip().endswith(b'"code":"rate_limit_exceeded"}}')
        assert b"[DONE]" not in answer.body
        line = await sluice.request_line()
        assert (line["stream.outcome"], line["reason"]) == ("limited", "RateLimit")
        refused = await ask(sluice)
        assert (refused.status, shown(refused)["x-ratelimit-remaining"]) == (429, "0")
        assert 3590 < int(refused.header("retry-after")) <= 3600  # it owes nothing


async def test_workers_count_together(tmp_path: Path, fake: FakeProvider) -> None:
    limits = "{rateLimit: {local: [{requests: 40, unit: Hours}]}}"
    async with serving(tmp_path, fake, limits, "--workers", "2") as sluice:
        answers = await asyncio.gather(*(ask(sluice) for _ in range(60)))
        assert sorted(answer.status for answer in answers) == [200] * 40 + [429] * 20
        await until(lambda: len(sluice.requests()) == 60)
        assert {line["worker"] for line in sluice.requests()} == {1, 2}


async def test_places_are_held_to_the_last_byte_and_free_after_a_worker_was_killed(
    tmp_path: Path, fake: FakeProvider
) -> None:
    fake.script(*[slow_script(400, 0.05)] * 8)
    limits = "{rateLimit: {local: [{concurrency: 8}]}}"
    async with serving(tmp_path, fake, limits, "--workers", "2") as sluice, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await sluice.client()) for _ in range(8)]
        for client in clients:
            client.send(request(STREAM))
            assert (await client.head()).status == 200
        assert (await ask(sluice)).status == 429
        ready = [line for line in sluice.lines if line.get("message") == "a worker is ready"]
        os.kill(int(str(ready[0]["pid"])), signal.SIGKILL)
        async with asyncio.timeout(2 * HEARTBEAT_S + 3):
            while await status(sluice) != 200:
                await asyncio.sleep(0.05)


async def status(sluice: Sluice) -> int:
    """Of one request; 0 = the connection ended, as those of a killed worker do."""
    try:
        return (await ask(sluice)).status
    except (OSError, EOFError, Broken):
        return 0
