"""A hundred reloads under two hundred streams, thirty of them of files that are wrong: no stream is cut, each keeps the
plan that it began with, and what is wrong changes nothing. Keys are exchanged under way.

Every configuration says its number in the model that it asks for, which no other has a price for, and in its route's
name; the odd ones send keep-alives into silences and the even ones do not. So a stream shows at its first token which
plan it began with, and at every silence, and in its log line and its cost, whether it still has it.
"""

import asyncio
import json
import random
import re
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import Fault
from tests.journeys.manifests import gateway
from tests.support.command import NOTICED_S, Sluice, rewrite
from tests.support.events import DONE
from tests.support.raw_client import RawClient, request
from tests.support.sockets import free_ports
from tests.support.waiting import until
from tests.support.world import World

pytestmark = pytest.mark.timed

STREAMS = 200
RELOADS = 100
WRONG = 30
SILENCES_MS = [0, 0, 500, 500, 500, 500, 0]
"""Before each event of a stream: four silences among its words. The streams are many at once, not many a second."""
BEAT = b": keep-alive\n\n"
_MODEL = re.compile(rb'"model":"m-(\d+)"')


def backend(port: int, *, model: str = "", auth: str = "") -> str:
    provider = f"openai: {{model: {model}}}" if model else "openai: {}"
    return f"""
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayBackend
metadata:
  name: ai
spec:
  ai:
    provider:
      {provider}
      host: 127.0.0.1
      port: {port}
{auth}"""


def route(name: str, *, retry: str = "", stream: str = "") -> str:
    """A route at /ai, under a name, and what it says besides."""
    return f"""
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {name}
spec:
  parentRefs:
    - name: gw
  rules:
    - matches:
        - path: {{type: PathPrefix, value: /ai}}
      backendRefs:
        - {{name: ai, group: agentgateway.dev, kind: AgentgatewayBackend}}
---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayPolicy
metadata:
  name: life
spec:
  targetRefs:
    - {{group: gateway.networking.k8s.io, kind: HTTPRoute, name: {name}}}
  traffic:
    timeouts: {{connect: 5s}}{stream}{retry}
"""


def prices(number: int) -> str:
    """A token of an answer costs one millionth of a dollar more than in the configuration before; the first, one."""
    model = f'm-{number}: {{rates: {{input: "0", output: "{number + 1}"}}}}'
    return f"config: {{modelCatalog: [{{inline: {{providers: {{openai: {{models: {{{model}}}}}}}}}}}]}}\n---\n"


def numbered(number: int, port: int, fake_port: int) -> str:
    """A configuration that shows its number, whose streams are kept alive if that is odd."""
    keep_alive = "{interval: 100ms, commitAfter: 0s}" if number % 2 else "{interval: 0s}"
    stream = f"\n    stream: {{keepAlive: {keep_alive}}}"
    served = gateway(port) + backend(fake_port, model=f"m-{number}") + route(f"route-{number}", stream=stream)
    return prices(number) + served


def wrong(number: int, way: int, port: int, fake_port: int) -> str:
    """A configuration that is refused, for one reason or another; if it were taken, it would show."""
    text = numbered(number, port, fake_port)
    spoilt = (
        text + "---\nkind: [",
        text.replace("interval:", "intervall:"),
        text.replace("connect: 5s", "connect: soon"),
        text.replace("port: " + str(fake_port), "port: none"),
        text + "\n---\napiVersion: v1\nkind: Nonsense\nmetadata: {name: x}\n",
    )[way % 5]
    assert spoilt != text
    return spoilt


def asked(*, stream: bool = True, **wish: object) -> bytes:
    message = {"role": "user", "content": f"[[fake {json.dumps(wish)}]]"}
    return request(json.dumps({"model": "any", "stream": stream, "messages": [message]}).encode(), path="/ai")


STREAM = asked(content="one two three four", fault={"gap_ms": SILENCES_MS})
WHOLE = asked(stream=False, content="one")


class Load:
    """Two hundred clients, each with one stream after the other, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.in_force = 0
        """The configuration that was the last to be seen at work."""
        self.written = 0
        """The last one that may be taken."""
        self.stopping = False
        self.under_way = 0
        self.plans: Counter[int] = Counter()
        """How many streams began under which configuration."""
        self.outlived = 0
        """Streams that ended under another configuration than their own."""

    async def run(self, start_s: float) -> None:
        await asyncio.sleep(start_s)
        async with await RawClient.connect(self._port) as client:
            while not self.stopping:
                oldest = self.in_force
                client.send(STREAM)
                self.under_way += 1
                head = await client.head()
                assert head.status == 200
                newest = self.written
                body = await client.read_until(b"\r\n0\r\n\r\n")
                self.under_way -= 1
                self._judge(body, range(oldest, newest + 1))

    def _judge(self, body: bytes, possible: range) -> None:
        (plan,) = {int(number) for number in _MODEL.findall(body)}
        assert plan in possible
        assert DONE in body
        beats = body.count(BEAT)
        assert beats >= len([ms for ms in SILENCES_MS if ms]) if plan % 2 else beats == 0, (plan, beats)
        self.plans[plan] += 1
        self.outlived += plan != self.in_force


REFUSED = "configuration refused, the old one stays"


class Operator:
    """Writes configurations and sees to it that they are noticed."""

    def __init__(self, sluice: Sluice, probe: RawClient, load: Load, file: Path, ports: tuple[int, int]) -> None:
        self._sluice, self._probe, self._load, self._file, self._ports = sluice, probe, load, file, ports
        self.requests = 0

    async def right(self) -> None:
        """Write the next configuration, and wait until it is in force."""
        number = self._load.written = self._load.written + 1
        self._write(numbered(number, *self._ports))
        async with asyncio.timeout(NOTICED_S):
            while await self._in_force() != number:
                pass
        self._load.in_force = number

    async def wrong(self, way: int) -> None:
        """Write one that is refused, and wait until it was."""
        before = self._sluice.messages().count(REFUSED)
        self._write(wrong(self._load.written + 1, way, *self._ports))
        await until(lambda: self._sluice.messages().count(REFUSED) > before, within_s=NOTICED_S)
        assert await self._in_force() == self._load.written

    def _write(self, text: str) -> None:
        rewrite(self._file, text)
        self._sluice.signal(signal.SIGHUP)

    async def _in_force(self) -> int:
        """Ask which configuration answers."""
        self.requests += 1
        answer = await self._probe.ask(WHOLE)
        assert answer.status == 200
        (number,) = {int(found) for found in _MODEL.findall(answer.body)}
        return number


async def test_a_hundred_reloads_under_two_hundred_streams(world: World, tmp_path: Path) -> None:
    dice, file, ports = random.Random(4), tmp_path / "gateway.yaml", (free_ports(1)[0], (await world.fake()).port)
    file.write_text(numbered(0, *ports))
    steps = [True] * (RELOADS - WRONG) + [False] * WRONG
    dice.shuffle(steps)
    load = Load(ports[0])
    async with Sluice("-f", str(file), anywhere=False) as sluice, await RawClient.connect(ports[0]) as probe:
        operator = Operator(sluice, probe, load, file, ports)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(STREAMS):
                tasks.create_task(load.run(dice.uniform(0.0, 0.5)))
            await until(lambda: load.under_way == STREAMS)
            for way, right in enumerate(steps):
                await (operator.right() if right else operator.wrong(way))
                assert load.under_way > STREAMS * 0.8
            load.stopping = True
        requests = sum(load.plans.values()) + operator.requests
        await until(lambda: len(sluice.requests()) == requests)
        assert {line["stream.outcome"] for line in sluice.requests()} == {"completed"}
        for line in sluice.requests():
            number = str(line["gen_ai.response.model"]).removeprefix("m-")
            assert line["route"] == f"default/route-{number}", "its end is its plan's too"
            tokens = int(str(line["gen_ai.usage.output_tokens"]))
            assert tokens > 0
            cost = tokens * (int(number) + 1) / 10**6
            assert line["agw.ai.usage.cost.total"] == pytest.approx(cost), "and so are its prices"
        assert load.outlived >= STREAMS
        assert sluice.messages().count(REFUSED) >= WRONG
        assert await sluice.metric("exchange_outcomes_total") == requests
    assert "Traceback" not in sluice.stderr


# -- keys --------------------------------------------------------------------------------------------------------------


def secret(key: str) -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData: {{Authorization: Bearer {key}}}\n"


AUTH = "  policies: {auth: {secretRef: {name: key}}}\n"


async def works_after(port: int, status: int) -> float:
    """Seconds until a request is answered with this status."""
    began = time.monotonic()
    async with asyncio.timeout(3 * NOTICED_S), await RawClient.connect(port) as client:
        while (await client.ask(WHOLE)).status != status:
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_a_new_key_works_and_a_revoked_one_fails(world: World, tmp_path: Path) -> None:
    """In a file of its own, as a Secret is mounted. Streams that run are not touched, and a request that was waiting
    for its next attempt makes it with the key that it began with."""
    (port,) = free_ports(1)
    fake = await world.fake(Options(key="sk-second"))
    (tmp_path / "gateway.yaml").write_text(
        gateway(port) + backend(fake.port, auth=AUTH) + route("keyed", retry="\n    retry: {attempts: 1, backoff: 2s}")
    )
    (tmp_path / "secret.yaml").write_text(secret("sk-first"))
    async with Sluice("-f", str(tmp_path), anywhere=False) as sluice:
        assert await works_after(port, 401) < NOTICED_S
        rewrite(tmp_path / "secret.yaml", secret("sk-second"))
        assert await works_after(port, 200) < NOTICED_S

        streams = [await RawClient.connect(port) for _ in range(20)]
        waiting = await RawClient.connect(port)
        long = asked(content="one two three four five six", fault={"gap_ms": [0, 0, 500], "tag": "long"})
        for client in streams:
            client.send(long)
            await client.head()
        fake.fault(Fault(status=503, tag="busy"))
        waiting.send(WHOLE)
        await until(lambda: [sight.ended for sight in fake.seen_of(tag="busy")] == ["finished"])

        rewrite(tmp_path / "secret.yaml", secret("sk-revoked"))
        assert await works_after(port, 401) < NOTICED_S
        assert len(fake.seen_of(tag="long")) == 20
        assert {sight.ended for sight in fake.seen_of(tag="long")} == {"open"}
        answer = await waiting.answer()
        assert (answer.status, answer.header("x-sluice-attempts")) == (200, "ai;503, ai;200")
        for client in streams:
            assert DONE in await client.read_until(b"\r\n0\r\n\r\n")
        for client in (*streams, waiting):
            client.close()
        await until(lambda: len(sluice.requests()) == fake.seen - 1)  # the one with two attempts
        canaries = ("sk-first", "sk-second", "sk-revoked")
        assert not any(key in str(sluice.lines) + sluice.stderr for key in canaries)
