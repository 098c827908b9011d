"""What `sluice check` says of policies: what holds, what it comes to, and who says so; never a secret."""

from sluice.config.shown_policies import early_lines, policy_lines
from tests.docs.pages import blocks

from .layered import GATEWAY, ROUTE, ai, listener, ruled, traffic
from .loading import backend, entries, gateway, plan, policy, route, secret

KEYS = secret("keys", string_data="{a: sk-canary-a, b: sk-canary-b}")
USERS = "users: ['u:$2y$05$abcdefghijklmnopqrstuuIHD9x3tPPrE2WQv9nJYDpUaCaAZ3Sd2']"
BASIC = f"basicAuthentication: {{mode: Optional, {USERS}}}"


def test_where_nothing_is_said_nothing_is_shown() -> None:
    assert (policy_lines(ruled()), early_lines(listener())) == ((), ())


def test_who_may_ask_is_told_without_a_secret() -> None:
    rule = ruled(
        traffic(GATEWAY, "apiKeyAuthentication: {secretRef: {name: keys}}, extAuth: {url: 'http://authz:1'}", "g"),
        traffic(GATEWAY, "authorization: {action: Deny, policy: {matchExpressions: ['request.path == \"/a\"']}}", "d"),
        traffic(ROUTE, BASIC, "r"),
        traffic(ROUTE, "jwtAuthentication: {providers: [{issuer: solo.io, jwks: {file: k.json}}]}", "j"),
        traffic(ROUTE, "authorization: {policy: {matchExpressions: ['jwt.sub == \"a\"', 'jwt.sub == \"b\"']}}", "a"),
        objects=KEYS,
    )
    lines = policy_lines(rule)
    assert sorted(lines) == [
        "apiKeyAuthentication: strict, 2 keys (AgentgatewayPolicy default/g)",
        "authorization: 2 allow, 1 deny (AgentgatewayPolicy default/d, AgentgatewayPolicy default/a)",
        "basicAuthentication: optional (AgentgatewayPolicy default/r)",
        "extAuth: asks authz (AgentgatewayPolicy default/g)",
        "jwtAuthentication: strict, issuers solo.io (AgentgatewayPolicy default/j)",
    ]
    assert "canary" not in "".join(lines)
    assert "$2y$" not in "".join(lines)


def test_what_is_asked_early_is_the_listeners() -> None:
    (line,) = early_lines(listener(traffic(GATEWAY, f"phase: PreRouting, {BASIC}", "e")))
    assert line == "PreRouting basicAuthentication: optional (AgentgatewayPolicy default/e)"


def test_limits_and_budgets_are_told_by_what_they_come_to() -> None:
    local = "{tokens: 5, unit: Minutes, burst: 2, key: jwt.sub, cutStream: true}, {concurrency: 3}"
    shared = "global: {limits: [{requests: 9, unit: Hours}]}"
    service = "{global: {domain: d, url: 'http://rls:1', descriptors: [{entries: [{name: a, expression: '\"b\"'}]}]}}"
    budgets = "budgets: [{name: a, amountUsd: 2.5, period: Day, key: jwt.sub}, "
    budgets += "{name: b, tokens: 7, period: Month, onExceeded: Audit}]"
    conditional = f"conditional: [{{condition: 'request.path == \"/a\"', policy: {service}}}]"
    rule = ruled(traffic(GATEWAY, f"rateLimit: {{local: [{local}], {shared}, {conditional}}}, {budgets}", "l"))
    where = "default/l spec.traffic.rateLimit"
    assert policy_lines(rule) == (
        "budgets: (AgentgatewayPolicy default/l)",
        f"limit: 5 tokens per 1m, 7 at most for each jwt.sub, cuts streams ({where}.local[0])",
        f"limit: 3 at once ({where}.local[1])",
        f"limit: 9 requests per 1h, shared ({where}.global.limits[0])",
        f"limit: domain d, counted by rls ({where}.conditional[0].policy.global) if its condition holds",
        "budget: a, 2.5 USD per day for each jwt.sub",
        "budget: b, 7 tokens per month, noted when it is exceeded",
    )


def test_what_a_gateway_says_of_models_is_told_not_to_be_about_plain_http() -> None:
    said = "{rateLimit: {local: [{tokens: 5, unit: Hours}, {requests: 3, unit: Hours}]}, "
    said += "budgets: [{name: b, tokens: 7, period: Month}]}"
    policies = policy(f"{{{GATEWAY}, traffic: {said}, backend: {{ai: {{defaults: [{{field: n, value: 1}}]}}}}}}")
    plain = backend("{static: {host: there, port: 80}}", name="plain")
    to = "backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: plain}]"
    text = plain + gateway("{name: http, port: 8080, protocol: HTTP}") + route(f"{{{to}}}") + policies
    lines = [line for entry in entries(plan(text)) for line in policy_lines(entry.rule)]
    crosses = [line.partition(" ")[0] for line in lines if line.endswith("; not here: plain HTTP crosses unread")]
    assert crosses == ["ai.defaults:", "limit:", "budget:"]
    assert sum(line.startswith("limit: ") for line in lines) == 2


def test_guards_are_told_in_the_order_in_which_they_look() -> None:
    guard = "promptGuard: {request: [{regex: {matches: [a]}}], response: [{regex: {matches: [b]}}]}"
    rule = ruled(ai(ROUTE, guard, "r"), ai(GATEWAY, guard, "g"))
    assert policy_lines(rule) == (
        "guards of the request: default/g request[0] regex; default/r request[0] regex",
        "guards of the response: default/g response[0] regex; default/r response[0] regex",
    )


def test_guards_of_a_backends_targets_are_told_where_they_differ() -> None:
    own = "policies: {ai: {promptGuard: {request: [{regex: {matches: [a]}}]}}}"
    groups = f"ai: {{groups: [{{providers: [{{name: a, openai: {{}}, {own}}}, {{name: b, openai: {{}}}}]}}]}}"
    (entry,) = entries(plan(backend(f"{{{groups}}}") + route()))
    assert policy_lines(entry.rule) == ("guards of the request at default/llm a: default/llm a request[0] regex",)


def test_the_short_form_names_its_section() -> None:
    said = "apiKey: {keys: [{key: sk-canary}]}, guardrails: {request: [{regex: {rules: [{pattern: a}]}}]}"
    loaded = plan(f"llm: {{models: [{{name: m, provider: fake}}], policies: {{{said}}}}}\n")
    assert policy_lines(entries(loaded)[0].rule) == (
        "apiKey: strict, 1 key (llm.policies)",
        "guards of the request: llm.policies request[0] regex",
    )


def test_the_page_shows_what_check_prints() -> None:
    page = blocks("docs/policies/README.md")
    (text,) = [block.text for block in page if block.language == "yaml"]
    (shown,) = [block.text for block in page if block.language == "text" and "PathPrefix" in block.text]
    (entry,) = entries(plan(text))
    lines = [line.strip() for line in shown.split("\n") if line.startswith(8 * " ")]
    assert lines == list(policy_lines(entry.rule))
