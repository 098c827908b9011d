"""A file that hangs, as on a mount whose server is gone: whoever does not need it is served, and the process ends."""

import asyncio
import base64
import os
import signal
from pathlib import Path

import bcrypt
import pytest

from tests.journeys.test_revoked_in_files import CONFIGURATION, PATH
from tests.support.command import NOTICED_S, Sluice
from tests.support.raw_client import CHAT, RawClient, request

FORGIVING = "llm: {models: [{name: '*', provider: fake}]}"


def hangs(file: Path) -> None:
    """Whoever opens it from now on waits until somebody writes into it, which nobody ever does."""
    pipe = file.with_name("pipe")
    os.mkfifo(pipe)
    pipe.rename(file)


async def ask(client: RawClient) -> int:
    credentials = base64.b64encode(b"alice:wonderland").decode()
    return (await client.ask(request(CHAT, path=PATH, headers=[f"Authorization: Basic {credentials}"]))).status


async def test_a_process_ends_while_a_file_of_users_hangs(tmp_path: Path) -> None:
    users, file = tmp_path / "users", tmp_path / "gateway.yaml"
    users.write_text(f"alice:{bcrypt.hashpw(b'wonderland', bcrypt.gensalt(4)).decode()}\n")
    file.write_text(CONFIGURATION.format(file=users))
    async with Sluice("-f", str(file), "--drain-timeout", "1s") as sluice:
        async with await sluice.client() as client:
            assert await ask(client) == 200
        hangs(users)
        await asyncio.sleep(NOTICED_S)
        async with await sluice.client() as client:
            waiting = asyncio.create_task(ask(client))  # for longer than the process has
            await asyncio.sleep(0.5)
            sluice.signal(signal.SIGTERM)
            assert await sluice.exit_status(within_s=10) == 0
            assert await waiting == 503


@pytest.mark.parametrize("times", [1, 2], ids=["and drains", "and ends at once"])
async def test_a_process_ends_while_its_configuration_hangs(tmp_path: Path, times: int) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(FORGIVING)
    async with Sluice("-f", str(file), "--drain-timeout", "1s") as sluice:
        hangs(file)
        await asyncio.sleep(NOTICED_S)
        async with await sluice.client() as client:
            assert await ask(client) == 200
        for _ in range(times):
            sluice.signal(signal.SIGTERM)
        assert await sluice.exit_status(within_s=10) == 0
