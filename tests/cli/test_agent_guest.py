"""`sluice serve --agent`: agents beside the gateway, in one process, on two ports, ended together."""

import asyncio
import signal
from pathlib import Path

from click.testing import CliRunner

from sluice.cli import main
from tests.support.command import Sluice

CODE = """
from sluice import Agent

agent = Agent("mine")


@agent.on_message
async def handle(ctx):
    async for chunk in ctx.llm.stream(ctx.messages):
        yield chunk
"""


async def test_an_agent_beside_the_gateway_asks_it_and_ends_its_run_before_the_process(tmp_path: Path) -> None:
    (tmp_path / "guest_shop.py").write_text(CODE)
    where = {"PYTHONPATH": f"{tmp_path}"}
    beside = ("--agent", "guest_shop:agent", "--agent-port", "0", "--agent-store", "memory:")
    async with Sluice(*beside, env=where) as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.side["agents"])
        body = b'{"requestId":"r","message":{"content":"hello"}}'
        head = b"POST /stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(body) + body)
        await reader.readuntil(b'"type":"chunk"')
        process.signal(signal.SIGTERM)
        await reader.readuntil(b"event: final")
        writer.close()
        assert await process.exit_status() == 0
    records = process.requests()
    assert [(line["gen_ai.agent.name"], line["stream.outcome"]) for line in records] == [("mine", "completed")]


def test_several_processes_serve_no_agents(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--agent", "x:y", "--workers", "2"])
    assert result.exit_code == 2
    assert "agents are served by one process" in result.output
