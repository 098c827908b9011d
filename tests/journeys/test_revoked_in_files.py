"""Who is taken out of a file that a policy names is out, also if nobody asked in between."""

import asyncio
import base64
from pathlib import Path

import bcrypt
import pytest

from tests.support.command import NOTICED_S, Sluice, rewrite
from tests.support.raw_client import CHAT, request

pytestmark = pytest.mark.timed

PATH = "/v1/chat/completions"
CONFIGURATION = """
llm:
  models: [{{name: "*", provider: fake}}]
  policies:
    basicAuth: {{mode: strict, htpasswd: {{file: {file}}}}}
"""


async def test_the_first_request_after_a_silence_finds_the_users_that_there_are(tmp_path: Path) -> None:
    users = tmp_path / "users"
    alice = f"alice:{bcrypt.hashpw(b'wonderland', bcrypt.gensalt(4)).decode()}\n"
    users.write_text(alice)
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION.format(file=users))
    credentials = base64.b64encode(b"alice:wonderland").decode()
    async with Sluice("-f", str(file)) as sluice:

        async def status() -> int:
            async with await sluice.client() as client:
                return (
                    await client.ask(request(CHAT, path=PATH, headers=[f"Authorization: Basic {credentials}"]))
                ).status

        assert await status() == 200
        for text, expected in (("# nobody\n", 401), (alice, 200)):
            rewrite(users, text)
            await asyncio.sleep(NOTICED_S)  # the silence is the thing: who looks meanwhile has it read anew
            assert await status() == expected
