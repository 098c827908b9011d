"""Who can reach the real command: where it listens, what it refuses to open, and that no reload opens it."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.support.command import Sluice, rewrite
from tests.support.raw_client import RawClient, request
from tests.support.sockets import free_ports
from tests.support.waiting import until

MODELS = "llm: {models: [{name: m, provider: fake}]%s}\n"
KEYED = MODELS % ", policies: {apiKey: {keys: [{key: sk-right}]}}"
OPTIONAL = MODELS % ", policies: {apiKey: {mode: optional, keys: [{key: sk-right}]}}"
OPEN = MODELS % ""
REFUSED = "configuration refused, the old one stays"
ELSEWHERE = "127.0.0.2"
"""What listens on all addresses answers here too; what listens on `localhost` does not."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.yaml"


async def reached(port: int) -> bool:
    with socket.socket() as sock:
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (ELSEWHERE, port))
        except ConnectionRefusedError:
            return False
    return True


async def status(port: int, *headers: str) -> int:
    async with await RawClient.connect(port) as client:
        return (await client.ask(request(path="/v1/chat/completions", headers=headers))).status


async def heard(sluice: Sluice, message: str, times: int) -> None:
    await until(lambda: sluice.messages().count(message) >= times)


async def start_refused(*args: str) -> str:
    """Return what a command says that does not start."""
    async with Sluice(*args) as sluice:
        assert await sluice.exit_status() == 2
        return sluice.stderr


@pytest.mark.parametrize(
    ("text", "args", "open_"),
    [
        (OPEN, (), False),
        (OPTIONAL, (), False),
        (KEYED, (), True),
        (KEYED, ("--host", "localhost"), False),
        (KEYED, ("--host", "0.0.0.0"), True),
        (OPEN, ("--insecure-bind",), True),
        (OPEN, ("--insecure-bind", "--host", "0.0.0.0"), True),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_only_who_asks_everybody_listens_beyond_this_machine(
    file: Path, text: str, args: tuple[str, ...], open_: bool, workers: str
) -> None:
    file.write_text(text)
    async with Sluice("-f", str(file), "--workers", workers, *args) as sluice:
        assert await reached(sluice.port) is open_
        assert await status(sluice.port, "Authorization: Bearer sk-right") == 200
        assert ("Open to the network, to whoever authenticates" in sluice.stderr) is (open_ and text is KEYED)
        assert ("Anyone who can reach this machine" in sluice.stderr) is (open_ and text is OPEN)


@pytest.mark.parametrize("text", [OPEN, OPTIONAL])
async def test_to_listen_beyond_this_machine_without_asking_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    said = await start_refused("-f", str(file), "--host", "0.0.0.0")
    assert "sluice cannot start: port 4000 listens on 0.0.0.0, and route" in said
    assert "asks nobody who they are" in said
    assert "--insecure-bind" in said
    assert "'gateway.test' is no address" in await start_refused("-f", str(file), "--host", "gateway.test")


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_reload_that_takes_the_authentication_away_is_refused(file: Path, workers: int) -> None:
    file.write_text(KEYED)
    async with Sluice("-f", str(file), "--workers", str(workers)) as sluice:
        assert await status(sluice.port) == 401
        for times, text in enumerate((OPEN, OPTIONAL), 1):
            rewrite(file, text)
            await heard(sluice, REFUSED, times * workers)
            said = [str(line["error"]) for line in sluice.lines if line.get("message") == REFUSED]
            assert all("listens on 0.0.0.0, ::, and route" in one and "or restart" in one for one in said)
            assert await status(sluice.port) == 401
        rewrite(file, KEYED.replace("sk-right", "sk-other"))
        await heard(sluice, "configuration reloaded", workers)
        assert await status(sluice.port, "Authorization: Bearer sk-other") == 200
        assert await status(sluice.port) == 401


async def test_a_reload_opens_no_port_that_this_machine_has_to_itself(file: Path) -> None:
    """Nor one that comes anew without authentication; one that comes with it is open."""
    first, second, third = free_ports(3)
    both = "gateways: {default: {port: %d}}\n"
    file.write_text(both % first + OPEN)
    async with Sluice("-f", str(file), anywhere=False) as sluice:
        assert not await reached(first)
        for times, (port, text, open_) in enumerate(
            ((first, KEYED, False), (second, KEYED, True), (third, OPEN, False)), 1
        ):
            rewrite(file, both % port + text)
            await heard(sluice, "configuration reloaded", times)
            assert await reached(port) is open_
        assert not await reached(second)
