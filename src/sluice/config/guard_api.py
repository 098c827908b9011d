"""Schemas of `promptGuard` in manifests: what guards look for, whom they ask, and what a rejected client hears.

PURE. Obeys: compat-agentgateway 2.3, the knobs of stream-life 9. Additions of Sluice: `url` and `timeout` of every
service, `failureMode` of all of them, `azureContentSafety` outside the short form, `mask` and `replacement`, headers of
a rejection. Words are taken as all editions of these objects write them: `CreditCard` and `CREDIT_CARD`.
"""

from typing import Annotated, Literal

import msgspec

from sluice.config.core_api import Expression, HeaderName, Name, Port, Schema, Text
from sluice.config.struct_fields import fields_of
from sluice.config.units import Duration, Size
from sluice.config.unserved import Ignored
from sluice.providers.judge_azure import ANALYZE_VERSION, JAILBREAK_VERSION
from sluice.providers.judge_moderation import DEFAULT_MODEL

PatternText = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
ActionWord = Literal["Mask", "Reject", "Replace", "MASK", "REJECT", "mask", "reject", "replace"]
BuiltinWord = (
    Literal["Ssn", "CreditCard", "PhoneNumber", "Email", "CaSin"]
    | Literal["SSN", "CREDIT_CARD", "PHONE_NUMBER", "EMAIL", "CA_SIN"]
    | Literal["ssn", "creditCard", "phoneNumber", "email", "caSin"]
)
ScopeWord = Literal["SystemPrompt", "Messages", "ToolOutput", "ToolInput"]
FailureWord = Literal["FailClosed", "FailOpen", "failClosed", "failOpen"]
StreamingWord = Literal["Enabled", "Disabled", "enabled", "disabled"]
RejectionStatus = Annotated[int, msgspec.Meta(ge=200, le=599)]
ServiceUrl = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
ApiVersion = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(-preview)?\Z")]
Label = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}\Z")]
"""Of a project, a location, a template, a version."""


# -- text rules -------------------------------------------------------------------------------------------------------


class NamedPattern(Schema):
    """A pattern and what to call it; the name says nothing to the gateway."""

    pattern: PatternText
    name: Ignored = None


class HoldSettings(Schema):
    """How text of a stream is held back that may still belong to a match."""

    max_hold_bytes: Size | None = None
    max_hold: Duration | None = None
    on_overflow: Literal["Block", "Release", "block", "release"] | None = None
    mode: Literal["Incremental", "Buffer", "incremental", "buffer"] | None = None

    def __post_init__(self) -> None:
        if self.max_hold_bytes is not None and self.max_hold_bytes < 1:
            raise ValueError("`maxHoldBytes` is 1 at least")


class RegexSettings(HoldSettings):
    """Patterns and built-ins that are looked for."""

    action: ActionWord = "Mask"
    builtins: tuple[BuiltinWord, ...] = ()
    matches: Annotated[tuple[PatternText | NamedPattern, ...], msgspec.Meta(max_length=256)] = ()
    mask: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    """What stands for a match of a pattern; unset = `<masked>`."""
    replacement: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    """The text that takes the place of a match with the action `Replace`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.builtins and not self.matches:
            raise ValueError("expected `builtins` or `matches`")
        check_action(self.action, self.mask, self.replacement, builtins=bool(self.builtins))


def check_action(action: str, mask: str | None, replacement: str | None, *, builtins: bool) -> None:
    """Check that what stands for a match goes with what is done about it.

    Raises:
        ValueError: it does not.
    """
    if (action.lower() == "replace") != (replacement is not None):
        raise ValueError("`action: Replace` and `replacement` go together")
    if action.lower() != "mask" and mask is not None:
        raise ValueError("`mask` goes with `action: Mask`")
    if action.lower() == "replace" and builtins:
        raise ValueError("a built-in has its own word: use `action: Mask` for it")


# -- services ---------------------------------------------------------------------------------------------------------


class ServiceTarget(Schema):
    """A Service, or a backend of kind AgentgatewayBackend that is static."""

    name: Name
    group: Literal["", "agentgateway.dev"] = ""
    kind: Literal["Service", "AgentgatewayBackend"] = "Service"
    namespace: Name | None = None
    port: Port | None = None

    def __post_init__(self) -> None:
        if (self.kind == "Service") != (self.group == ""):
            raise ValueError("a Service has the group ``, an AgentgatewayBackend the group `agentgateway.dev`")


class HeaderMatch(Schema):
    """A header of the client's that is forwarded."""

    name: HeaderName
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    type: Literal["Exact", "RegularExpression"] = "Exact"


HeaderMatches = Annotated[tuple[HeaderMatch, ...], msgspec.Meta(max_length=64)]
HeaderExpressions = Annotated[
    dict[Annotated[str, msgspec.Meta(pattern=r"^:?[A-Za-z0-9!#$%&'*+\-.^_|~`]{1,256}\Z")], Expression],
    msgspec.Meta(max_length=64),
]


class ServiceSettings(Schema):
    """What every service may be told."""

    failure_mode: FailureWord = "FailClosed"
    timeout: Duration | None = None
    """Until there is a verdict; unset = 10s."""
    policies: Ignored = None
    """`auth`, `http`, `tcp` and `tls` of backends; `guard_services` reads them, for their schema may hold guards."""

    def __post_init__(self) -> None:
        if self.timeout is not None and not self.timeout:
            raise ValueError("`timeout` cannot be `0s`: a request would wait for ever")


class WebhookSettings(ServiceSettings):
    backend_ref: ServiceTarget | None = None
    url: ServiceUrl | None = None
    forward_header_matches: HeaderMatches = ()
    headers: HeaderExpressions = msgspec.field(default_factory=dict)
    """Header, or `:path`, and the CEL of its value."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.backend_ref is None) == (self.url is None):
            raise ValueError("expected exactly one of `backendRef`, `url`")


class ModerationSettings(ServiceSettings):
    model: Text = DEFAULT_MODEL
    url: ServiceUrl = "https://api.openai.com/v1"


class BedrockSettings(ServiceSettings, kw_only=True):
    identifier: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9:/-]{1,2048}\Z")]
    version: Label
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}\Z")]
    url: ServiceUrl | None = None


class ModelArmorSettings(ServiceSettings, kw_only=True):
    template_id: Label
    project_id: Label
    location: Label = "us-central1"
    url: ServiceUrl | None = None


class AnalyzeSettings(Schema):
    severity_threshold: Annotated[int, msgspec.Meta(ge=1, le=7)] = 2
    api_version: ApiVersion = ANALYZE_VERSION
    blocklist_names: tuple[Text, ...] = ()
    halt_on_blocklist_hit: bool | None = None


class JailbreakSettings(Schema):
    api_version: ApiVersion = JAILBREAK_VERSION


class ContentSafetySettings(ServiceSettings, kw_only=True):
    """Without `analyzeText` and `detectJailbreak` texts are analyzed."""

    endpoint: ServiceUrl
    """A host, or a URL."""
    analyze_text: AnalyzeSettings | None = None
    detect_jailbreak: JailbreakSettings | None = None


# -- guards -----------------------------------------------------------------------------------------------------------


class RejectionHeaders(Schema):
    set: dict[HeaderName, str] = msgspec.field(default_factory=dict)
    add: dict[HeaderName, str] = msgspec.field(default_factory=dict)
    remove: tuple[HeaderName, ...] = ()


class RejectionSettings(Schema):
    """What a rejected client hears."""

    message: Annotated[str, msgspec.Meta(min_length=1)] | None = None
    status_code: RejectionStatus = 403
    headers: RejectionHeaders = RejectionHeaders()


KINDS = ("regex", "webhook", "moderation", "bedrock_guardrails", "google_model_armor", "azure_content_safety")


class ResponseGuard(Schema):
    """Exactly one kind."""

    regex: RegexSettings | None = None
    webhook: WebhookSettings | None = None
    bedrock_guardrails: BedrockSettings | None = None
    google_model_armor: ModelArmorSettings | None = None
    azure_content_safety: ContentSafetySettings | None = None
    response: RejectionSettings = RejectionSettings()

    def __post_init__(self) -> None:
        check_kind(self)
        if self.azure_content_safety is not None and self.azure_content_safety.detect_jailbreak is not None:
            raise ValueError("`detectJailbreak` looks at requests only")


class RequestGuard(Schema):
    """Exactly one kind."""

    regex: RegexSettings | None = None
    webhook: WebhookSettings | None = None
    moderation: ModerationSettings | None = msgspec.field(name="openAIModeration", default=None)
    bedrock_guardrails: BedrockSettings | None = None
    google_model_armor: ModelArmorSettings | None = None
    azure_content_safety: ContentSafetySettings | None = None
    scope: Annotated[tuple[ScopeWord, ...], msgspec.Meta(min_length=1, max_length=4)] | None = None
    response: RejectionSettings = RejectionSettings()

    def __post_init__(self) -> None:
        check_kind(self)
        check_scope(self.scope)


RequestGuards = Annotated[tuple[RequestGuard, ...], msgspec.Meta(min_length=1, max_length=8)]
ResponseGuards = Annotated[tuple[ResponseGuard, ...], msgspec.Meta(min_length=1, max_length=8)]


class PromptGuard(Schema):
    """`promptGuard` of `ai`."""

    streaming: StreamingWord = "Enabled"
    request: RequestGuards | None = None
    response: ResponseGuards | None = None

    def __post_init__(self) -> None:
        if self.request is None and self.response is None:
            raise ValueError("expected `request` or `response`")


def check_kind(guard: msgspec.Struct) -> None:
    """Check that a guard is of one kind.

    Raises:
        ValueError: it is of none, or of several.
    """
    fields = [field for field in fields_of(guard) if field.name in KINDS]
    if sum(getattr(guard, field.name) is not None for field in fields) != 1:
        raise ValueError(f"expected exactly one of {', '.join(f'`{field.encode_name}`' for field in fields)}")


def check_scope(scope: tuple[str, ...] | None) -> None:
    """Check where a guard looks.

    Raises:
        ValueError: a place is named twice.
    """
    if scope is not None and len(set(scope)) != len(scope):
        raise ValueError("`scope` names something twice")
