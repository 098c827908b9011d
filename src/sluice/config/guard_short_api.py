"""Schemas of `guardrails` (and `promptGuard`) in the short form.

PURE. Obeys: compat-agentgateway 3.1 and 3.2, labs D2. Words are taken with a small and with a capital first letter.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import HeaderName, Port, Schema
from sluice.config.guard_api import (
    ActionWord,
    BuiltinWord,
    ContentSafetySettings,
    FailureWord,
    HeaderExpressions,
    HoldSettings,
    Label,
    ModelArmorSettings,
    ModerationSettings,
    PatternText,
    RejectionHeaders,
    RejectionStatus,
    ServiceSettings,
    ServiceUrl,
    StreamingWord,
    check_action,
    check_kind,
    check_scope,
)
from sluice.config.unserved import Ignored, Later

ScopeWord = (
    Literal["systemPrompt", "messages", "toolOutput", "toolInput"]
    | Literal["SystemPrompt", "Messages", "ToolOutput", "ToolInput"]
)


class ShortRule(Schema):
    """A built-in or a pattern."""

    builtin: BuiltinWord | None = None
    pattern: PatternText | None = None
    name: Ignored = None

    def __post_init__(self) -> None:
        if (self.builtin is None) == (self.pattern is None):
            raise ValueError("expected exactly one of `builtin`, `pattern`")


class ShortRegex(HoldSettings, kw_only=True):
    action: ActionWord = "mask"
    rules: Annotated[tuple[ShortRule, ...], msgspec.Meta(min_length=1, max_length=256)]
    mask: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    replacement: Annotated[str, msgspec.Meta(max_length=4096)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        builtins = any(rule.builtin is not None for rule in self.rules)
        check_action(self.action, self.mask, self.replacement, builtins=builtins)


class ShortServiceTarget(Schema):
    name: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9-]{1,63}/)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\Z")]
    """`name` or `namespace/name`."""
    port: Port


class ShortTarget(Schema):
    """Where a webhook is: `host:port`, or a Service by its name."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None
    service: ShortServiceTarget | None = None
    backend: Later = None

    def __post_init__(self) -> None:
        if self.backend is None and (self.host is None) == (self.service is None):
            raise ValueError("expected exactly one of `host`, `service`")

    @property
    def address(self) -> str:
        if self.service is None:
            return self.host or ""
        namespace, _, name = self.service.name.rpartition("/")
        return f"{name}{f'.{namespace}' if namespace not in ('', 'default') else ''}:{self.service.port}"


class ValueMatch(Schema):
    exact: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    regex: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | None = None

    def __post_init__(self) -> None:
        if (self.exact is None) == (self.regex is None):
            raise ValueError("expected exactly one of `exact`, `regex`")


class ShortHeaderMatch(Schema):
    """A header of the client's that is forwarded: of any value if none is given."""

    name: HeaderName
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | ValueMatch | None = None


class ShortWebhook(ServiceSettings, kw_only=True):
    target: ShortTarget | Annotated[str, msgspec.Meta(min_length=1, max_length=300)] | None = None
    url: ServiceUrl | None = None
    failure_mode: FailureWord = "failClosed"
    forward_header_matches: Annotated[tuple[ShortHeaderMatch, ...], msgspec.Meta(max_length=64)] = ()
    headers: HeaderExpressions = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.target is None) == (self.url is None):
            raise ValueError("expected exactly one of `target`, `url`")


class ShortBedrock(ServiceSettings, kw_only=True):
    guardrail_identifier: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9:/-]{1,2048}\Z")]
    guardrail_version: Label
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}\Z")]
    url: ServiceUrl | None = None


class ShortRejection(Schema):
    """`body` may be any JSON: what is no text is written as JSON."""

    body: Ignored = None
    status: RejectionStatus = 403
    headers: RejectionHeaders = RejectionHeaders()


class ShortResponseGuard(Schema):
    regex: ShortRegex | None = None
    webhook: ShortWebhook | None = None
    bedrock_guardrails: ShortBedrock | None = None
    google_model_armor: ModelArmorSettings | None = None
    azure_content_safety: ContentSafetySettings | None = None
    rejection: ShortRejection = ShortRejection()

    def __post_init__(self) -> None:
        check_kind(self)
        if self.azure_content_safety is not None and self.azure_content_safety.detect_jailbreak is not None:
            raise ValueError("`detectJailbreak` looks at requests only")


class ShortRequestGuard(Schema):
    regex: ShortRegex | None = None
    webhook: ShortWebhook | None = None
    moderation: ModerationSettings | None = msgspec.field(name="openAIModeration", default=None)
    bedrock_guardrails: ShortBedrock | None = None
    google_model_armor: ModelArmorSettings | None = None
    azure_content_safety: ContentSafetySettings | None = None
    scope: Annotated[tuple[ScopeWord, ...], msgspec.Meta(min_length=1, max_length=4)] | None = None
    rejection: ShortRejection = ShortRejection()

    def __post_init__(self) -> None:
        check_kind(self)
        check_scope(self.scope)


class ShortPromptGuard(Schema):
    """`guardrails` of `llm.policies` and of a model, `promptGuard` of `ai`."""

    streaming: StreamingWord = "enabled"
    request: Annotated[tuple[ShortRequestGuard, ...], msgspec.Meta(min_length=1, max_length=64)] | None = None
    response: Annotated[tuple[ShortResponseGuard, ...], msgspec.Meta(min_length=1, max_length=64)] | None = None

    def __post_init__(self) -> None:
        if self.request is None and self.response is None:
            raise ValueError("expected `request` or `response`")
