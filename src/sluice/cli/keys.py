"""`sluice keys`: keys for clients, made here and told once, and what was spent with them."""

import asyncio
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from sluice.cli.help import ToldGroup
from sluice.config.ledger_url import LedgerUrl, SqliteUrl, ledger_url
from sluice.config.money_policy import nanos
from sluice.gateway.money_ports import GROUPS, Books, LedgerGone, VirtualKey
from sluice.policies.api_key import check_pattern
from sluice.policies.budget import NANO
from sluice.policies.cost import usd
from sluice.stores.ledger import books

T = TypeVar("T")
PREFIX = "sk-sluice-"
ENVIRONMENT = "SLUICE_DATABASE"


@click.group(
    "keys",
    cls=ToldGroup,
    examples=(
        ("sluice keys -d sqlite:ledger.db create --name alice --budget-usd 20", "a key with 20 USD a month"),
        ("sluice keys -d sqlite:ledger.db list", "whose keys there are"),
        ("sluice keys -d sqlite:ledger.db spend --by model", "what went where this month"),
    ),
)
@click.option(
    "-d",
    "--database",
    envvar=ENVIRONMENT,
    metavar="URL",
    help="The ledger, as `config.database.url` has it: sqlite:///var/lib/sluice/ledger.db; sqlite:ledger.db is here.",
)
@click.pass_context
def keys_command(context: click.Context, database: str | None) -> None:
    """Create, list and revoke keys of clients, and see what was spent.

    A key is shown once, when it is made; what is kept is its SHA-256. A gateway that uses the same ledger knows a new
    key, and refuses a revoked one, within 1.5 seconds.

    Exit status: 0; 1 there is no such key, or the ledger cannot be used; 2 wrong options.
    """
    context.obj = database  # looked at when a command runs: its help needs no ledger


@keys_command.command(
    "create",
    examples=(
        ("sluice keys -d sqlite:ledger.db create --name alice", "a key for everything"),
        ("sluice keys -d sqlite:ledger.db create --name ci --model 'gpt-4o*' --budget-usd 5 --period Day", "less"),
    ),
)
@click.option("--name", required=True, help="Whose it is, or what for.")
@click.option("--team", default="", help="Who pays.")
@click.option("--metadata", "pairs", multiple=True, metavar="NAME=VALUE", help="For expressions: `apiKey.NAME`.")
@click.option("--model", "models", multiple=True, metavar="PATTERN", help="May be used.", show_default="all")
@click.option("--budget-usd", metavar="AMOUNT", help="What may be spent in each period.")
@click.option("--budget-tokens", type=click.IntRange(1, 10**12), help="The same, in tokens in and out.")
@click.option(
    "--period",
    type=click.Choice(["Hour", "Day", "Month"], case_sensitive=False),
    default="Month",
    help="Of the budget; in UTC.",
)
@click.pass_context
def create_command(
    context: click.Context,
    *,
    name: str,
    team: str,
    pairs: Sequence[str],
    models: tuple[str, ...],
    budget_usd: str | None,
    budget_tokens: int | None,
    period: str,
) -> None:
    """Make a key, and show it: the only time that anybody can see it."""
    if budget_usd is not None and budget_tokens is not None:
        raise click.UsageError("--budget-usd or --budget-tokens: not both")
    if not name.strip():
        raise click.BadParameter("a key has a name", param_hint="--name")
    try:
        for pattern in models:
            check_pattern(pattern)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--model") from None
    try:
        amount = nanos(budget_usd) if budget_usd is not None else budget_tokens or 0
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--budget-usd") from None
    secret = PREFIX + secrets.token_urlsafe(32)
    key = VirtualKey(
        id=f"vk-{os.urandom(6).hex()}",
        digest=hashlib.sha256(secret.encode()).digest(),
        name=name,
        team=team,
        metadata=_pairs(pairs),
        allowed_models=models,
        budget_unit="usd" if budget_usd is not None else "tokens" if budget_tokens is not None else "",
        budget_amount=amount,
        budget_period=period if amount else "",
        created_at=time.time(),
    )
    _run(context, lambda store: store.add_key(key), makes=True)
    click.echo(secret)
    click.echo(f"{key.id}  {name}: shown only now; keep it.", err=True)


@keys_command.command(
    "list",
    examples=(
        ("sluice keys -d sqlite:ledger.db list", "those that work"),
        ("sluice keys -d sqlite:ledger.db list --all", "and those that were revoked"),
    ),
)
@click.option("--all", "revoked_too", is_flag=True, help="Those that were revoked too.")
@click.pass_context
def list_command(context: click.Context, *, revoked_too: bool) -> None:
    """Show the keys."""
    found = _run(context, lambda store: store.keys())
    rows = [
        (
            *(key.id, key.name, key.team, ",".join(key.allowed_models) or "*", _budget(key), _day(key.created_at)),
            "" if key.revoked_at is None else f"revoked {_day(key.revoked_at)}",
        )
        for key in found
        if revoked_too or key.revoked_at is None
    ]
    _table(("ID", "NAME", "TEAM", "MODELS", "BUDGET", "CREATED", ""), rows)


@keys_command.command(
    "revoke", examples=(("sluice keys -d sqlite:ledger.db revoke vk-0123456789ab", "its ID, as `list` has it"),)
)
@click.argument("key_id", metavar="ID")
@click.pass_context
def revoke_command(context: click.Context, key_id: str) -> None:
    """Refuse a key from now on. What was spent with it stays in the ledger."""
    if not _run(context, lambda store: store.revoke_key(key_id, time.time())):
        raise click.ClickException(f"there is no key {key_id} that is not revoked")
    click.echo(f"{key_id} is revoked")


@keys_command.command(
    "spend",
    examples=(
        ("sluice keys -d sqlite:ledger.db spend", "this month, by key"),
        (
            "sluice keys -d sqlite:ledger.db spend --by team --since 2026-11-01 --until 2026-12-01",
            "a month, by team",
        ),
    ),
)
@click.option(
    "--by", type=click.Choice([group.replace("_id", "") for group in GROUPS]), default="key", help="What is added up."
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day, in UTC.", show_default="of this month")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="First day no longer counted.", show_default="now")
@click.pass_context
def spend_command(context: click.Context, *, by: str, since: datetime | None, until: datetime | None) -> None:
    """Show what was spent, the most expensive first. What is under way counts as what it reserved."""
    first = since or datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    from_s = first.replace(tzinfo=UTC).timestamp()
    to_s = until.replace(tzinfo=UTC).timestamp() if until is not None else time.time() + 1
    group = "key_id" if by == "key" else by

    async def asked(store: Books) -> tuple[list[tuple[str, ...]], dict[str, str]]:
        names = {key.id: key.name for key in await store.keys()} if by == "key" else {}
        spends = await store.spend(group, from_s, to_s)
        rows: list[tuple[str, ...]] = [
            (s.group or "-", str(s.requests), str(s.open), str(s.input_tokens), str(s.output_tokens), usd(s.cost))
            for s in spends
        ]
        return rows, names

    rows, names = _run(context, asked)
    if by == "key":
        rows = [(row[0], names.get(row[0], ""), *row[1:]) for row in rows]
    title = (by.upper(), *(("NAME",) if by == "key" else ()), "REQUESTS", "OPEN", "INPUT", "OUTPUT", "USD")
    _table(title, rows)


# -- what they share --------------------------------------------------------------------------------------------------


def _run(context: click.Context, what: Callable[[Books], Awaitable[T]], *, makes: bool = False) -> T:
    """`makes`: a ledger that is not there is begun."""
    url = _ledger(context.obj)
    if isinstance(url, SqliteUrl) and not makes and not Path(url.path).exists():
        raise click.ClickException(f"there is no ledger at {url.path}")

    async def main() -> T:
        store = books(url)
        await store.open()
        try:
            return await what(store)
        finally:
            await store.close()

    try:
        return asyncio.run(main())
    except LedgerGone as error:
        click.echo(f"the ledger cannot be used: {error}", err=True)
        sys.exit(1)


def _ledger(database: str | None) -> LedgerUrl:
    if not database:
        raise click.UsageError(f"which ledger? --database URL or the variable {ENVIRONMENT} says it")
    try:
        return ledger_url(database)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--database") from None


def _pairs(pairs: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise click.BadParameter(f"`{pair}` is not NAME=VALUE", param_hint="--metadata")
        found[name] = value
    return found


def _budget(key: VirtualKey) -> str:
    if not key.budget_unit:
        return "-"
    amount = f"${usd(key.budget_amount * NANO)}" if key.budget_unit == "usd" else f"{key.budget_amount} tokens"
    return f"{amount}/{key.budget_period.lower()}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _table(title: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (title, *rows)) for column in range(len(title))]
    for row in (title, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())
