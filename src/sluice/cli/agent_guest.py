"""Agents beside the gateway: `sluice serve --agent`. Their models are the gateway's that serves everybody else."""

from collections.abc import Awaitable, Callable, Sequence

from sluice.agent_server.app import build
from sluice.agent_server.door import AgentDoor
from sluice.cli.agent_house import Wanted, server_of, service_of
from sluice.cli.agent_start import reachable
from sluice.cli.agent_target import load
from sluice.config.exposure import Exposure
from sluice.config.plan import Plan
from sluice.net.assembly import Assembly
from sluice.telemetry.report import Report


def invitation(
    targets: Sequence[str], plan: Plan, exposure: Exposure, port: int, store: str
) -> Callable[[Assembly, Report], Awaitable[AgentDoor]]:
    """Return what makes the door of these agents once the gateway stands.

    Raises:
        ConfigError: one of them is no agent, or somebody from outside could ask without a credential.
    """
    wanted = Wanted(agents=[agent for target in targets for agent in load(target)], plan=plan, store=store)
    hosts = reachable(exposure.hosts, plan, insecure=exposure.insecure)

    async def door(assembly: Assembly, report: Report) -> AgentDoor:
        service = service_of(wanted, assembly, report)
        made = AgentDoor(build(server_of(service, wanted, assembly)), service, hosts, port)
        await made.open()
        return made

    return door
