"""The older forms of `promptGuard` to guards.

PURE. Of the kinds that stand beside each other the cheaper look first: regex, moderation, webhook.
"""

from collections.abc import Iterator, Sequence

import msgspec

from sluice.config.faults import Faults
from sluice.config.guard_api import RequestGuard, RequestGuards, ResponseGuard, ResponseGuards, ServiceSettings
from sluice.config.guard_judges import JudgeReader
from sluice.config.guard_legacy_api import CustomResponse, LegacyPromptGuard, LegacyRequest, LegacyResponse
from sluice.config.guard_policy import GuardReader
from sluice.config.guard_rules import Spot
from sluice.config.layers import Said
from sluice.policies.guards import Guard, Guards, Rejection


def legacy_guards(said: Said[LegacyPromptGuard], judges: JudgeReader, faults: Faults, name: str) -> Guards:
    """Return the guards that one of these objects says; see `guard_policy.guards`."""
    settings = said.settings
    reader = GuardReader(said, judges, faults, name, streaming=settings.streaming)
    return Guards(
        request=_side(reader, "request", settings.request), response=_side(reader, "response", settings.response)
    )


def _side(
    reader: GuardReader, side: str, said: LegacyRequest | LegacyResponse | RequestGuards | ResponseGuards | None
) -> tuple[Guard, ...]:
    if isinstance(said, LegacyRequest | LegacyResponse):
        return tuple(_mapping(reader, side, said))
    items: Sequence[RequestGuard | ResponseGuard] = said or ()
    return tuple(reader.guard(item, (side, index)) for index, item in enumerate(items))


def _mapping(reader: GuardReader, side: str, spec: LegacyRequest | LegacyResponse) -> Iterator[Guard]:
    rejection = Rejection()
    if isinstance(spec, LegacyRequest):
        response = spec.custom_response or CustomResponse(message=spec.custom_response_message)
        rejection = Rejection(status=response.status_code, message=response.message)

    def spot(kind: str) -> Spot:
        return msgspec.structs.replace(reader.spot((side,), kind), rejection=rejection)

    if spec.regex is not None:
        yield reader.regex(spec.regex, spot("regex"))
    if isinstance(spec, LegacyRequest) and spec.moderation is not None:
        yield reader.judges.moderation(spec.moderation.settings, spot("moderation"))
    if (webhook := spec.webhook) is not None:
        settings = ServiceSettings(failure_mode=webhook.failure_mode)
        address, services = webhook.address, reader.judges.services
        yield reader.judges.told(
            settings, spot("webhook"), lambda asking: services.beside(asking, address), webhook.forward_headers, {}
        )
