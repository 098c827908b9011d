"""The pages of docs/agents/ that say what to paste: it is pasted, and prints what they say."""

import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from sluice.agent_server.app import build
from sluice.agent_server.identity import Everyone
from sluice.agent_server.server import Principals, Server
from sluice.agents.agent import Agent
from sluice.cli.agent_target import load
from sluice.errors import Unauthenticated
from sluice.testing.bench import TestBench
from tests.docs.agent_pages import Scene, follow, scenes, served
from tests.docs.pages import ROOT, blocks

PAGES = ("README", "graphs", "langgraph", "protocols", "python", "security", "seed-003", "stores")
ALL = [scene for page in PAGES for scene in scenes(f"docs/agents/{page}.md")]


@pytest.mark.parametrize("scene", ALL, ids=lambda scene: scene.place)
async def test_the_commands_print_what_the_page_says(scene: Scene, tmp_path: Path) -> None:
    async with served(scene, tmp_path) as running:
        await follow(scene, tmp_path, running)


def text(page: str) -> str:
    return (ROOT / "docs" / "agents" / f"{page}.md").read_text(encoding="utf-8")


def test_every_page_is_named_by_the_first() -> None:
    named = set(re.findall(r"\]\(([\w-]+)\.md\)", text("README") + text("protocols")))
    assert named | {"README"} == {path.stem for path in (ROOT / "docs" / "agents").glob("*.md")}


def test_every_block_of_python_is_run_or_a_file_that_the_page_serves() -> None:
    for page in PAGES:
        files = {
            block.text.partition("\n")[0] for block in blocks(f"docs/agents/{page}.md") if block.language == "python"
        }
        used = [step.command.text for scene in scenes(f"docs/agents/{page}.md") for step in scene.steps]
        served = " ".join([*used, *(word for scene in scenes(f"docs/agents/{page}.md") for word in scene.args)])
        names = [first[2:].removesuffix(".py") for first in files if first.startswith("# ")]
        assert [name for name in names if name not in served and name != "agent"] == []


def test_the_addresses_that_the_protocols_begin_at_are_routes() -> None:
    rows = text("protocols").partition("## Come back")[0].split("\n")
    cells = [row.split(" | ")[2] for row in rows if row.startswith("| ")]
    named = {path for cell in cells for path in re.findall(r"`(?:[A-Z]+ )?(/[^`]*)`", cell)}
    served = set(bench_routes())
    assert len(named) > 12
    assert {re.sub(r"\b(ID|THREAD)\b", "{}", path) for path in named} <= served


def app(principals: Principals) -> Starlette:
    return build(Server(TestBench(Agent("echo")).service, principals))


def bench_routes() -> list[str]:
    """The paths of the application, with `{}` for what stands for anything."""
    return [re.sub(r"{.*?}", "{}", getattr(route, "path", "")) for route in app(Everyone()).routes]


class Nobody:
    async def principal(self, request: HTTPConnection) -> str:
        raise Unauthenticated("who are you?", reason="Test")


async def test_what_is_open_to_all_is_what_the_page_says() -> None:
    sentence = text("security").partition("Open to all are")[2].partition("and the page at")[0]
    transport = httpx.ASGITransport(app(Nobody()))
    answered = set()
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in bench_routes():
            if "{}" not in path and (await client.get(path)).status_code == 200:
                answered.add(path)
    assert answered == set(re.findall(r"`(/[^`]*)`", sentence))


async def test_the_agent_of_the_readme_streams(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("README.md") if block.text.startswith("# story.py\n")]
    (tmp_path / "story.py").write_text(block.text)
    (agent,) = load(f"{tmp_path / 'story.py'}:agent")
    async with agent.test(llm="mock:Once| upon| a time") as bench:
        await bench.run("Tell me a story")
        assert (bench.text, bench.faults) == ("Once upon a time", [])
