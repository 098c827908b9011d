"""docs/reference/errors.md: what to do about each error, and what it looks like in each dialect; from the code.

The table of codes itself is `reference.error_table`; a code without advice is an error.
"""

from sluice import errors
from sluice.dialects.dialect import Dialect
from sluice.standard import CLIENT_DIALECTS, STANDARD
from tools.markdown import table
from tools.reference import _leaves

ADVICE = {
    "BadRequest": "Mend the member that `param` names.",
    "BadHttp": "Look for a proxy in between that changes requests; send HTTP/1.1.",
    "Unauthenticated": "Send the credential that the policy asks for, in the header that it names.",
    "Forbidden": "Ask for another model, or let the rule allow it: `sluice check` shows the rules.",
    "RouteNotFound": "`sluice check` shows the paths that there are.",
    "ModelNotFound": "`GET /v1/models` lists the models; add this one, or an alias.",
    "NotFound": "Look at the id; ask with the credential that made it.",
    "MethodNotAllowed": "POST.",
    "RequestTimeout": "Send the whole request at once; look at the client's network.",
    "Conflict": "Wait until the run that is under way ends, or take another thread or request id.",
    "BodyTooLarge": "Send less, or files by reference.",
    "UnsupportedMedia": "Never seen.",
    "CallbackRefused": "Tell the person what the handler said.",
    "RateLimited": "Wait for `retry-after` seconds; raise the limit.",
    "BudgetExceeded": "Wait until the period ends, or raise the budget.",
    "GuardRejected": "Nothing, or mend the rule: the log's `guardrail.blocked_by` names it.",
    "Denied": "Ask whoever runs the authorization service.",
    "HeadTooLarge": "Send fewer or shorter headers and cookies.",
    "Unavailable": "Try again: the server is ending, and another is there or comes.",
    "Overloaded": "Wait for `retry-after` seconds; more replicas or workers, or a higher `admission`.",
    "PolicyUnavailable": "Mend the service that the policy asks; `failureMode` may let requests pass meanwhile.",
    "GaveUp": "Try again; give the call more time.",
    "StoreFailed": "Mend the store; requests that need none go on.",
    "RunLimit": "Look for a loop in the agent, or raise its bound.",
    "Internal": "Report it, with the line of the log that has the request's id.",
    "CallbackFailed": "Mend the handler: the process log has its error.",
    "ConfigError": "Mend the place that is named; the running configuration stays.",
    "Unreachable": "Look at the address, the network and the provider's status.",
    "NoBackend": "Give the route a backend with a weight: `sluice check` shows references that did not resolve.",
    "Refused": "As the provider says; a wrong key is the operator's to mend.",
    "InBandFailure": "As the provider says.",
    "Truncated": "Try again; if it goes on, look for a proxy with a time-out before the provider.",
    "ProtocolError": "Report it to the provider; another target may be asked.",
    "FrameTooLarge": "Raise `stream.maxEventBytes` if such events are meant.",
    "TimedOut": "Raise the clock that the code names, or let another target be asked.",
}
"""Error -> what to do."""


def advice_table() -> str:
    """Return what to do about each error."""
    rows = [(f"`{_code(kind)}`", kind.fault, ADVICE[kind.__name__]) for kind in _leaves(errors.SluiceError)]
    return table(("`code`", "who can mend it", "what to do"), rows)


def _code(kind: type[errors.SluiceError]) -> str:
    return "timeout_…" if kind is errors.TimedOut else kind.code


def shape_blocks() -> str:
    """Return one error in every dialect of clients, whole."""
    error = errors.RateLimited("A limit of 10 requests a minute is reached.")
    parts = []
    for name in dict.fromkeys(CLIENT_DIALECTS.values()):
        dialect = STANDARD.get(name, Dialect)  # type: ignore[type-abstract]
        body = dialect.write_error(error).decode()
        parts.append(f"`{name.rpartition('.')[2]}`, status {error.status}:\n\n```json\n{body}\n```")
    return "\n\n".join(parts)


GENERATORS = {"error-advice": advice_table, "error-shapes": shape_blocks}
