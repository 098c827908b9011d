"""`promptGuard` of manifests: what it comes to, and what is refused."""

import pytest

from sluice.config.judging import Forwarded, JudgeService, MissingJudge, RemoteJudge
from sluice.config.plan import Endpoint, Tls
from sluice.policies.guards import HeaderChange, Rejection, TextRules
from sluice.providers.credential import AwsKeys, HeaderPlacement, Secret
from sluice.providers.judge_azure import ContentSafety
from sluice.providers.judge_bedrock import BedrockGuardrail
from sluice.providers.judge_model_armor import ModelArmor
from sluice.providers.judge_moderation import Moderation
from sluice.providers.judge_webhook import Webhook
from tests.config.guards import manifest, refused
from tests.config.loading import backend, secret

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {ports: [{port: 8000}]}
"""


def one(text: str, *objects: str, **env: str) -> RemoteJudge:
    """The only guard of a request, which asks a service."""
    (guard,) = manifest(f"request: [{text}]", *objects, env=env).guards.request
    assert isinstance(guard, RemoteJudge)
    return guard


def test_a_regex_guard_says_what_it_looks_for_and_where() -> None:
    read = manifest(
        """
        request:
        - regex: {action: Reject, matches: ["credit card", {pattern: "a+", name: AS}], builtins: [Ssn, CreditCard]}
          scope: [Messages, ToolOutput]
          response: {message: "Rejected due to inappropriate content", statusCode: 422}
        response:
        - regex: {builtins: [PhoneNumber, Email, CaSin], maxHoldBytes: 1Ki, maxHold: 500ms, onOverflow: Release,
                  mode: Buffer, mask: "****"}
        """
    ).guards
    assert read.request == (
        TextRules(
            name="default/p request[0] regex",
            action="reject",
            builtins=("ssn", "credit_card"),
            patterns=("credit card", "a+"),
            scopes=("messages", "tool_output"),
            rejection=Rejection(status=422, message="Rejected due to inappropriate content"),
        ),
    )
    assert read.response == (
        TextRules(
            name="default/p response[0] regex",
            builtins=("phone_number", "email", "ca_sin"),
            mask="****",
            max_hold_bytes=1024,
            max_hold_s=0.5,
            on_overflow="release",
            mode="buffer",
        ),
    )


def test_what_a_match_is_replaced_with_may_be_said() -> None:
    (guard,) = manifest('request: [{regex: {action: Replace, replacement: "[secret]", matches: [x]}}]').guards.request
    assert isinstance(guard, TextRules)
    assert (guard.action, guard.mask) == ("mask", "[secret]")


@pytest.mark.parametrize(
    ("streaming", "is_open"), [("", False), ("streaming: Enabled\n", False), ("streaming: Disabled\n", True)]
)
def test_a_layer_may_pass_over_streams(streaming: str, is_open: bool) -> None:
    read = manifest(
        f'{streaming}request: [{{webhook: {{url: "http://h/"}}}}]\nresponse: [{{regex: {{matches: [x]}}}}]'
    ).guards
    assert [guard.open_layer for guard in (*read.request, *read.response)] == [is_open, is_open]


def test_headers_of_a_rejection_are_set_added_and_removed() -> None:
    (guard,) = manifest(
        "request: [{regex: {matches: [x]}, response: {headers: {set: {X-A: '1'}, add: {X-B: '2'}, remove: [X-C]}}}]"
    ).guards.request
    assert guard.rejection.headers == HeaderChange(set=(("x-a", "1"),), add=(("x-b", "2"),), remove=("x-c",))


# -- services ---------------------------------------------------------------------------------------------------------


def test_a_webhook_is_a_service_of_the_cluster() -> None:
    guard = one("{webhook: {backendRef: {name: hook, kind: Service, port: 8000}}}", SERVICE)
    assert guard.form == Webhook()
    assert guard.service == JudgeService(endpoint=Endpoint(host="hook", port=8000))
    assert (guard.timeout_s, guard.fails_open, guard.name) == (10.0, False, "default/p request[0] webhook")


def test_a_webhook_is_a_static_backend_with_its_own_tls() -> None:
    static = backend("{static: {host: guard.internal, port: 8443}, policies: {tls: {sni: guard.test}}}", name="judge")
    guard = one("{webhook: {backendRef: {group: agentgateway.dev, kind: AgentgatewayBackend, name: judge}}}", static)
    assert guard.service.endpoint == Endpoint(host="guard.internal", port=8443, tls=Tls(server_name="guard.test"))


def test_a_webhook_is_at_a_url() -> None:
    guard = one('{webhook: {url: "http://127.0.0.1:8000/guard/", failureMode: FailOpen, timeout: 2s}}')
    assert guard.service == JudgeService(endpoint=Endpoint(host="127.0.0.1", port=8000), base_path="/guard")
    assert (guard.timeout_s, guard.fails_open) == (2.0, True)


def test_a_webhook_sees_headers_that_it_is_told_of() -> None:
    guard = one(
        """{webhook: {url: "http://h", forwardHeaderMatches: [{name: X-Tenant, type: RegularExpression, value: ".*"},
        {name: x-kind, value: a}], headers: {X-User: jwt.sub, ":path": '"/v3/" + request.method'}}}"""
    )
    assert guard.forwards == (Forwarded(name="x-tenant", value=".*", regex=True), Forwarded(name="x-kind", value="a"))
    assert guard.headers == (("x-user", "jwt.sub"), (":path", '"/v3/" + request.method'))


def test_moderation_takes_its_key_from_a_secret_or_else_from_the_environment() -> None:
    text = "{openAIModeration: {policies: {auth: {secretRef: {name: s}}}}}"
    guard = one(text, secret(string_data="{Authorization: Bearer sk-1}"))
    assert guard.form == Moderation(model="omni-moderation-latest")
    assert guard.service == JudgeService(
        endpoint=Endpoint(host="api.openai.com", port=443, tls=Tls()), base_path="/v1", credential=Secret("Bearer sk-1")
    )
    assert one("{openAIModeration: {model: m}}", OPENAI_API_KEY="sk-2").service.credential == Secret("sk-2")


def test_bedrock_guardrails_sign_for_their_region() -> None:
    guard = one(
        "{bedrockGuardrails: {identifier: g1, version: DRAFT, region: eu-west-1}, scope: [ToolInput]}",
        AWS_ACCESS_KEY_ID="AKIA",
        AWS_SECRET_ACCESS_KEY="s",
    )
    assert guard.form == BedrockGuardrail(identifier="g1", version="DRAFT")
    assert guard.service.endpoint.host == "bedrock-runtime.eu-west-1.amazonaws.com"
    assert guard.service.cloud == AwsKeys(access_key_id="AKIA", secret_access_key=Secret("s"), region="eu-west-1")
    assert guard.scopes == ("tool_input",)


def test_model_armor_is_asked_in_its_location() -> None:
    guard = one("{googleModelArmor: {templateId: t, projectId: p}}")
    assert guard.form == ModelArmor(project="p", location="us-central1", template="t")
    assert guard.service.endpoint.host == "modelarmor.us-central1.rep.googleapis.com"


@pytest.mark.parametrize(
    ("settings", "form"),
    [
        ("", ContentSafety()),
        (", detectJailbreak: {}", ContentSafety(analyze_version="", jailbreak_version="2024-02-15-preview")),
        (", analyzeText: {severityThreshold: 4, blocklistNames: [b]}", ContentSafety(severity=4, blocklists=("b",))),
        (
            ", analyzeText: {haltOnBlocklistHit: true}, detectJailbreak: {apiVersion: 2024-09-01}",
            ContentSafety(halt_on_blocklist=True, jailbreak_version="2024-09-01"),
        ),
    ],
)
def test_content_safety_grades_looks_for_jailbreaks_or_both(settings: str, form: ContentSafety) -> None:
    guard = one(
        f"{{azureContentSafety: {{endpoint: x.cognitiveservices.azure.com{settings}, policies: {{auth: {{key: k}}}}}}}}"
    )
    assert guard.form == form
    assert guard.service.endpoint == Endpoint(host="x.cognitiveservices.azure.com", port=443, tls=Tls())
    assert guard.service.placement == HeaderPlacement(name="ocp-apim-subscription-key", prefix="")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{webhook: {backendRef: {name: gone, port: 1}}}", "Service default/gone not found"),
        ("{webhook: {backendRef: {name: hook, port: 1}}}", "Service default/hook has no port 1"),
        ("{webhook: {backendRef: {name: hook, namespace: other, port: 1}}}", "missing a ReferenceGrant?"),
        (
            "{webhook: {backendRef: {group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}}}",
            "AgentgatewayBackend default/llm is not static",
        ),
        ("{openAIModeration: {policies: {auth: {secretRef: {name: gone}}}}}", "Secret default/gone not found"),
    ],
)
@pytest.mark.parametrize("fails_open", [False, True])
def test_a_service_that_is_not_there_is_a_guard_without_a_verdict(text: str, why: str, fails_open: bool) -> None:
    if fails_open:
        text = text.replace("{webhook: {", "{webhook: {failureMode: FailOpen, ").replace(
            "{openAIModeration: {", "{openAIModeration: {failureMode: FailOpen, "
        )
    read = manifest(f"request: [{text}]", SERVICE, backend("{ai: {provider: {openai: {}}}}"))
    (guard,) = read.guards.request
    assert isinstance(guard, MissingJudge)
    assert why in guard.why
    assert guard.fails_open is fails_open
    assert read.troubles == (f"{guard.name}: {guard.why}",)


# -- what is refused --------------------------------------------------------------------------------------------------

_WRONG_MATCH = "forwardHeaderMatches: [{name: x, type: RegularExpression, value: '('}]"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("streaming: Enabled", "expected `request` or `response`"),
        ("request: []", "length >= 1"),
        ("request: [{scope: [Messages]}]", "expected exactly one of `regex`, `webhook`, `openAIModeration`"),
        ("request: [{regex: {matches: [x]}, webhook: {url: 'http://h'}}]", "expected exactly one of"),
        ("response: [{openAIModeration: {}}]", "unknown field"),
        ("request: [{regex: {}}]", "expected `builtins` or `matches`"),
        ("request: [{regex: {builtins: [Passport]}}]", "unknown value `Passport`"),
        ("request: [{regex: {action: Replace, matches: [x]}}]", "`replacement` go together"),
        ("request: [{regex: {action: Replace, replacement: y, builtins: [Ssn]}}]", "has its own word"),
        ("request: [{regex: {action: Reject, mask: y, matches: [x]}}]", "`mask` goes with"),
        ("request: [{regex: {matches: [x], maxHoldBytes: 0}}]", "1 at least"),
        ("request: [{regex: {matches: ['(']}}]", "request[0].regex.matches[0]"),
        ("request: [{regex: {matches: [ok, '(?=x)']}}]", "request[0].regex.matches[1]"),
        ("request: [{regex: {matches: [x]}, scope: [Messages, Messages]}]", "names something twice"),
        ("request: [{regex: {matches: [x]}, response: {statusCode: 100}}]", ">= 200"),
        (
            "request: [{regex: {matches: [x]}, response: {headers: {set: {Content-Length: '1'}}}}]",
            "the gateway's to set",
        ),
        ('request: [{regex: {matches: [x]}, response: {headers: {add: {x: "a\\nb"}}}}]', "printable ASCII"),
        ("request: [{webhook: {}}]", "expected exactly one of `backendRef`, `url`"),
        ("request: [{webhook: {url: 'ftp://h'}}]", "begins with `http://`"),
        ("request: [{webhook: {url: 'http://u:secret@h'}}]", "no credentials"),
        ("request: [{webhook: {url: 'http://h', timeout: 0s}}]", "cannot be `0s`"),
        ("request: [{webhook: {url: 'http://h', headers: {x: '1 +'}}}]", "not a CEL expression"),
        ("request: [{webhook: {url: 'http://h', headers: {x: response.code}}}]", "request[0].webhook.headers.x"),
        ("request: [{webhook: {url: 'http://h', headers: {':method': '\"GET\"'}}}]", "cannot be set"),
        ("request: [{webhook: {url: 'http://h', headers: {Host: '\"x\"'}}}]", "cannot be set"),
        (f"request: [{{webhook: {{url: 'http://h', {_WRONG_MATCH}}}}}]", "forwardHeaderMatches[0].value"),
        ("request: [{webhook: {url: 'http://h', policies: {auth: {passthrough: {}}}}}]", "the client's credential"),
        ("request: [{webhook: {url: 'http://h', policies: {http: {requestTimeout: 1s}}}}]", "own `timeout`"),
        ("request: [{webhook: {url: 'http://h', policies: {tunnel: {}}}}]", "not implemented"),
        ("request: [{webhook: {url: 'http://h', policies: {colour: red}}}]", "request[0].webhook.policies.colour"),
        ("response: [{azureContentSafety: {endpoint: h, detectJailbreak: {}}}]", "looks at requests only"),
        ("request: [{bedrockGuardrails: {identifier: g, version: '1'}}]", "the field `region` is missing"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_place(text: str, says: str) -> None:
    message = refused(text)
    assert message.startswith("g.yaml:1: ")
    assert says in message
    assert "secret" not in message
