"""A gateway of these tests, scored: the fake provider, the gateway and the verification in one loop."""

from collections.abc import Callable

from sluice.verify import run
from sluice.verify.asking import Gateway
from sluice.verify.facts import Area, Cell, Client, Finding, Provider
from sluice.verify.rig import Rig, fake_provider
from tests.verify.bad.gateway import IDLE_S, HonestGateway

KEEP_ALIVE_S = 0.2


async def findings(
    make: Callable[[int], HonestGateway],
    area: Area,
    wanted: Callable[[Cell], bool] = lambda _: True,
    *,
    seed: int = 7,
    quick: bool = True,
    client: Client = "chat",
    provider: Provider = "chat",
) -> dict[str, Finding]:
    """Ask what is wanted of an area, and return the findings by the names of their cells."""
    fake = fake_provider()
    await fake.start()
    try:
        async with make(fake.port) as bad:
            gateway = Gateway(
                host="127.0.0.1",
                port=bad.port,
                clients=(client,),
                providers=(provider,),
                idle_s=IDLE_S,
                keep_alive_s=KEEP_ALIVE_S,
            )
            rig = Rig(fake, gateway, seed, quick=quick)
            cells = [cell for cell in run.every(rig) if cell.area == area and wanted(cell)]
            assert cells
            return {found.name: found for found in await run.run(cells, lambda _: None)}
    finally:
        await fake.close()


def failed(found: dict[str, Finding]) -> list[str]:
    """The names of the cells that failed."""
    return [name for name, finding in found.items() if finding.result == "fail"]
