"""The log of the real command: the labs' own lines of `jq` and `grep` over its standard output, and many workers."""

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from sluice.testing.fake_fault import Fault
from tests.journeys.manifests import gateway, route
from tests.support.command import Sluice
from tests.support.raw_client import CHAT, STREAM_WITH_USAGE, request
from tests.support.waiting import until
from tests.support.world import World

A001 = (Path(__file__).parents[1] / "config" / "manifests" / "lab-a001.yaml").read_text().split("\n---\n")[0]
RETRY = """
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata: {name: retry}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: openai}]
  traffic: {retry: {attempts: 1, codes: [429], backoff: 1ms}}
"""
KUBECTL = """#!/bin/sh
# The log of the one pod that there is: `logs`, of which only --tail and --prefix say anything here.
tail=+1 prefix=
while [ $# -gt 0 ]; do
  case "$1" in
    --tail) tail="$2"; shift ;;
    --prefix) prefix='[pod/agentgateway-proxy/agentgateway] ' ;;
  esac
  shift
done
tail -n "$tail" "$LOG" | sed "s|^|$prefix|"
"""
LONG = """
config:
  logging: {format: json, fields: {add: {request.body: json(request.body), response.body: json(response.body)}}}
llm:
  port: 8080
  models: [{name: m, provider: openai, params: {baseUrl: "http://127.0.0.1:%d/v1", apiKey: sk-fake}}]
"""
PROXY = "kubectl logs deploy/agentgateway-proxy -n agentgateway-system"


class Written(Sluice):
    """`sluice serve` whose standard output is kept as it is."""

    stdout = b""

    async def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(1 << 16):
            self.stdout += data

    async def written(self, exchanges: int) -> None:
        """Wait for so many lines about exchanges, the last one whole."""
        text = b'"scope":"request"' if b'"scope"' in self.stdout else b" info request "
        await until(lambda: self.stdout.count(text) >= exchanges and self.stdout.endswith(b"\n"))


class Pod:
    """What a newcomer has: a shell in which `kubectl` shows the log of this process."""

    def __init__(self, folder: Path, sluice: Written) -> None:
        self._folder, self._sluice = folder, sluice
        (folder / "kubectl").write_text(KUBECTL)
        (folder / "kubectl").chmod(0o755)

    async def shell(self, command: str) -> str:
        log = self._folder / "log"
        log.write_bytes(self._sluice.stdout)
        env = {"PATH": f"{self._folder}:{os.environ['PATH']}", "LOG": str(log)}
        process = await asyncio.create_subprocess_shell(
            command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b""), (command, err)
        return out.decode()

    async def objects(self, command: str) -> list[Mapping[str, object]]:
        """What `jq` printed: any number of values, one after the other."""
        text, found, at = await self.shell(command), [], 0
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            value, at = json.JSONDecoder().raw_decode(text, at)
            found.append(value)
        return found


async def asked(sluice: Sluice, *bodies: bytes) -> None:
    async with await sluice.client() as client:
        for body in bodies:
            await client.ask(
                request(body, headers=("x-foo: bar", "user-agent: curl/8.6.0", "Authorization: Bearer sk-no"))
            )


async def test_the_lines_of_jq_in_the_labs_work_as_they_stand(world: World, tmp_path: Path) -> None:
    fake = await world.fake()
    config = tmp_path / "gateway.yaml"
    config.write_text("\n---\n".join([A001, gateway(8080)]) + route("/openai", fake.port) + RETRY)
    sluice = await world.enter(Written("-f", str(config), env={"LOG_FORMAT": ""}))
    await asked(sluice, STREAM_WITH_USAGE, CHAT)
    fake.fault(Fault(status=429), times=1)
    await asked(sluice, CHAT)
    await sluice.written(3)
    pod = Pod(tmp_path, sluice)

    lines = await pod.objects(f"{PROXY} --tail 20 | jq 'select(.scope == \"request\")'")
    assert [line["http.status"] for line in lines] == [200, 200, 200]
    (last,) = await pod.objects(f"{PROXY} --tail 1  | jq .")
    assert (last["scope"], last["http.status"], last["gen_ai.operation.name"]) == ("request", 200, "chat")
    everything = await pod.objects(f"{PROXY} --tail 50 | jq .")
    assert await pod.objects(f"{PROXY} -f        | jq .") == everything
    retried = await pod.objects(
        "kubectl logs -f deploy/agentgateway-proxy -n agentgateway-system | jq "
        '\'select(.["retry.attempt"]) | {retry: .["retry.attempt"], status: ."http.status", duration, error}\''
    )
    assert [(line["retry"], line["status"], line["error"]) for line in retried] == [(1, 200, None)]
    assert str(retried[0]["duration"]).endswith("ms")
    prefixed = await pod.shell("kubectl logs -l app.kubernetes.io/name=agentgateway-proxy --prefix --tail 20")
    assert all(line.startswith("[pod/") for line in prefixed.splitlines())

    stream, whole = lines[0], lines[1]
    assert whole["request.body"] == json.loads(CHAT)
    assert isinstance(whole["response.body"], dict)
    assert whole["response.body"]["object"] == "chat.completion"
    assert "response.body" not in stream  # frames are no JSON
    assert (whole["x-foo"], whole["rq.headers.user-agent"]) == ("bar", "curl/8.6.0")
    assert isinstance(whole["rq.headers.all"], dict)
    assert whole["rq.headers.all"]["authorization"] == "<redacted>"
    assert not whole.keys() & {"jwt", "request.body.modelId"}
    assert b"sk-no" not in sluice.stdout
    assert await sluice.metric("requests_total", 'user_org="public-tier"', 'user_id="unknown"') == 3


async def test_the_greps_of_the_docs_work_on_text(world: World, tmp_path: Path) -> None:
    fake = await world.fake()
    config = tmp_path / "gateway.yaml"
    config.write_text(gateway(8080) + route("/openai", fake.port))
    sluice = await world.enter(Written("-f", str(config), "--log-format", "text"))
    await asked(sluice, STREAM_WITH_USAGE)
    await sluice.written(1)
    pod = Pod(tmp_path, sluice)
    trace = await pod.shell(f"{PROXY} | grep -o 'trace\\.id=[^ ]*' | tail -1")
    assert len(trace.strip().removeprefix("trace.id=")) == 32
    line = await pod.shell(
        'kubectl logs deployment/agentgateway-proxy -n agentgateway-system | grep "gen_ai.usage.input_tokens"'
    )
    assert " info request " in line
    assert " http.status=200 " in line
    assert " gen_ai.operation.name=chat " in line


@pytest.mark.parametrize("workers", [1, 2])
async def test_long_lines_of_several_workers_never_mingle(world: World, tmp_path: Path, workers: int) -> None:
    fake = await world.fake()
    config = tmp_path / "gateway.yaml"
    config.write_text(LONG % fake.port)
    sluice = await world.enter(Written("-f", str(config), *(["--workers", "2"] if workers > 1 else [])))
    text = '[[fake {"content": "Yes."}]]' + "long " * 10_000
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()

    async def one() -> None:
        async with await sluice.client() as client:
            await client.ask(request(body, path="/v1/chat/completions"))

    await asyncio.gather(*(one() for _ in range(24)))
    await sluice.written(24)
    lines = [json.loads(line) for line in sluice.stdout.splitlines()]
    bodies = [line["request.body"] for line in lines if line["scope"] == "request"]
    assert bodies == [json.loads(body)] * 24
    if workers > 1:
        assert {line["worker"] for line in lines if line["scope"] == "request"} == {1, 2}
