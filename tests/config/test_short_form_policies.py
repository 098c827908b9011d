"""Policies of the short form: of every request, of a model, and of the provider that it refers to."""

import pytest

from sluice.config.plan import Plan, Rule, Target
from sluice.policies.access import OPEN
from sluice.policies.guards import HeaderChange, TextRules
from sluice.policies.limiting import NO_LIMITS
from sluice.policies.prompt_caching import PromptCaching
from sluice.providers.credential import Placement, Secret

from .loading import answering, entries, plan, refusal

MODEL = "{name: m, provider: fake}"


def ruled(policies: str) -> list[Rule]:
    """The rules of a file with these policies: of requests by model, and of the list of models."""
    loaded = plan(f"llm: {{models: [{MODEL}], policies: {{{policies}}}}}\n")
    return [entry.rule for entry in entries(loaded)]


def modelled(model: str, defaults: str = "", env: dict[str, str] | None = None) -> Plan:
    """A file with one model, which refers to a provider with these defaults if there are any."""
    if not defaults:
        return plan(f"llm: {{models: [{{name: m, provider: openAI, {model}}}]}}\n", env=env)
    providers = f"providers: [{{name: p, provider: openAI, defaults: {{{defaults}}}}}]"
    return plan(f"llm: {{{providers}, models: [{{name: m, provider: {{reference: p}}, {model}}}]}}\n", env=env)


def asked(loaded: Plan) -> Target:
    return answering(loaded.models[0]).groups[0][0]


IDENTITY = (
    "apiKey: {keys: [{key: sk-a}]}, extAuthz: {url: 'http://authz:8000', protocol: {http: {}}}, "
    "basicAuth: {htpasswd: 'u:$$2y$$05$$abcdefghijklmnopqrstuuIHD9x3tPPrE2WQv9nJYDpUaCaAZ3Sd2'}, "
    "authorization: {rules: ['request.method == \"POST\"']}"
)


def test_who_may_ask_holds_for_models_and_for_their_list() -> None:
    for rule in ruled(IDENTITY):
        assert rule.access.api_keys is not None
        assert rule.access.api_keys.mode == "strict"
        assert rule.access.basic is not None
        assert rule.access.external
        assert rule.access.authorization.allow == ('request.method == "POST"',)


def test_limits_of_both_forms_and_budgets_add_up() -> None:
    said = "localRateLimit: [{maxTokens: 9, tokensPerFill: 9, fillInterval: 1m, type: tokens}], "
    said += "rateLimit: {local: [{requests: 1, unit: Hours}]}, "
    said += "remoteRateLimit: {domain: d, host: 'rls:8081', descriptors: [{entries: [{key: a, value: '\"b\"'}]}]}, "
    said += "budgets: [{name: team, amountUsd: '5', period: Month}]"
    rule = ruled(said)[0]
    assert len(rule.limits.groups) == 3
    assert [(budget.name, budget.unit) for budget in rule.budgets] == [("team", "usd")]
    assert ruled("cors: {allowOrigins: ['*']}")[0].limits == NO_LIMITS


def test_shaping_in_the_words_of_manifests_and_the_older_plural() -> None:
    said = "cors: {allowOrigins: ['*'], maxAge: 24h}, csrf: {}, transformations: {request: {set: {x-a: '\"b\"'}}}, "
    said += "headerModifiers: {response: {remove: [x-b]}}, delay: {duration: 5ms}, abort: {status: 503, percent: 1}, "
    said += "directResponse: {conditional: [{condition: 'request.path == \"/x\"', status: 404}, {status: 200}]}"
    shaping = ruled(said)[0].shaping
    assert shaping.cors is not None
    assert shaping.cors.max_age_s == 86400
    assert shaping.csrf is not None
    assert shaping.transformations[0].request.set == (("x-a", '"b"'),)
    assert shaping.response_headers == HeaderChange(remove=("x-b",))
    assert (len(shaping.delays), len(shaping.direct)) == (1, 2)
    assert shaping.abort is not None


def test_guards_of_both_places_add_up() -> None:
    guard = "{request: [{regex: {rules: [{pattern: %s}]}}]}"
    rule = ruled(f"guardrails: {guard % 'a'}, ai: {{promptGuard: {guard % 'b'}}}")[0]
    found = [one.patterns for one in rule.gateway_ai.guards.request if isinstance(one, TextRules)]
    assert found == [("a",), ("b",)]


def test_the_kinds_that_are_said_are_told() -> None:
    said = ruled("csrf: {}, errorFormat: text, ai: {defaults: {a: 1}}")[0].sources
    assert sorted(said) == [(kind, "llm.policies") for kind in ("ai", "csrf", "errorFormat")]


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ("transformations: {request: {set: {x-a: 'b('}}}", "llm.policies.transformations.request.set.x-a: "),
        ("authorization: {rules: ['nobody.x']}", "llm.policies.authorization.rules[0]: "),
        ("guardrails: {request: [{regex: {rules: [{pattern: '('}]}}]}", "llm.policies.guardrails.request[0].regex"),
        ("localRateLimit: [{requests: 1}]", "llm.policies.localRateLimit[0]: `unit` is missing"),
        ("budgets: [{name: a, tokens: 1, amountUsd: '1', period: Day}]", "llm.policies.budgets[0]: "),
        ("headerModifiers: {request: {set: {host: a}}}", "llm.policies.headerModifiers.request.set.host: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(policies: str, words: str) -> None:
    (line,) = refusal(f"llm: {{models: [{MODEL}], policies: {{{policies}}}}}\n")
    assert words in line


# -- of a model -------------------------------------------------------------------------------------------------------

SETTINGS = (
    "transformation: {user: '\"%s\"'}, finalTransformation: {seed: '1'}, promptCaching: {minTokens: 3}, "
    "requestHeaders: {set: {x-who: %s}}, responseHeaders: {remove: [x-b]}"
)


def test_what_a_model_says_is_its_targets() -> None:
    target = asked(modelled(SETTINGS % ("m", "m")))
    assert target.ai.transformations == (("user", '"m"'),)
    assert target.ai.final_transformations == (("seed", "1"),)
    assert target.ai.prompt_caching == PromptCaching(min_tokens=3)
    assert target.shaping.request_headers == HeaderChange(set=(("x-who", "m"),))
    assert target.shaping.response_headers == HeaderChange(remove=("x-b",))


def test_a_model_wins_over_its_provider_member_by_member() -> None:
    target = asked(modelled("requestHeaders: {set: {x-who: m}}", SETTINGS % ("p", "p")))
    assert target.ai.transformations == (("user", '"p"'),)
    assert target.shaping.request_headers == HeaderChange(set=(("x-who", "m"),))
    assert target.shaping.response_headers == HeaderChange(remove=("x-b",))


def test_guards_of_a_provider_and_of_its_model_add_up() -> None:
    guard = "guardrails: {request: [{regex: {rules: [{pattern: %s}]}}]}"
    found = asked(modelled(guard % "m", guard % "p")).ai.guards.request
    assert [one.patterns for one in found if isinstance(one, TextRules)] == [("p",), ("m",)]
    assert [one.name.split()[0] for one in found] == ["llm.providers.defaults", "llm.models"]


def test_rules_of_a_model_are_its_backends_whoever_leads_to_it() -> None:
    text = "{name: m, provider: fake, visibility: internal, authorization: {rules: [{require: 'jwt.sub == \"a\"'}]}}"
    virtual = "virtualModels: [{name: v, routing: {failover: {targets: [{model: m, priority: 1}]}}}]"
    loaded = plan(f"llm: {{models: [{text}, {{name: n, provider: fake}}], {virtual}}}\n")
    found = {route.pattern: answering(route).access for route in loaded.models}
    assert found["m"].authorization.require == ('jwt.sub == "a"',)
    assert found["v"] == found["m"]
    assert found["n"] == OPEN


def test_a_credential_of_its_own_takes_the_place_of_the_usual_one() -> None:
    env = {"OPENAI_API_KEY": "sk-usual"}
    target = asked(modelled("auth: {key: $OWN, location: {header: {name: x-key}}}", env={**env, "OWN": "sk-own"}))
    assert (target.credential, target.placement) == (Secret("sk-own"), Placement("x-key", ""))
    assert asked(modelled("auth: {passthrough: {}}", env=env)).passthrough
    assert asked(modelled("visibility: public", "auth: {key: sk-p}", env=env)).credential == Secret("sk-p")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("auth: {key: k}, params: {apiKey: j}", "llm.models[0].params.apiKey: `auth` and `params.apiKey` both say"),
        ("auth: {secretRef: {name: s}}", "llm.models[0].auth: Secret default/s not found: there are no objects here"),
        ("transformation: {user: 'a('}", "llm.models[0].transformation.user: "),
        ("requestHeaders: {set: {content-length: x}}", "llm.models[0].requestHeaders"),
        ("authorization: {rules: [{allow: 'b('}]}", "llm.models[0].authorization.rules[0].allow: "),
    ],
)
def test_what_is_wrong_with_a_model_is_told_with_its_place(model: str, words: str) -> None:
    (line,) = refusal(f"llm: {{models: [{{name: m, provider: openAI, {model}}}]}}\n")
    assert words in line


def test_what_is_wrong_with_a_provider_is_told_though_no_model_refers_to_it() -> None:
    bad = "{name: p, provider: fake, defaults: {finalTransformation: {a: 'b('}}}"
    (line,) = refusal(f"llm: {{models: [{MODEL}], providers: [{bad}]}}\n")
    assert "llm.providers[0].defaults.finalTransformation.a: " in line


# -- money ------------------------------------------------------------------------------------------------------------


def test_prices_and_the_ledger_are_the_processs() -> None:
    prices = "{inline: {providers: {openAI: {models: {gpt-4o: {rates: {input: '2.5'}}}}}}}, {file: own.json}"
    loaded = plan(
        f"config: {{modelCatalog: [{prices}], database: {{url: 'sqlite:///x.db'}}}}\nllm: {{models: [{MODEL}]}}\n"
    )
    assert loaded.ledger is not None
    first, second = loaded.prices
    assert first.catalog["openai"]["gpt-4o"].rates.input == 2_500_000
    assert (second.catalog, second.file) == ({}, "own.json")
    (line,) = refusal(f"config: {{database: {{url: 'mysql://u:p4ss@h/'}}}}\nllm: {{models: [{MODEL}]}}\n")
    assert line.startswith("a.yaml:1: config.database.url: ")
    assert "p4ss" not in line
