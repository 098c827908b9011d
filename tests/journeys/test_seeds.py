"""The product's seed documents: what they tell people to paste is pasted, and shows what they say it shows.

`seeds/` holds the commands and manifests as they stand in the documents. They all speak to port 8080; a `.curlrc`
leads those connections to the port that is free here. Nothing else about the commands is changed.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from sluice.testing.fake_desk import Options
from sluice.testing.fake_provider import FakeProvider
from tests.support.command import Sluice
from tests.support.waiting import PATIENCE_S
from tests.support.world import World

SEEDS = Path(__file__).parent / "seeds"
KEY = "sk-seed-2f61"
_CURL = re.compile(r"^ *curl .*?\}'$", re.MULTILINE | re.DOTALL)
_MANIFEST = re.compile(r"<<EOF\n(.*?)^EOF$", re.MULTILINE | re.DOTALL)
ADDRESSES = {"GATEWAY_IP": "localhost", "INGRESS_GW_ADDRESS": "localhost"}


def commands() -> list[tuple[str, str]]:
    """Every curl of the seeds, with the file it stands in."""
    return [(path.name, command) for path in sorted(SEEDS.iterdir()) for command in _CURL.findall(path.read_text())]


def test_the_seeds_have_the_commands_that_they_should() -> None:
    assert shutil.which("curl"), "these journeys need curl (Debian: apt-get install curl)"
    assert [name[:3] for name, _ in commands()] == ["000", "001", "001", "002"]


class Event(msgspec.Struct):
    """A chunk, as far as the documents show one."""

    class Choice(msgspec.Struct):
        class Delta(msgspec.Struct):
            role: str | None = None
            content: str | None = None

        index: int
        delta: Delta
        finish_reason: str | None

    id: str
    kind: str = msgspec.field(name="object")
    created: int
    model: str
    choices: list[Choice]
    usage: dict[str, int] | None = None


class Pasted(msgspec.Struct):
    """What curl printed."""

    body: str

    def events(self) -> list[Event]:
        """Check the shape that all three documents show, and return the chunks."""
        lines = self.body.split("\n")
        assert lines[-3:] == ["data: [DONE]", "", ""]
        data, blank = lines[0:-1:2], lines[1:-1:2]
        assert not any(blank), "events are separated by one blank line"
        return [msgspec.json.decode(line.removeprefix("data: "), type=Event) for line in data[:-1]]


async def paste(command: str, home: Path, port: int, env: Mapping[str, str] = ADDRESSES) -> Pasted:
    """Run a command as a person would, in a shell."""
    lines = ["silent", "show-error", f"connect-to = localhost:8080:127.0.0.1:{port}"]
    lines.append(f"connect-to = localhost:80:127.0.0.1:{port}")
    (home / ".curlrc").write_text("\n".join(lines) + "\n")
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-euc", command),
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(home), "CURL_HOME": str(home), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await shell.communicate()
    assert (shell.returncode, err) == (0, b"")
    return Pasted(out.decode())


def number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


async def check(sluice: Sluice, command: str, home: Path, *, key: bool) -> None:
    """Paste the command; look at the output, the log line, and the numbers."""
    pasted = await paste(command, home, sluice.port)
    model = "gpt-4o-mini" if "gpt-4o-mini" in command else "gpt-3.5-turbo"
    dated = {"gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-3.5-turbo": "gpt-3.5-turbo-0125"}[model]
    events = pasted.events()
    assert {(event.kind, event.model) for event in events} == {("chat.completion.chunk", dated)}
    assert events[0].choices[0].delta == Event.Choice.Delta(role="assistant", content="")
    assert [event.choices[0].finish_reason for event in events] == [None] * (len(events) - 1) + ["stop"]
    assert "".join(event.choices[0].delta.content or "" for event in events)
    assert all(event.usage is None for event in events), "no usage object in the stream"

    line = await sluice.request_line()
    assert {name: line[name] for name in EXPECTED} == EXPECTED
    assert (line["gen_ai.request.model"], line["gen_ai.response.model"]) == (model, dated)
    assert line["gen_ai.provider.name"] == ("openai" if key else "fake")
    assert line["stream.chunks"] == len(events) + 1, "the chunk with the usage was seen, and kept back"
    assert re.fullmatch(r"\d+ms", str(line["duration"]))
    assert re.fullmatch(r"[0-9a-f]{32}", str(line["trace.id"]))
    output = number(line["gen_ai.usage.output_tokens"])
    assert output > 1
    assert number(line["agw.ai.time_to_first_token"]) > 0
    assert number(line["agw.ai.time_per_output_token"]) >= 0
    await check_metrics(sluice, line, model, dated)


EXPECTED: dict[str, object] = {
    "level": "info",
    "scope": "request",
    "http.method": "POST",
    "http.path": "/openai",
    "http.version": "HTTP/1.1",
    "http.status": 200,
    "protocol": "llm",
    "gen_ai.operation.name": "chat",
    "llm.streaming": True,
    "stream.outcome": "completed",
    "gen_ai.response.finish_reason": "stop",
}


async def check_metrics(sluice: Sluice, line: dict[str, object], model: str, dated: str) -> None:
    labels = (f'gen_ai_request_model="{model}"', f'gen_ai_response_model="{dated}"')
    usage = "gen_ai_client_token_usage_sum"
    assert await sluice.metric(usage, *labels, 'gen_ai_token_type="input"') == line["gen_ai.usage.input_tokens"]
    assert await sluice.metric(usage, *labels, 'gen_ai_token_type="output"') == line["gen_ai.usage.output_tokens"]
    first = await sluice.metric("gen_ai_server_time_to_first_token_sum", *labels)
    assert first == pytest.approx(number(line["agw.ai.time_to_first_token"]), abs=1e-6)
    per_token = await sluice.metric("gen_ai_server_time_per_output_token_sum", *labels)
    assert per_token == pytest.approx(number(line["agw.ai.time_per_output_token"]), abs=1e-6)
    assert await sluice.metric("gen_ai_server_time_per_output_token_count", *labels) == 1
    assert await sluice.metric("gen_ai_server_request_duration_count", *labels) == 1
    assert await sluice.metric("stream_outcomes_total", *labels, 'outcome="completed"') == 1
    assert await sluice.metric("requests_total", 'status="200"', 'protocol="llm"') == 1
    assert await sluice.metric("active_streams") == 0


@pytest.fixture
async def provider(world: World) -> FakeProvider:
    return await world.fake(Options(key=KEY, gap_s=0.001))


# -- (a) no file: the environment --------------------------------------------------------------------------------------


@pytest.fixture(params=["with a key", "without a key"])
async def from_environment(request: pytest.FixtureRequest, provider: FakeProvider) -> AsyncIterator[Sluice]:
    keyed = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": provider.url}
    async with Sluice(env=keyed if request.param == "with a key" else {}) as sluice:
        yield sluice


@pytest.mark.parametrize(("name", "command"), commands())
async def test_the_commands_against_the_environment(
    from_environment: Sluice, provider: FakeProvider, tmp_path: Path, name: str, command: str
) -> None:
    keyed = "is not set" not in from_environment.stderr
    await check(from_environment, command, tmp_path, key=keyed)
    assert provider.seen == int(keyed)


# -- (b) the seed's own manifests --------------------------------------------------------------------------------------

SECRET = f"""
apiVersion: v1
kind: Secret
metadata:
  name: openai-secret
  namespace: agentgateway-system
stringData:
  Authorization: Bearer {KEY}
"""


@pytest.fixture
async def from_manifests(provider: FakeProvider, tmp_path: Path) -> AsyncIterator[Sluice]:
    """The lab's manifests; its `kubectl create secret` as a manifest; and one override: where the provider is."""
    (text,) = _MANIFEST.findall((SEEDS / "000-streaming-lab.txt").read_text())
    here = f"openai: {{}}\n      host: 127.0.0.1\n      port: {provider.port}\n"
    assert text.count("openai: {}\n") == 1
    (tmp_path / "lab.yaml").write_text(text.replace("openai: {}\n", here))
    (tmp_path / "secret.yaml").write_text(SECRET)
    async with Sluice("-f", str(tmp_path / "lab.yaml"), "-f", str(tmp_path / "secret.yaml")) as sluice:
        yield sluice


@pytest.mark.parametrize(("name", "command"), commands())
async def test_the_commands_against_the_labs_manifests(
    from_manifests: Sluice, provider: FakeProvider, tmp_path: Path, name: str, command: str
) -> None:
    await check(from_manifests, command, tmp_path, key=True)
    line = from_manifests.requests()[0]
    assert (line["gateway"], line["route"]) == ("agentgateway-system/agentgateway-proxy", "agentgateway-system/openai")
    assert line["endpoint"] == f"127.0.0.1:{provider.port}"
    (asked,) = provider.requests
    assert (asked.path, asked.header(b"authorization")) == ("/v1/chat/completions", f"Bearer {KEY}")


async def test_without_stream_the_answer_is_one_object_with_usage(from_manifests: Sluice, tmp_path: Path) -> None:
    """Lab A004 and page C2: the same command without `"stream": true`."""
    command = commands()[0][1].replace('"stream": true,', "")
    answer = msgspec.json.decode((await paste(command, tmp_path, from_manifests.port)).body, type=dict[str, object])
    assert answer["object"] == "chat.completion"
    usage = msgspec.convert(answer["usage"], dict[str, object])
    line = await from_manifests.request_line()
    assert usage["prompt_tokens"] == line["gen_ai.usage.input_tokens"] != 0
    assert usage["completion_tokens"] == line["gen_ai.usage.output_tokens"] != 0
    assert (line["llm.streaming"], line["stream.outcome"]) == (False, "completed")
    assert "agw.ai.time_to_first_token" not in line


async def test_the_words_that_the_pages_own_test_looks_for(from_manifests: Sluice, tmp_path: Path) -> None:
    """Page C1 greps for these."""
    body = (await paste(commands()[1][1], tmp_path, from_manifests.port)).body
    assert "chat.completion.chunk" in body
    assert "[DONE]" in body
