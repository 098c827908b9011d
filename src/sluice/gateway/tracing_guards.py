"""The guards of a request, as a trace shows them: one step for all, and one in it for each service that is asked."""

from typing import Final

from sluice.chat.request import ChatRequest
from sluice.gateway.content import Check, guarded_request
from sluice.gateway.judging import Judges
from sluice.gateway.ports import Request
from sluice.gateway.tracing import Trace
from sluice.policies.guards import Guard
from sluice.policies.scene import Scene

ACTIONS: Final = {
    "allow": "Allow",
    "mask": "Mask",
    "fail_open": "FailOpen",
    "fail_closed": "FailClosed",
    "reject": "Reject",
}
"""What a guard did -> the word of the record; the gravest last."""


async def watched_request(
    trace: Trace | None,
    guards: tuple[Guard, ...],
    chat: ChatRequest,
    dialect: str,
    judges: Judges,
    checks: list[Check],
    body: bytes,
    request: Request,
    scene: Scene,
) -> ChatRequest:
    """Return the request as its guards let it pass; see `guarded_request`. `trace` None = nobody wants to see it.

    Raises:
        GuardRejected, PolicyUnavailable, BadRequest: as there.
    """
    if trace is None:
        return await guarded_request(
            guards, chat, dialect, judges, checks, body=body, headers=request.headers, scene=scene
        )
    with trace.step("guard", "request") as step:
        before, watched = len(checks), judges.watched(trace)
        try:
            return await guarded_request(
                guards, chat, dialect, watched, checks, body=body, headers=request.headers, scene=scene
            )
        finally:
            made = checks[before:]
            did = [ACTIONS[check.outcome] for check in made]
            step.result = next((action for action in reversed(ACTIONS.values()) if action in did), "Allow")
            step.facts = tuple((f"guardrail.hits.{check.guard}", check.hits) for check in made if check.hits)
