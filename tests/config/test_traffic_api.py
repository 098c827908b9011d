"""What is wrong with settings of traffic is told with its place, in every form that has them."""

import pytest

from sluice.config import from_environment
from sluice.errors import ConfigError

from .loading import BACKEND, REGISTRY, gateway, policy, refusal, route

GW = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw%s}]"
RT = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%s}]"
BE = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"

WRONG = [
    ("errorFormat: xml", "errorFormat: unknown value `xml` (expected one of: json, text)"),
    ("timeouts: {idle: 5s}", "timeouts.idle: unknown field"),
    ("stream: {onDisconnect: cancel}", "stream.onDisconnect: unknown value `cancel` (did you mean `Cancel`?)"),
    ("stream: {drain: {maxDuration: 5}}", "stream.drain.maxDuration: expected a duration such as"),
    ("stream: {drain: {maxTokens: -1}}", "stream.drain.maxTokens: expected a whole number >= 0"),
    ("stream: {drain: {maxConcurrent: 0}}", "stream.drain.maxConcurrent: expected a whole number >= 1"),
    ("stream: {keepAlive: {commitafter: 5s}}", "stream.keepAlive.commitafter: unknown field (did you mean `commitAf"),
    ("stream: {keepAlive: {interval: 0s, commitAfter: 5s}}", "stream.keepAlive: `commitAfter` has no effect: with `in"),
    ("stream: {keepAlive: {interval: -5s}}", "stream.keepAlive.interval: expected a duration such as"),
    ("stream: {slowReaderTimeout: 1d}", "stream.slowReaderTimeout: expected a duration such as"),
    ("stream: {maxBufferBytes: 1023}", "stream: `maxBufferBytes` is 1Ki at least"),
    ("stream: {maxEventBytes: 0}", "stream: `maxEventBytes` is 1Ki at least"),
    ("stream: {maxEventBytes: 16MB}", "stream.maxEventBytes: expected a number of bytes such as"),
    ("retry: {attempts: -1}", "retry.attempts: expected a whole number >= 0"),
    ("retry: {attempts: 256}", "retry.attempts: expected a whole number <= 255"),
    ("retry: {attempts: 1.5}", "retry.attempts: expected a whole number, not a number"),
    ("retry: {backoff: 25}", "retry.backoff: expected a duration such as"),
    ("retry: {codes: [503, 399]}", "retry.codes[1]: expected a whole number >= 400"),
    ("retry: {codes: [600]}", "retry.codes[0]: expected a whole number <= 599"),
    ("retry: {codes: []}", "retry.codes: expected a list of length >= 1"),
    ("retry: {condition: 'response.code >'}", "retry.condition: not a CEL expression"),
    ("retry: {condition: 'request.path == \"/\"'}", "retry.condition: "),
    ("retry: {condition: ''}", "retry.condition: expected a string of length >= 1"),
    ("retry: {precondition: 'response.code == 1'}", "retry.precondition: there is no `response`"),
    ("retry: {precondition: request.pth == '/'}", "retry.precondition: `request` has no `pth`"),
    ("retry: {retries: 3}", "retry.retries: unknown field"),
]  # fmt: skip
WRONG_ADMISSION = [
    ("admission: {maxConcurrent: -1}", "admission.maxConcurrent: expected a whole number >= 0"),
    ("admission: {maxQueue: -1}", "admission.maxQueue: expected a whole number >= 0"),
    ("admission: {maxQueue: many}", "admission.maxQueue: expected a whole number, not a string"),
    ("admission: {queueTimeout: 5}", "admission.queueTimeout: expected a duration such as"),
    ("admission: {maxMemory: -1}", "admission.maxMemory: expected a number of bytes such as"),
    ("admission: {maxRequests: 1}", "admission.maxRequests: unknown field"),
]


@pytest.mark.parametrize(("text", "expected"), [*WRONG, *WRONG_ADMISSION])
def test_in_a_policy(text: str, expected: str) -> None:
    (line,) = refusal(policy(f"\n  {GW % ''}\n  traffic:\n    {text}"))
    assert line.startswith(f"a.yaml:8: spec.traffic.{expected}")


@pytest.mark.parametrize(("text", "expected"), [*WRONG, *WRONG_ADMISSION])
def test_in_the_short_form(text: str, expected: str) -> None:
    (line,) = refusal(f"llm:\n  models: [{{name: m, provider: fake}}]\n  policies:\n    {text}\n")
    assert line.startswith(f"a.yaml:4: llm.policies.{expected}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{attempts: -1}", "attempts: expected a whole number >= 0"),
        ("{backoff: soon}", "backoff: expected a duration such as"),
        ("{codes: [200]}", "codes[0]: expected a whole number >= 400"),
        ("{condition: 'true'}", "condition: unknown field (expected one of: attempts, backoff, codes)"),
    ],
)
def test_in_a_rule_of_a_route(text: str, expected: str) -> None:
    (line,) = refusal(BACKEND + route(f"{{retry: {text}}}"))
    assert line.startswith(f"a.yaml:13: spec.rules[0].retry.{expected}")


def test_all_wrong_members_are_told_at_once() -> None:
    text = "stream: {maxBufferBytes: x, drain: {maxTokens: y}}\n    retry: {attempts: -1, codes: [1]}"
    lines = refusal(f"llm:\n  models: [{{name: m, provider: fake}}]\n  policies:\n    {text}\n")
    assert [line.split(": ")[1] for line in lines] == [
        "llm.policies.stream.maxBufferBytes",
        "llm.policies.stream.drain.maxTokens",
        "llm.policies.retry.attempts",
        "llm.policies.retry.codes[0]",
    ]


# -- where it may stand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "what"),
    [
        (RT % "", "a target of kind HTTPRoute"),
        (RT % ", sectionName: a", "a target of kind HTTPRoute"),
        (GW % ", sectionName: one", "a section of kind Gateway"),
    ],
)
def test_admission_may_target_a_whole_gateway_and_nothing_else(target: str, what: str) -> None:
    text = BACKEND + route() + gateway("{name: one, port: 1, protocol: HTTP}")
    (line,) = refusal(text + policy(f"{{{target}, traffic: {{admission: {{maxQueue: 1}}}}}}"))
    assert line.endswith(
        f"spec.traffic.admission: `admission` is of the whole process; {what} cannot have its own "
        "(it may target a whole Gateway)"
    )


@pytest.mark.parametrize("text", ["retry: {attempts: 1}", "stream: {}", "errorFormat: text", "admission: {}"])
def test_traffic_of_a_backend_is_refused(text: str) -> None:
    (line,) = refusal(BACKEND + policy(f"{{{BE}, traffic: {{{text}}}}}"))
    assert "spec.traffic: `traffic` on a target of kind AgentgatewayBackend is not implemented" in line
    assert line.endswith("(it may target a Gateway or an HTTPRoute)")


def test_an_expression_is_checked_even_if_its_target_is_not_there() -> None:
    (line,) = refusal(policy(f"{{{RT % ''}, traffic: {{retry: {{precondition: '1 +'}}}}}}"))
    assert "spec.traffic.retry.precondition: not a CEL expression" in line


# -- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"LLM_ERROR_FORMAT": "sk-canary"}, "LLM_ERROR_FORMAT: expected one of: json, text"),
        ({"LLM_STREAM_ON_DISCONNECT": "drain"}, "LLM_STREAM_ON_DISCONNECT: expected one of: Cancel, Drain, Continue"),
        ({"LLM_TIMEOUTS_REQUEST": "5"}, "LLM_TIMEOUTS_REQUEST: expected a duration such as"),
        ({"LLM_RETRY_ATTEMPTS": "-1"}, "LLM_RETRY_ATTEMPTS: expected a whole number >= 0"),
        ({"LLM_RETRY_ATTEMPTS": "many"}, "LLM_RETRY_ATTEMPTS: expected a whole number, not a string"),
        ({"LLM_RETRY_CODES": "503 399"}, "LLM_RETRY_CODES: expected a whole number >= 400"),
        ({"LLM_RETRY_CONDITION": "x +"}, "LLM_RETRY_CONDITION: not a CEL expression"),
        ({"LLM_RETRY_PRECONDITION": "response.code == 1"}, "LLM_RETRY_PRECONDITION: there is no `response`"),
        ({"LLM_STREAM_MAX_EVENT_BYTES": "1"}, "LLM_STREAM: `maxEventBytes` is 1Ki at least"),
        ({"LLM_ADMISSION_MAX_MEMORY": "lots"}, "LLM_ADMISSION_MAX_MEMORY: expected a number of bytes such as"),
        (
            {"LLM_STREAM_KEEP_ALIVE_INTERVAL": "0s", "LLM_STREAM_KEEP_ALIVE_COMMIT_AFTER": "1s"},
            "LLM_STREAM_KEEP_ALIVE: `commitAfter` has no effect",
        ),
    ],
)
def test_in_the_environment(env: dict[str, str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment(env, REGISTRY)
    assert str(caught.value).startswith(f"environment: {expected}")
    assert "canary" not in str(caught.value)
