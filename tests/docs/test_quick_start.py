"""The end of docs/quick-start.md: a Prometheus that is started as the page says answers the first query.

The road from a clean clone to there, with a stopwatch: `python -m tools.newcomer`.
"""

import asyncio
import re
from pathlib import Path

from tests.docs.pages import blocks, sessions, shape
from tests.docs.terminal import follow, moved, terminal
from tests.support.prometheus_server import prometheus_binary
from tools.newcomer import PROMETHEUS, QUERY, block
from tools.process import Process, free_port

PAGE = "docs/quick-start.md"
PATIENCE_S = 25.0
"""Prometheus hands its first targets to its scrapers five seconds after its start."""


async def test_the_first_query_of_a_dashboard_is_answered(tmp_path: Path) -> None:
    session = next(one for one in sessions(PAGE) if any(QUERY in step.command.text for step in one.steps))
    (asked,) = [step for step in session.steps if QUERY in step.command.text]
    assert asked.output is not None
    at = f"localhost:{free_port()}"
    async with terminal(session, tmp_path) as (sluice, _):
        told = tmp_path / "prometheus.yaml"
        told.write_text(moved(told.read_text(), sluice))
        page = "".join(f"```{each.language}\n{each.text}```\n" for each in blocks(PAGE))
        words = block(page, PROMETHEUS).replace("localhost:9090", at).split()
        words = [word.replace("prometheus.yaml", str(told)).replace("build/", f"{tmp_path}/") for word in words]
        prometheus = Process(prometheus_binary(), *words[1:], says=tmp_path / "prometheus.log")
        await prometheus.start()
        try:
            chat = next(step for step in session.steps if "sluice chat" in step.command.text)
            await follow(type(session)(session.page, session.run, session.env, (chat,)), tmp_path, sluice)
            await prometheus.answers(f"http://{at}/-/ready", within_s=PATIENCE_S)
            async with asyncio.timeout(PATIENCE_S):
                while not shape(asked.output).fullmatch(
                    await printed(asked.command.text.replace("localhost:9090", at))
                ):
                    await asyncio.sleep(0.2)
        finally:
            await prometheus.end()


async def printed(command: str) -> str:
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-c", re.sub(r"^curl", "curl -s", command)), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await shell.communicate()
    return said.decode().strip()
