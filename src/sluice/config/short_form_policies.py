"""`llm.policies` of the short form: what holds on every request, whatever its model.

PURE. Obeys: compat-agentgateway 3.1, and the words of stream-life 9 for the additions.
"""

from functools import partial

import msgspec

from sluice.config.access_short import short_access
from sluice.config.access_short_api import ShortAccessSettings
from sluice.config.ai_policy import AiReader
from sluice.config.conditions import check_retry
from sluice.config.layers import Said
from sluice.config.limit_api import LimitSettings
from sluice.config.limit_policy import short_limiting
from sluice.config.money_api import MoneySettings
from sluice.config.money_policy import short_budgets
from sluice.config.plan import Rule
from sluice.config.policy_api import Traffic
from sluice.config.shaping_policy import shaping
from sluice.config.short_form_api import PoliciesSpec
from sluice.config.short_form_readers import NAMESPACE, ShortReaders
from sluice.config.struct_fields import fields_of
from sluice.config.traffic import treated
from sluice.config.traffic_api import TrafficSettings
from sluice.config.transform_policy import transformations
from sluice.policies.ai import AiPolicy, merged
from sluice.policies.shaping import Shaping

PATH = ("llm", "policies")
SOURCE = ".".join(PATH)


def ruled(spec: PoliciesSpec, readers: ShortReaders, below: TrafficSettings) -> Rule:
    """Return a rule without a name, and what `llm.policies` says of it; `below` is what that stands above."""
    place, faults = partial(readers.document.place, *PATH), readers.faults
    check_retry(spec.retry, place, ("retry",), faults)
    return msgspec.structs.replace(
        treated(Rule(name="", backends=()), (below, spec)),
        gateway_ai=_ai(spec, readers),
        access=short_access(_access(spec), place, faults, readers.notes),
        limits=short_limiting(_limits(spec), place, faults, readers.notes),
        budgets=short_budgets(MoneySettings(budgets=spec.budgets), place, faults),
        shaping=_shaping(spec, readers),
        sources=tuple((kind, SOURCE) for kind in _kinds(spec)),
    )


def _ai(spec: PoliciesSpec, readers: ShortReaders) -> AiPolicy:
    said = Said(spec, readers.document, PATH, NAMESPACE)
    policy = AiReader(readers.judges, readers.faults).short(said.part(spec.ai, "ai"), f"{SOURCE}.ai")
    return merged(policy, AiPolicy(guards=readers.guards(said.part(spec.guardrails, "guardrails"), SOURCE)))


def _access(spec: PoliciesSpec) -> ShortAccessSettings:
    return ShortAccessSettings(
        jwt_auth=spec.jwt_auth,
        basic_auth=spec.basic_auth,
        api_key=spec.api_key,
        ext_authz=spec.ext_authz,
        authorization=spec.authorization,
    )


def _limits(spec: PoliciesSpec) -> LimitSettings:
    return LimitSettings(
        rate_limit=spec.rate_limit, local_rate_limit=spec.local_rate_limit, remote_rate_limit=spec.remote_rate_limit
    )


def _shaping(spec: PoliciesSpec, readers: ShortReaders) -> Shaping:
    words = Traffic(
        cors=spec.cors,
        csrf=spec.csrf,
        header_modifiers=spec.header_modifiers,
        direct_response=spec.direct_response,
        delay=spec.delay,
        abort=spec.abort,
    )
    found = shaping([Said(words, readers.document, PATH, NAMESPACE)], readers.faults)
    if spec.transformations is None:
        return found
    place = partial(readers.document.place, *PATH, "transformations")
    return msgspec.structs.replace(found, transformations=transformations(spec.transformations, place, readers.faults))


def _kinds(spec: PoliciesSpec) -> list[str]:
    """The kinds of policies that are said, by their names in files."""
    plain = PoliciesSpec()
    fields = fields_of(PoliciesSpec)
    return [field.encode_name for field in fields if getattr(spec, field.name) != getattr(plain, field.name)]
