"""A canary in every place that may hold a secret: it is in no error, note, status, dump or repr."""

import json
from collections.abc import Mapping

import pytest

from sluice.config import Source, dump, from_environment, load
from sluice.errors import ConfigError

from .loading import REGISTRY, backend, gateway, route, secret

CANARY = "c4n4ry"
BASE64 = "YzRuNHJ5"
PEM = f"-----BEGIN PRIVATE KEY-----\\n{CANARY}\\n-----END PRIVATE KEY-----\\n"
CERT = "-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----\\n"
SHORT = "llm: {models: [{name: m, provider: openAI, params: {apiKey: %s%s}}]}\n"
BROKEN = "---\nkind: Nope\napiVersion: v1\n"

POLICIES = "llm: {models: [{name: m, provider: fake}], policies: {%s}}\n"

GOOD = {
    "stringData": secret(string_data=f"{{Authorization: {CANARY}}}"),
    "data": secret(data=f"{{Authorization: {BASE64}}}"),
    "inline": backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{auth: {{key: {CANARY}}}}}}}") + route(),
    "tls": secret("t", string_data=f'{{tls.crt: "{CERT}", tls.key: "{PEM}"}}')
    + gateway("{name: a, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: t}]}}"),
    "short": SHORT % (CANARY, ""),
    "short variable": SHORT % ("$K", ""),
}
BAD = {
    "not base64": secret(data=f"{{Authorization: {CANARY}!}}"),
    "malformed line": f"apiVersion: v1\nkind: Secret\nstringData:\n  Authorization: {CANARY}: x\n",
    "unclosed quote": f"apiVersion: v1\nkind: Secret\nstringData:\n  Authorization: '{CANARY}\n",
    "alias": f"apiVersion: v1\nkind: Secret\nstringData:\n  Authorization: *{CANARY}\n",
    "tag": f"apiVersion: v1\nkind: Secret\nstringData:\n  Authorization: !{CANARY} x\n",
    "twice": secret(string_data=f"{{Authorization: a, Authorization: {CANARY}}}"),
    "string for a mapping": secret(string_data=CANARY),
    "list for a string": secret(string_data=f"{{Authorization: [{CANARY}]}}"),
    "number for a string": secret(string_data="{Authorization: 5}"),
    "header": backend(f'{{ai: {{provider: {{openai: {{}}}}}}, policies: {{auth: {{key: "{CANARY}\\n{CANARY}"}}}}}}'),
    "key as mapping": backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{auth: {{key: {{{CANARY}: 1}}}}}}}}"),
    "url": f"llm: {{models: [{{name: m, provider: openAI, params: {{baseUrl: 'http://u:{CANARY}@h/'}}}}]}}\n",
    "short header": SHORT % (f'"{CANARY}\\n', f'{CANARY}"'),
    "variable as a word": SHORT.replace("openAI", "$K") % ("x", ""),
    "variable as a choice": "config: {logging: {format: $K}}\n" + SHORT % ("x", ""),
    "variable as a number": "gateways: {default: {port: $K}}\n" + SHORT % ("x", ""),
    "variable as an address": "config: {adminAddr: 'a b $K'}\n" + SHORT % ("x", ""),
    "variable as a reference": SHORT.replace("openAI", "{reference: $K}") % ("x", ""),
    "variable as a header's value": POLICIES % "transformations: {request: {set: {authorization: $K}}}",
    "variable as a rule": POLICIES % "authorization: {rules: ['$K']}",
    "variable as a function": POLICIES % "authorization: {rules: ['${K}(1) == 2']}",
    "variable as a member": POLICIES % "authorization: {rules: ['request.${K} == 2']}",
    "variable as a limit's key": POLICIES % "rateLimit: {local: [{requests: 1, unit: Hours, key: $K}]}",
    "variable as a body": POLICIES % "directResponse: {status: 200, bodyExpression: $K}",
    "variable as a pattern": "llm: {models: [{name: m, provider: fake, guardrails: "
    "{request: [{regex: {rules: [{pattern: '${K}('}]}}]}}]}\n",
    "variable as a header's name": "llm: {models: [{name: m, provider: fake, requestHeaders: {remove: [$K, $K]}}]}\n",
    "variable as a target": "llm: {models: [{name: m, provider: fake}], virtualModels: [{name: v, routing: "
    "{weighted: {targets: [{model: $K}]}}}]}\n",
}


def texts_of(error: BaseException | None) -> list[str]:
    """Return everything that a traceback of an error would print of its values."""
    return [] if error is None else [str(error), repr(error), *texts_of(error.__cause__), *texts_of(error.__context__)]


@pytest.mark.parametrize("name", GOOD)
def test_no_plan_shows_a_secret(name: str) -> None:
    loaded = load([Source("f.yaml", GOOD[name])], {"K": CANARY}, REGISTRY)
    for text in (json.dumps(dump(loaded)), repr(loaded), str(loaded.notes)):
        assert CANARY not in text
        assert BASE64 not in text


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_no_error_shows_a_secret(name: str) -> None:
    text = BAD.get(name) or GOOD[name]
    with pytest.raises(ConfigError) as caught:
        load(
            [Source("f.yaml", text), Source("g.yaml", BROKEN)] if name in GOOD else [Source("f.yaml", text)],
            {"K": CANARY},
            REGISTRY,
        )
    for shown in texts_of(caught.value):
        assert CANARY not in shown
        assert BASE64 not in shown


@pytest.mark.parametrize(
    "env",
    [
        {"OPENAI_API_KEY": f"{CANARY}\n{CANARY}"},
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"http://u:{CANARY}@h"},
        {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": f"http://h/?{CANARY}"},
    ],
)
def test_no_error_about_the_environment_shows_a_secret(env: Mapping[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment(env, REGISTRY)
    assert not any(CANARY in shown for shown in texts_of(caught.value))


def test_the_plan_of_the_environment_shows_no_secret() -> None:
    loaded = from_environment({"OPENAI_API_KEY": CANARY}, REGISTRY)
    assert CANARY not in json.dumps(dump(loaded)) + repr(loaded)
