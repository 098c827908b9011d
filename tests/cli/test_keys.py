"""`sluice keys`: a key is told once and kept as a digest; what it may and what it spent can be seen."""

import asyncio
import time
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sluice.cli.keys import PREFIX, keys_command
from sluice.gateway.money_ports import Opened, Settled
from sluice.gateway.virtual_keys import KeyDirectory
from sluice.policies.cost import USD
from sluice.policies.principal import Principal
from sluice.stores.ledger_sqlite import SqliteLedger
from tests.stores.booking import at_work


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def sluice(path: Path, *words: str) -> Result:
    return CliRunner().invoke(keys_command, ["-d", f"sqlite://{path}", *words])


def created(path: Path, *words: str) -> tuple[str, str]:
    """A key, and its id."""
    result = sluice(path, "create", "--name", "alice", *words)
    assert result.exit_code == 0, result.output
    return result.stdout.strip(), result.stderr.split()[0]


def test_a_key_is_shown_once_and_kept_as_a_digest(path: Path) -> None:
    key, _ = created(path)
    assert key.startswith(PREFIX)
    assert len(key) > 50
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert key.encode() not in kept
    assert key.removeprefix(PREFIX).encode() not in kept
    assert sha256(key.encode()).digest() in kept
    assert key not in sluice(path, "list").output


def test_a_list_shows_whose_keys_are_and_what_they_may(path: Path) -> None:
    words = ("--team", "red", "--model", "gpt-*", "--model", "o3", "--budget-usd", "2.50", "--period", "day")
    _, key_id = created(path, *words)
    line = sluice(path, "list").output.splitlines()[1]
    for word in (key_id, "alice", "red", "gpt-*,o3", "$2.5/day"):
        assert word in line


def test_a_revoked_key_is_gone_from_the_list_and_cannot_be_revoked_again(path: Path) -> None:
    _, key_id = created(path)
    assert sluice(path, "revoke", key_id).exit_code == 0
    assert key_id not in sluice(path, "list").output
    assert "revoked" in sluice(path, "list", "--all").output
    assert sluice(path, "revoke", key_id).exit_code == 1


def test_spending_is_shown_by_key_with_its_name(path: Path) -> None:
    _, key_id = created(path)

    async def spend() -> None:
        async with at_work(lambda: SqliteLedger(str(path))) as books:
            now = time.time()
            await books.admit(Opened(id="1", at=now, key_id=key_id, model="m", cost=USD), [])
            books.settle(Settled(id="1", at=now, model="m", input_tokens=3, output_tokens=4, cost=USD // 4))
            await books.admit(Opened(id="2", at=now, key_id=key_id, model="m", cost=USD), [])

    asyncio.run(spend())
    line = sluice(path, "spend").output.splitlines()[1]
    assert line.split() == [
        key_id,
        "alice",
        "2",
        "0",
        "3",
        "4",
        "1.25",
    ]  # the second ended with its process: as reserved
    assert "1.25" in sluice(path, "spend", "--by", "model", "--since", "2000-01-01").output
    assert "1.25" not in sluice(path, "spend", "--by", "day", "--until", "2000-01-01").output


@pytest.mark.parametrize(
    "words",
    [
        ("create",),
        ("create", "--name", "a", "--budget-usd", "1", "--budget-tokens", "5"),
        ("create", "--name", "a", "--budget-usd", "much"),
        ("create", "--name", "a", "--metadata", "nothing"),
        ("create", "--name", " "),
        ("create", "--name", "a", "--model", "gpt-*-mini*"),
        ("create", "--name", "a", "--model", ""),
        ("spend", "--by", "digest"),
    ],
)
def test_what_makes_no_sense_is_refused(path: Path, words: tuple[str, ...]) -> None:
    assert sluice(path, *words).exit_code == 2


def test_an_address_with_a_password_is_not_quoted() -> None:
    result = CliRunner().invoke(keys_command, ["-d", "mysql://u:hunter2@h/d", "list"])
    assert result.exit_code == 2
    assert "hunter2" not in result.output


def test_a_ledger_that_cannot_be_opened_is_said_so(tmp_path: Path) -> None:
    result = sluice(tmp_path / "nowhere" / "ledger.db", "create", "--name", "a")
    assert result.exit_code == 1
    assert "the ledger cannot be used" in result.stderr


@pytest.mark.parametrize("words", [("list",), ("revoke", "vk-1"), ("spend",)])
def test_whoever_looks_at_a_ledger_that_is_not_there_makes_none(path: Path, words: tuple[str, ...]) -> None:
    result = sluice(path, *words)
    assert result.exit_code == 1
    assert f"there is no ledger at {path}" in result.stderr
    assert not path.exists()


# -- the gateway's side -----------------------------------------------------------------------------------------------


def test_the_gateway_knows_a_new_key_and_forgets_a_revoked_one_in_time(path: Path) -> None:
    key, key_id = created(path, "--team", "red", "--metadata", "tier=gold", "--model", "gpt-*", "--budget-tokens", "9")
    digest = sha256(key.encode()).digest()

    async def gateway() -> None:
        async with at_work(lambda: SqliteLedger(str(path))) as books:
            directory = KeyDirectory(books)
            await directory.load()
            found = directory.find(digest)
            assert found is not None
            assert (found.id, found.allowed_models) == (key_id, ("gpt-*",))
            assert found.metadata == {"name": "alice", "team": "red", "tier": "gold"}
            assert directory.find(sha256(b"another").digest()) is None
            (budget,) = directory.budgets(Principal(kind="api_key", id=key_id))
            assert (budget.amount, budget.unit, budget.period) == (9, "tokens", "Month")
            assert directory.budgets(Principal(kind="jwt", id=key_id)) == ()
            keeper = asyncio.create_task(directory.keep())
            await asyncio.to_thread(sluice, path, "revoke", key_id)
            async with asyncio.timeout(1.5):
                while directory.find(digest) is not None:
                    await asyncio.sleep(0.01)
            assert directory.budgets(Principal(kind="api_key", id=key_id)) == ()
            keeper.cancel()

    asyncio.run(gateway())
