"""net.services: what is said of a ledger's keys when a process starts."""

import time
from hashlib import sha256
from pathlib import Path

import msgspec

from sluice.config.plan import Plan
from sluice.gateway.money_ports import VirtualKey
from sluice.net.pool import Pool
from sluice.net.services import PolicyServices
from sluice.net.signing import CloudSigner
from sluice.policies.access import Access
from sluice.policies.api_key import ApiKeys
from sluice.stores.ledger_sqlite import SqliteLedger
from sluice.stores.limits_memory import MemoryCounters
from tests.stores.booking import at_work
from tests.support.plans import ai, plan, route
from tests.support.serving import Heard

NOTE = "the ledger has virtual keys, and no route asks for one"


async def said(path: str, served: Plan) -> str:
    """What the log has when a process with this ledger has started."""
    heard, pool, books = Heard(), Pool(), SqliteLedger(path)
    services = PolicyServices(
        upstream=pool,
        signer=CloudSigner(time.time),
        counters=MemoryCounters(),
        store=None,
        books=books,
        report=heard.report,
        log=heard.log,
    )
    await services.open(served)
    services.close()
    await books.close()
    pool.close()
    return b"".join(heard.lines).decode()


async def test_keys_that_no_route_asks_for_are_said(tmp_path: Path) -> None:
    ledger = str(tmp_path / "ledger.db")
    bare = plan(route("/openai", ai(1)))
    entry = bare.listeners[0].entries[0]
    asking = plan(
        msgspec.structs.replace(entry, rule=msgspec.structs.replace(entry.rule, access=Access(api_keys=ApiKeys())))
    )
    assert NOTE not in await said(ledger, bare)  # there are none
    async with at_work(lambda: SqliteLedger(ledger)) as books:
        key = VirtualKey(id="vk-1", digest=sha256(b"sk").digest(), name="a", created_at=1.0)
        await books.add_key(key)
    assert NOTE in await said(ledger, bare)
    assert NOTE not in await said(ledger, asking)
