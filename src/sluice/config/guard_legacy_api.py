"""Schemas of the older forms of `promptGuard`: one mapping for requests and one for answers, in which several kinds of
guards may stand beside each other.

PURE. Obeys: kgateway 2.0 TrafficPolicy and Gloo Gateway 1.x RouteOption `ai.promptGuard` (labs E5, read 2026-11-21).
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Host, Name, Port, Schema, Text
from sluice.config.guard_api import (
    FailureWord,
    HeaderMatches,
    ModerationSettings,
    RegexSettings,
    RejectionStatus,
    RequestGuards,
    ResponseGuards,
    StreamingWord,
)
from sluice.config.unserved import Ignored
from sluice.providers.judge_moderation import DEFAULT_MODEL


class WebhookHost(Schema):
    host: Host
    port: Port
    insecure: Ignored = None


class LegacyWebhook(Schema):
    """Of the webhook all that these forms say is where it is."""

    host: WebhookHost | Host
    port: Port | None = None
    forward_headers: HeaderMatches = ()
    failure_mode: FailureWord = "FailClosed"

    def __post_init__(self) -> None:
        if isinstance(self.host, str) == (self.port is None):
            raise ValueError("expected `host` with `host` and `port`")

    @property
    def address(self) -> str:
        host, port = (self.host, self.port) if isinstance(self.host, str) else (self.host.host, self.host.port)
        return f"{f'[{host}]' if ':' in host and host[0] != '[' else host}:{port}"


class SecretName(Schema):
    name: Name


class AuthToken(Schema):
    """The key of a service: a Secret's key `Authorization`, or written here."""

    kind: Literal["SecretRef", "Inline", "Passthrough"] | None = None
    secret_ref: SecretName | None = None
    inline: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None

    def __post_init__(self) -> None:
        if self.kind == "Passthrough":
            raise ValueError("a service that judges texts does not get the client's credential")
        if (self.secret_ref is None) == (self.inline is None):
            raise ValueError("expected exactly one of `secretRef`, `inline`")


class LegacyOpenAiModeration(Schema):
    model: Text = DEFAULT_MODEL
    auth_token: AuthToken | None = None


class LegacyModeration(Schema):
    open_ai: LegacyOpenAiModeration | None = msgspec.field(name="openAIModeration", default=None)
    open_ai_older: LegacyOpenAiModeration | None = msgspec.field(name="openai", default=None)

    def __post_init__(self) -> None:
        if (self.open_ai is None) == (self.open_ai_older is None):
            raise ValueError("expected `openAIModeration`")

    @property
    def settings(self) -> ModerationSettings:
        """The same as later editions write it."""
        said = self.open_ai or self.open_ai_older or LegacyOpenAiModeration()
        token = said.auth_token
        if token is None:
            return ModerationSettings(model=said.model)
        reference = None if token.secret_ref is None else {"name": token.secret_ref.name}
        auth = {"secretRef": reference} if reference is not None else {"key": token.inline}
        return ModerationSettings(model=said.model, policies={"auth": auth})


class CustomResponse(Schema):
    message: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    status_code: RejectionStatus = 403


class LegacyResponse(Schema):
    """What looks at answers."""

    regex: RegexSettings | None = None
    webhook: LegacyWebhook | None = None

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in ("regex", "webhook")):
            raise ValueError("expected `regex` or `webhook`")


class LegacyRequest(Schema):
    """What looks at requests."""

    regex: RegexSettings | None = None
    moderation: LegacyModeration | None = None
    webhook: LegacyWebhook | None = None
    custom_response: CustomResponse | None = None
    custom_response_message: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    """The oldest form of `customResponse`."""

    def __post_init__(self) -> None:
        if all(getattr(self, name) is None for name in ("regex", "moderation", "webhook")):
            raise ValueError("expected `regex`, `moderation` or `webhook`")
        if self.custom_response is not None and self.custom_response_message is not None:
            raise ValueError("`customResponse` and `customResponseMessage` are one setting")


class LegacyPromptGuard(Schema):
    """A later edition of these objects writes lists, as AgentgatewayPolicy does; both are taken."""

    request: LegacyRequest | RequestGuards | None = None
    response: LegacyResponse | ResponseGuards | None = None
    streaming: StreamingWord = "Enabled"

    def __post_init__(self) -> None:
        if self.request is None and self.response is None:
            raise ValueError("expected `request` or `response`")
