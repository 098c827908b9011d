"""What is said about traffic: every key in every form, which layer wins, and who may say how much is taken on."""

from collections.abc import Callable, Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.config import from_environment
from sluice.config.plan import Plan, Rule
from sluice.config.traffic import ADMISSION, CLOCKS, RETRY, STREAM, admission
from sluice.config.traffic_api import AdmissionSettings, TrafficSettings
from sluice.config.units import Duration, Size
from sluice.policies.admission import Admission
from sluice.policies.deadlines import Deadlines
from sluice.policies.retry import Retry
from sluice.policies.streaming import Streaming

from .loading import BACKEND, REGISTRY, entries, gateway, plan, policy, route

GW = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw%s}]"
RT = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%s}]"
RULE = "{name: a, backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]%s}"
LISTENERS = ("{name: one, port: 1, protocol: HTTP}", "{name: two, port: 2, protocol: HTTP}")
MODEL = """---
apiVersion: agentgateway.dev/v1alpha1
kind: AgentgatewayModel
metadata: {name: m}
spec: {parentRefs: [{name: gw}], provider: Fake}
"""
CONDITION = 'request.path == "/x"'
FAILED = "response.code == 500"
COMMIT_AFTER = "LLM_STREAM_KEEP_ALIVE_COMMIT_AFTER"

Case = tuple[str, str, str, str, object]
CASES: list[Case] = [
    # as in a file, as a variable, and the member of the rule that it sets
    ("errorFormat: text", "LLM_ERROR_FORMAT", "text", "error_format", "text"),
    ("timeouts: {connect: 1s}", "LLM_TIMEOUTS_CONNECT", "1s", "deadlines.connect_s", 1.0),
    ("timeouts: {responseHeaders: 2s}", "LLM_TIMEOUTS_RESPONSE_HEADERS", "2s", "deadlines.headers_s", 2.0),
    ("timeouts: {firstToken: 3s}", "LLM_TIMEOUTS_FIRST_TOKEN", "3s", "deadlines.first_token_s", 3.0),
    ("timeouts: {responseIdle: 0s}", "LLM_TIMEOUTS_RESPONSE_IDLE", "0s", "deadlines.idle_s", 0.0),
    ("timeouts: {request: 5m}", "LLM_TIMEOUTS_REQUEST", "5m", "deadlines.total_s", 300.0),
    ("stream: {onDisconnect: Drain}", "LLM_STREAM_ON_DISCONNECT", "Drain", "streaming.on_disconnect", "drain"),
    ("stream: {onDisconnect: Continue}", "LLM_STREAM_ON_DISCONNECT", "Continue", "streaming.on_disconnect", "continue"),
    ("stream: {drain: {maxDuration: 1m}}", "LLM_STREAM_DRAIN_MAX_DURATION", "1m", "streaming.drain_s", 60.0),
    ("stream: {drain: {maxTokens: 0}}", "LLM_STREAM_DRAIN_MAX_TOKENS", "0", "streaming.drain_tokens", 0),
    ("stream: {drain: {maxConcurrent: 7}}", "LLM_STREAM_DRAIN_MAX_CONCURRENT", "7", "streaming.drain_concurrent", 7),
    ("stream: {keepAlive: {interval: 0s}}", "LLM_STREAM_KEEP_ALIVE_INTERVAL", "0s", "streaming.keep_alive_s", 0.0),
    ("stream: {keepAlive: {commitAfter: 0s}}", COMMIT_AFTER, "0s", "streaming.commit_after_s", 0.0),
    ("stream: {slowReaderTimeout: 500ms}", "LLM_STREAM_SLOW_READER_TIMEOUT", "500ms", "streaming.slow_reader_s", 0.5),
    ("stream: {maxBufferBytes: 1Mi}", "LLM_STREAM_MAX_BUFFER_BYTES", "1Mi", "streaming.max_buffer_bytes", 1 << 20),
    ("stream: {maxEventBytes: 1024}", "LLM_STREAM_MAX_EVENT_BYTES", "1024", "streaming.max_event_bytes", 1024),
    ("retry: {attempts: 0}", "LLM_RETRY_ATTEMPTS", "0", "retry.attempts", 0),
    ("retry: {backoff: 200ms}", "LLM_RETRY_BACKOFF", "200ms", "retry.backoff_s", 0.2),
    ("retry: {codes: [599, 400, 599]}", "LLM_RETRY_CODES", "599,400, 599", "retry.codes", frozenset([400, 599])),
    (f"retry: {{condition: '{FAILED}'}}", "LLM_RETRY_CONDITION", FAILED, "retry.condition", FAILED),
    (f"retry: {{precondition: '{CONDITION}'}}", "LLM_RETRY_PRECONDITION", CONDITION, "retry.precondition", CONDITION),
]  # fmt: skip


def changed(rule: Rule) -> dict[str, object]:
    """The members of a rule's traffic that are not the default, by their paths."""
    plain = Rule(name="", backends=())
    found: dict[str, object] = {} if rule.error_format == plain.error_format else {"error_format": rule.error_format}
    for part in ("deadlines", "streaming", "retry"):
        mine, default = getattr(rule, part), getattr(plain, part)
        for field in mine.__struct_fields__:
            if getattr(mine, field) != getattr(default, field):
                found[f"{part}.{field}"] = getattr(mine, field)
    return found


def traffic(target: str, text: str, name: str = "p", created: str = "2026-01-01T00:00:00Z") -> str:
    return policy(f"{{{target}, traffic: {{{text}}}}}", name, created)


def routed(*policies: str, rule: str = "") -> Plan:
    return plan(BACKEND + route(RULE % rule) + gateway(*LISTENERS) + "".join(policies))


def rules(*policies: str, rule: str = "") -> list[Rule]:
    """The rules of the listeners `one` and `two`."""
    return [entry.rule for entry in entries(routed(*policies, rule=rule))]


# -- every key in every form ------------------------------------------------------------------------------------------

FORMS: Mapping[str, Callable[[str, str, str], list[Rule]]] = {
    "Gateway": lambda text, *_: rules(traffic(GW % "", text)),
    "listener": lambda text, *_: rules(traffic(GW % ", sectionName: two", text))[1:],
    "HTTPRoute": lambda text, *_: rules(traffic(RT % "", text)),
    "rule": lambda text, *_: rules(traffic(RT % ", sectionName: a", text)),
    "models of a Gateway": lambda text, *_: _rules(plan(MODEL + gateway(LISTENERS[0]) + traffic(GW % "", text))),
    "short form": lambda text, *_: _rules(short(text)),
    "environment": lambda _, name, value: _rules(from_environment({name: value}, REGISTRY)),
}


def _rules(loaded: Plan) -> list[Rule]:
    return [entry.rule for entry in entries(loaded)]


def short(text: str) -> Plan:
    return plan(f"llm:\n  models: [{{name: m, provider: fake}}]\n  policies:\n    {text}\n")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "name", "value", "member", "expected"), CASES)
def test_every_key_sets_its_member_and_no_other(
    form: str, text: str, name: str, value: str, member: str, expected: object
) -> None:
    found = FORMS[form](text, name, value)
    assert found
    assert [changed(rule) for rule in found] == [{member: expected}] * len(found)


def test_every_key_of_the_tables_is_a_case() -> None:
    words = {f"{part}.{field}" for part, table in TABLES.items() for field in table.values()}
    assert {member for *_, member, _ in CASES} == words | {"error_format"}


TABLES = {"deadlines": CLOCKS, "streaming": STREAM, "retry": RETRY}


def test_the_tables_lead_from_every_key_to_every_field() -> None:
    def leaves(schema: type[msgspec.Struct], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for field in msgspec.structs.fields(schema):
            inner = [kind for kind in getattr(field.type, "__args__", ()) if hasattr(kind, "__struct_fields__")]
            key = prefix + field.encode_name
            found |= leaves(inner[0], f"{key}.") if inner else {key}
        return found

    sections = {"timeouts": CLOCKS, "stream": STREAM, "retry": RETRY, "admission": ADMISSION}
    keys = {f"{section}.{key}" for section, table in sections.items() for key in table}
    assert leaves(TrafficSettings) == keys | {"errorFormat"}
    for table, kind in ((CLOCKS, Deadlines), (STREAM, Streaming), (RETRY, Retry), (ADMISSION, Admission)):
        # What only a request or a target can say.
        fields = set(kind.__struct_fields__) - {"wished", "wishes", "one_attempt"}
        assert set(table.values()) == fields


def test_what_nobody_says_has_its_default() -> None:
    for loaded in (routed(), short("ai: {}"), from_environment({}, REGISTRY)):
        assert [changed(rule) for rule in _rules(loaded)] == [{}] * len(_rules(loaded))
        assert loaded.admission == Admission()


# -- which layer wins -------------------------------------------------------------------------------------------------

LAYERS = [
    traffic(GW % "", "errorFormat: text, stream: {onDisconnect: Drain, drain: {maxTokens: 1, maxConcurrent: 1}, "
            "keepAlive: {interval: 1s, commitAfter: 1s}}, retry: {attempts: 1, backoff: 1s, codes: [501]}", "g"),
    traffic(GW % ", sectionName: two", "stream: {drain: {maxTokens: 2, maxConcurrent: 2}}", "l"),
    traffic(RT % "", "errorFormat: json, stream: {drain: {maxConcurrent: 3}, keepAlive: {interval: 3s}}, "
            "retry: {attempts: 3, backoff: 3s, condition: 'response.code == 503'}", "r"),
    traffic(RT % ", sectionName: a", "stream: {keepAlive: {commitAfter: 4s}}, retry: {backoff: 4s}", "s"),
]  # fmt: skip


def test_rule_over_route_over_listener_over_gateway_member_by_member() -> None:
    one, two = (changed(rule) for rule in rules(*LAYERS))
    assert one == {
        "streaming.on_disconnect": "drain",
        "streaming.drain_tokens": 1,
        "streaming.drain_concurrent": 3,
        "streaming.keep_alive_s": 3.0,
        "streaming.commit_after_s": 4.0,
        "retry.attempts": 3,
        "retry.backoff_s": 4.0,
        "retry.codes": frozenset([501]),
        "retry.condition": "response.code == 503",
    }
    assert two == {**one, "streaming.drain_tokens": 2}


def test_the_retry_of_a_rule_itself_wins_member_by_member() -> None:
    for own, expected in (
        ("{attempts: 9}", (9, 4.0, frozenset([501]))),
        ("{backoff: 9ms}", (3, 0.009, frozenset([501]))),
        ("{codes: [404, 429]}", (3, 4.0, frozenset([404, 429]))),
        ("{attempts: 10, backoff: 25ms, codes: [503]}", (10, 0.025, frozenset([503]))),
        ("{}", (3, 4.0, frozenset([501]))),
    ):
        for rule in rules(*LAYERS, rule=f", retry: {own}"):
            assert (rule.retry.attempts, rule.retry.backoff_s, rule.retry.codes) == expected
            assert rule.retry.condition == "response.code == 503"


def test_between_policies_of_one_target_the_older_wins_member_by_member() -> None:
    old = traffic(RT % "", "retry: {attempts: 1}", "z", "2026-01-01T00:00:00Z")
    young = traffic(RT % "", "retry: {attempts: 2, backoff: 2s}", "a", "2026-01-02T00:00:00Z")
    assert changed(rules(young, old)[0]) == {"retry.attempts": 1, "retry.backoff_s": 2.0}


def test_in_the_short_form_the_time_out_of_policies_wins_over_that_of_the_pool() -> None:
    text = "config: {backend: {connectTimeout: 3s}}\nllm: {models: [{name: m, provider: fake}]%s}\n"
    assert _rules(plan(text % ""))[0].deadlines.connect_s == 3
    assert _rules(plan(text % ", policies: {timeouts: {connect: 4s}}"))[0].deadlines.connect_s == 4


# -- admission --------------------------------------------------------------------------------------------------------

ADMITTED: list[tuple[str, str, str, str, object]] = [
    ("maxConcurrent: 5", "LLM_ADMISSION_MAX_CONCURRENT", "5", "max_concurrent", 5),
    ("maxConcurrent: 0", "LLM_ADMISSION_MAX_CONCURRENT", "0", "max_concurrent", 0),
    ("maxQueue: 0", "LLM_ADMISSION_MAX_QUEUE", "0", "max_queue", 0),
    ("queueTimeout: 250ms", "LLM_ADMISSION_QUEUE_TIMEOUT", "250ms", "queue_timeout_s", 0.25),
    ("maxMemory: 2Gi", "LLM_ADMISSION_MAX_MEMORY", "2Gi", "max_memory_bytes", 2 << 30),
]


@pytest.mark.parametrize(("text", "name", "value", "member", "expected"), ADMITTED)
def test_every_key_of_admission_in_every_form(text: str, name: str, value: str, member: str, expected: object) -> None:
    text = f"admission: {{{text}}}"
    wanted = msgspec.structs.replace(Admission(), **{member: expected})
    assert routed(traffic(GW % "", text)).admission == wanted
    assert short(text).admission == wanted
    assert from_environment({name: value}, REGISTRY).admission == wanted


def test_every_key_of_admission_is_a_case() -> None:
    assert {member for *_, member, _ in ADMITTED} == set(ADMISSION.values())


def test_of_two_gateways_the_tightest_of_each_member_holds_and_is_noted() -> None:
    other = GW.replace("gw%s", "other")
    first = traffic(GW % "", "admission: {maxConcurrent: 10, maxQueue: 0, queueTimeout: 0s, maxMemory: 1Gi}", "a")
    second = traffic(other, "admission: {maxConcurrent: 0, maxQueue: 3, queueTimeout: 1500ms, maxMemory: 1Gi}", "b")
    loaded = routed(first, second, gateway("{name: x, port: 3, protocol: HTTP}", name="other"))
    assert loaded.admission == Admission(max_concurrent=10, max_queue=0, queue_timeout_s=1.5, max_memory_bytes=1 << 30)
    assert loaded.notes == (
        (
            "The Gateways default/gw, default/other share one process and differ in `admission`; the tightest holds: "
            "maxConcurrent 10, maxQueue 0, queueTimeout 1s500ms."
        ),
    )


def test_gateways_that_agree_or_say_nothing_are_not_noted() -> None:
    other = GW.replace("gw%s", "other")
    same = "admission: {maxConcurrent: 20000}"
    more = gateway("{name: x, port: 3, protocol: HTTP}", name="other")
    for policies in (
        (traffic(GW % "", same),),
        (traffic(GW % "", same), traffic(other, same, "q")),
        (traffic(GW % "", same), traffic(other, "admission: {}", "q")),
        (traffic(GW % "", same), traffic(other, "timeouts: {connect: 1s}", "q")),
    ):
        loaded = routed(*policies, more)
        assert (loaded.admission, loaded.notes) == (Admission(max_concurrent=20_000), ())


def test_between_policies_of_one_gateway_the_older_wins_member_by_member() -> None:
    old = traffic(GW % "", "admission: {maxQueue: 9}", "z", "2026-01-01T00:00:00Z")
    young = traffic(GW % "", "admission: {maxQueue: 1, maxConcurrent: 1}", "a", "2026-01-02T00:00:00Z")
    loaded = routed(young, old)
    assert (loaded.admission, loaded.notes) == (Admission(max_queue=9, max_concurrent=1), ())


def test_a_gateway_that_only_a_route_names_may_say_it() -> None:
    loaded = plan(BACKEND + route() + traffic(GW % "", "admission: {maxConcurrent: 4}"))
    assert loaded.admission == Admission(max_concurrent=4)


def test_a_gateway_that_is_not_there_says_nothing() -> None:
    assert routed(traffic(GW % "x", "admission: {maxConcurrent: 4}")).admission == Admission()


BOUNDS = st.none() | st.integers(0, 3)


def asked(said: list[int | None]) -> AdmissionSettings:
    concurrent, queue, timeout, memory = said
    return AdmissionSettings(
        max_concurrent=concurrent,
        max_queue=queue,
        queue_timeout=None if timeout is None else Duration(timeout),
        max_memory=None if memory is None else Size(memory),
    )


@given(st.lists(st.lists(BOUNDS, min_size=4, max_size=4), min_size=1, max_size=4))
def test_no_gateway_is_given_more_than_it_asked_for(said: list[list[int | None]]) -> None:
    """Whatever the Gateways say: each bound that holds is one that somebody said, and at most what each of them said;
    0 means no bound, but for the queue."""
    found, notes = admission({f"ns/g{i}": [asked(item)] for i, item in enumerate(said)})
    default = Admission()
    columns = list(zip(*said, strict=True))
    for field, column in zip(ADMISSION.values(), columns, strict=True):
        values = [value for value in column if value is not None]
        got = getattr(found, field)
        if not values:
            assert got == getattr(default, field)
            continue
        assert got in values
        for value in values:
            assert (got <= value) if field == "max_queue" else (value == 0 or 0 < got <= value)
    differ = any(len({value for value in column if value is not None}) > 1 for column in columns)
    assert bool(notes) is differ
