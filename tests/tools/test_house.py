"""Every law of the house, broken once in a small tree and kept once in another."""

from pathlib import Path

import pytest

from tools.house import inspect

CLEAN = '"""A module."""\n'


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write `files`, named under src/sluice/, and return src/."""
    for name, text in files.items():
        path = root / "src" / "sluice" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "src"


BREACHES = {
    "chat imports a room above it": ("chat/fold.py", "from sluice.relay.meter import Meter", "import"),
    "a room is imported inside a function": ("chat/fold.py", "def f():\n    import sluice.net.server", "import"),
    "a relative import leaves its room": ("chat/fold.py", "from ..relay import meter", "import"),
    "policies import a dialect": ("policies/retry.py", "from sluice.dialects.dialect import Dialect", "import"),
    "policies import a provider": ("policies/retry.py", "from sluice.providers.provider import Provider", "import"),
    "policies import the wire": ("policies/retry.py", "import sluice.wire.sse", "import"),
    "errors import anything of ours": ("errors.py", "from sluice.chat.usage import Usage", "import"),
    "errors import the registry": ("errors.py", "from sluice.registry import Registry", "import"),
    "relay imports config": ("relay/stream.py", "from sluice.config.plan import Plan", "import"),
    "relay imports the list of built-ins": ("relay/stream.py", "from sluice.standard import REGISTRY", "import"),
    "gateway imports agents": ("gateway/pump.py", "import sluice.agents.run", "import"),
    "telemetry imports net": ("telemetry/metrics.py", "from sluice.net import server", "import"),
    "a room the house does not have": ("utils/text.py", "X = 1", "room"),
    "asyncio in a pure room": ("relay/stream.py", "import asyncio", "pure"),
    "a clock in a pure room": ("relay/meter.py", "from time import monotonic", "pure"),
    "randomness in a pure room": ("policies/balance.py", "import random", "pure"),
    "a part of a forbidden package": ("config/source.py", "import os.path", "pure"),
    "the file system in a pure room": ("config/source.py", "from pathlib import Path", "pure"),
    "the network in a pure room": ("providers/openai.py", "from urllib.request import urlopen", "pure"),
    "an HTTP client in a pure room": ("providers/openai.py", "from http import client", "pure"),
    "logging in a pure room": ("dialects/x.py", "import logging", "pure"),
    "wall time in a pure room": ("chat/fold.py", "import datetime\nX = datetime.datetime.now()", "pure"),
    "a file in a pure room": ("config/source.py", "X = open('x').read()", "pure"),
    "standard input in a pure room": ("config/source.py", "import sys\nX = sys.stdin.read()", "pure"),
    "async def in a pure room": ("relay/stream.py", "async def f():\n    return 1", "async"),
    "a socket in the gateway": ("gateway/pump.py", "import socket", "gateway"),
    "TLS in the gateway": ("gateway/pump.py", "from ssl import SSLContext", "gateway"),
    "an I/O library in the gateway": ("gateway/pump.py", "import httptools", "library"),
    "a web framework in agents": ("agents/agent.py", "from starlette.routing import Route", "library"),
    "a command line library in config": ("config/source.py", "import click", "library"),
    "a provider's name in a string": ("relay/stream.py", "X = 'api.openai.com'", "provider-name"),
    "a provider's name in a class": ("gateway/pump.py", "class AnthropicPump:\n    pass", "provider-name"),
    "a provider's name in an argument": ("policies/retry.py", "def f(is_azure):\n    return 1", "provider-name"),
    "a provider's name in bytes": ("wire/sse.py", "X = b'x-bedrock'", "provider-name"),
    "a provider's name in an attribute": ("chat/fold.py", "def f(x):\n    return x.vertex", "provider-name"),
    "a provider's name in an import": ("relay/stream.py", "from sluice.dialects import openai_chat", "provider-name"),
    "a short provider's name as a part": ("net/server.py", "fake_server = 1", "provider-name"),
    "splitlines": ("net/server.py", "X = 'a'.splitlines()", "splitlines"),
    "wait_for around a read": ("net/server.py", "import asyncio\nX = asyncio.wait_for(None, 1)", "wait_for"),
    "ensure_future": ("net/server.py", "import asyncio\nX = asyncio.ensure_future(None)", "task"),
    "a task nobody owns": ("net/server.py", "import asyncio\nX = asyncio.create_task(None)", "task"),
    "a task of the loop": ("net/server.py", "def f(loop):\n    loop.create_task(None)", "task"),
    "print outside the cli": ("net/server.py", "print('x')", "print"),
    "a file too long": ("net/server.py", "X = 1\n" * 300, "length"),
}


@pytest.mark.parametrize(("name", "body", "law"), BREACHES.values(), ids=BREACHES)
def test_reports_each_breach_with_its_place_and_law(tmp_path: Path, name: str, body: str, law: str) -> None:
    source = plant(tmp_path, {name: CLEAN + body + "\n"})
    lines = inspect(source, {})
    line = 300 if law == "length" else 1 if law == "room" else 2
    places = [f"src/sluice/{name}:{number}: {law}: " for number in (line, line + 1)]
    assert any(found.startswith(tuple(places)) for found in lines), lines
    assert {found.split(": ")[1] for found in lines} <= {law, "import"}, lines


KEPT = {
    "a room imports the one below": ("relay/stream.py", "from sluice.chat.usage import Usage"),
    "a room imports itself": ("relay/stream.py", "from sluice.relay import meter"),
    "errors are everyone's": ("wire/sse.py", "from sluice.errors import FrameTooLarge"),
    "the version is everyone's": ("telemetry/names.py", "from sluice import __version__"),
    "built-ins are config's": ("config/compile.py", "from sluice.standard import REGISTRY"),
    "http names without a client": ("wire/http1.py", "from http import HTTPStatus"),
    "a clock in net": ("net/server.py", "import time"),
    "asynchronous code in the gateway": ("gateway/pump.py", "import asyncio\n\n\nasync def f():\n    return 1"),
    "a provider's name in prose": ("relay/stream.py", 'X = 1\n"""OpenAI sends none."""  # Azure neither'),
    "a provider's name in providers": ("providers/openai.py", "OPENAI = 'openai'"),
    "a word that only holds a short name": ("gateway/pump.py", "fakery = 1"),
    "a date that is not now": ("chat/fold.py", "import datetime\nX = datetime.timedelta(1)"),
    "a task of a group": ("net/server.py", "def f(group):\n    group.create_task(None)"),
    "print in the cli": ("cli.py", "print('x')"),
    "an event's own wait_for": ("testing/clock.py", "def f(page):\n    page.wait_for(1)"),
    "300 lines": ("net/server.py", "X = 1\n" * 299),
}


@pytest.mark.parametrize(("name", "body"), KEPT.values(), ids=KEPT)
def test_is_silent_about_what_keeps_the_laws(tmp_path: Path, name: str, body: str) -> None:
    body = body if body.endswith("\n") else body + "\n"
    assert inspect(plant(tmp_path, {name: CLEAN + body}), {}) == []


def test_reports_a_module_without_a_docstring(tmp_path: Path) -> None:
    lines = inspect(plant(tmp_path, {"wire/sse.py": "X = 1\n"}), {})
    assert [line.split(": ")[:2] for line in lines] == [["src/sluice/wire/sse.py:1", "docstring"]]


def test_reports_an_import_cycle_with_its_whole_way_round(tmp_path: Path) -> None:
    files = {
        "wire/a.py": CLEAN + "from sluice.wire.b import B\n",
        "wire/b.py": CLEAN + "from sluice.wire import c\n",
        "wire/c.py": CLEAN + "import sluice.wire.a\n",
        "wire/d.py": CLEAN + "import sluice.wire.a\n",
    }
    (line,) = inspect(plant(tmp_path, files), {})
    assert "cycle: sluice.wire.a -> sluice.wire.b -> sluice.wire.c -> sluice.wire.a" in line


def test_an_exemption_silences_one_law_in_one_file(tmp_path: Path) -> None:
    body = CLEAN + "import asyncio\nX = asyncio.create_task(None)\nprint('x')\n"
    source = plant(tmp_path, {"net/a.py": body, "net/b.py": body})
    laws = [line.split(": ")[:2] for line in inspect(source, {("sluice/net/a.py", "task"): "owned by the test"})]
    assert laws == [
        ["src/sluice/net/a.py:4", "print"],
        ["src/sluice/net/b.py:3", "task"],
        ["src/sluice/net/b.py:4", "print"],
    ]


def test_an_exemption_without_need_is_reported(tmp_path: Path) -> None:
    source = plant(tmp_path, {"net/a.py": CLEAN})
    (line,) = inspect(source, {("sluice/net/a.py", "task"): "gone"})
    assert line.startswith("src/sluice/net/a.py:1: task: is exempt without need")
