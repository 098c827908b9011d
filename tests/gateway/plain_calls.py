"""Plans and requests for operations beside chat: everything goes to one target, played by the fake provider."""

from collections.abc import Mapping

import msgspec

from sluice.config.plan import AiBackend, Plan
from sluice.config.targets import TargetSpec, make_target
from sluice.policies.ai import AiPolicy
from sluice.policies.deadlines import Deadlines
from sluice.providers.credential import AwsKeys, Secret
from sluice.providers.provider import Provider
from tests.support.http_answer import Answer
from tests.support.plans import KEY, here, plan, route
from tests.support.raw_client import request
from tests.support.serving import Serving
from tests.support.world import World

VERTEX = {"project": "p", "region": "us-central1"}
AWS = AwsKeys(access_key_id="AKIDEXAMPLE", secret_access_key=Secret("x" * 40), region="us-east-1")


def to(
    provider: Provider,
    port: int,
    *,
    variables: Mapping[str, str] | None = None,
    model: str = "",
    ai: AiPolicy = AiPolicy(),  # noqa: B008 - frozen
    aws: bool = False,
    spec: TargetSpec | None = None,
    deadlines: Deadlines = Deadlines(),
) -> Plan:
    """A plan that sends everything to one target of a provider, played by the fake one."""
    whole = spec or TargetSpec(
        name="t",
        provider=provider,
        endpoint=here(port),
        model=model,
        variables=variables or {},
        credential=None if aws else Secret(KEY),
        cloud=AWS if aws else None,
        ai=ai,
    )
    return plan(route("/", AiBackend(name="test/t", groups=((make_target(whole),),)), deadlines=deadlines))


async def asked(world: World, whole: Plan, path: str, body: object, *headers: str) -> tuple[Answer, Serving]:
    serving = await world.gateway(whole)
    client = await world.client(serving)
    return await client.ask(request(msgspec.json.encode(body), path=path, headers=headers)), serving
