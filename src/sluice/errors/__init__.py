"""The error tree. Each error knows its HTTP status, its code, whose fault it is, and whether another may be tried.

    SluiceError
    ├── ClientError                 the request was wrong; nothing was sent to a provider
    │   ├── BadRequest          400 names the place in the body
    │   ├── BadHttp             400 the bytes are not HTTP that we accept; the connection is closed
    │   ├── Unauthenticated     401 who asks is not known
    │   ├── Forbidden           403 who asks may not
    │   ├── RouteNotFound       404
    │   ├── ModelNotFound       404
    │   ├── NotFound            404 a thread, a run, an agent, an item
    │   ├── MethodNotAllowed    405
    │   ├── RequestTimeout      408 the client did not send its request in time
    │   ├── Conflict            409 the thread is busy, or a request id came twice with two bodies
    │   ├── BodyTooLarge        413
    │   ├── UnsupportedMedia    415
    │   ├── CallbackRefused     422 the handler of a button says no
    │   ├── RateLimited         429 a limit is reached; says when to come back
    │   │   └── BudgetExceeded  429 the money or the tokens of a period are spent
    │   ├── GuardRejected       403 (or as configured) a guard refused what was asked or answered
    │   │   └── Denied          403 (or as it says) an external authorization said no
    │   └── HeadTooLarge        431
    ├── UpstreamError               the provider, or the way to it, failed
    │   ├── Unreachable         503 DNS, connect or TLS failed: nothing was sent
    │   ├── NoBackend           503 the route has no backend that can be used
    │   ├── Refused             as sent: a non-2xx answer that is passed on
    │   ├── InBandFailure       502 (or mapped) the provider reported an error inside a 200
    │   ├── Truncated           502 the answer ended without the dialect's terminal evidence
    │   ├── ProtocolError       502 bytes or events that the protocol does not allow
    │   │   └── FrameTooLarge   502 one event exceeds its limit
    │   └── TimedOut            504 one of the five clocks ran out
    ├── Unavailable             503 this server cannot take or finish the exchange (draining)
    │   ├── Overloaded          503 admission control refused it: come back later
    │   ├── PolicyUnavailable   503 a service that a policy asks did not answer, and the policy fails closed
    │   ├── GaveUp              504 a call of an agent took longer than it may
    │   └── StoreFailed         503 a store of runs cannot be read or written
    ├── RunLimit                500 an agent went further than one run may: steps, events, bytes
    ├── Internal                500 our own fault
    ├── CallbackFailed          500 the handler of a button failed
    └── ConfigError                 the configuration is refused; names file, line, path and gives a hint

Every layer translates the tree below it once: wire raises ProtocolError, a dialect raises BadRequest or InBandFailure,
the network raises Unreachable and TimedOut. This module imports nothing of Sluice and is importable everywhere.
"""

from sluice.errors.base import Fault, Phase, SluiceError
from sluice.errors.client import (
    BadHttp,
    BadRequest,
    BodyTooLarge,
    BudgetExceeded,
    CallbackRefused,
    ClientError,
    Conflict,
    Denied,
    Forbidden,
    GuardRejected,
    HeadTooLarge,
    MethodNotAllowed,
    ModelNotFound,
    NotFound,
    RateLimited,
    RequestTimeout,
    RouteNotFound,
    Unauthenticated,
    UnsupportedMedia,
)
from sluice.errors.ours import (
    CallbackFailed,
    ConfigError,
    GaveUp,
    Internal,
    Overloaded,
    PolicyUnavailable,
    RunLimit,
    StoreFailed,
    Unavailable,
)
from sluice.errors.upstream import (
    FrameTooLarge,
    InBandFailure,
    NoBackend,
    ProtocolError,
    Refused,
    TimedOut,
    Truncated,
    Unreachable,
    UpstreamError,
)

__all__ = [
    "BadHttp",
    "BadRequest",
    "BodyTooLarge",
    "BudgetExceeded",
    "CallbackFailed",
    "CallbackRefused",
    "ClientError",
    "ConfigError",
    "Conflict",
    "Denied",
    "Fault",
    "Forbidden",
    "FrameTooLarge",
    "GaveUp",
    "GuardRejected",
    "HeadTooLarge",
    "InBandFailure",
    "Internal",
    "MethodNotAllowed",
    "ModelNotFound",
    "NoBackend",
    "NotFound",
    "Overloaded",
    "Phase",
    "PolicyUnavailable",
    "ProtocolError",
    "RateLimited",
    "Refused",
    "RequestTimeout",
    "RouteNotFound",
    "RunLimit",
    "SluiceError",
    "StoreFailed",
    "TimedOut",
    "Truncated",
    "Unauthenticated",
    "Unavailable",
    "Unreachable",
    "UnsupportedMedia",
    "UpstreamError",
]
