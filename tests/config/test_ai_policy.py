"""`policies.ai` in every place that has it: what it compiles to, who wins, what is refused."""

import pytest
from msgspec import Raw

from sluice.config.ai_api import json_text
from sluice.config.plan import AiBackend, Plan, Rule
from sluice.policies.ai import AiPolicy
from sluice.policies.prompt_caching import PromptCaching

from .loading import BACKEND, backend, entries, gateway, plan, policy, refusal, route, target

GW = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: gw%s}]"
RT = "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r%s}]"
BE = "targetRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]"
RULE = "{name: a, backendRefs: [{group: agentgateway.dev, kind: AgentgatewayBackend, name: llm}]}"
LISTENERS = ("{name: one, port: 1, protocol: HTTP}", "{name: two, port: 2, protocol: HTTP}")


def inline(ai: str) -> str:
    return backend(f"{{ai: {{provider: {{openai: {{}}}}}}, policies: {{ai: {ai}}}}}")


def compiled(ai: str) -> AiPolicy:
    return target(plan(inline(ai) + route())).ai


def alias(target_: str, name: str, to: str, created: str = "2026-01-01T00:00:00Z") -> str:
    """A policy that says `m` is `to`."""
    return policy(f"{{{target_}, backend: {{ai: {{modelAliases: {{m: {to}}}}}}}}}", name, created)


def rules(*policies: str) -> list[Rule]:
    loaded = plan(BACKEND + route(RULE) + gateway(*LISTENERS) + "".join(policies))
    return [entry.rule for entry in entries(loaded)]


def the_backend(loaded: Plan) -> AiBackend:
    found = entries(loaded)[0].rule.backends[0].backend
    assert isinstance(found, AiBackend)
    return found


# -- what it compiles to ----------------------------------------------------------------------------------------------


def test_every_member() -> None:
    found = compiled(
        """{
        routes: {/v1/chat/completions: Completions, /v1/messages/count_tokens: AnthropicTokenCount,
                 ":countTokens": GeminiCountTokens, ":generateContent": GenerateContent, "*": Passthrough},
        defaults: [{field: temperature, value: 0.5}, {field: a.b, value: null}],
        overrides: [{field: metadata, value: {k: [1, "é", true]}}],
        modelAliases: {fast: gpt-3.5-turbo, "gpt-*": gpt-4},
        prompt: {prepend: [{role: SYSTEM, content: Be brief.}], append: [{role: user, content: ""}]}}"""
    )
    assert found == AiPolicy(
        routes=(
            ("/v1/chat/completions", "completions"),
            ("/v1/messages/count_tokens", "messages_token_count"),
            (":countTokens", "content_token_count"),
            (":generateContent", "generate_content"),
            ("*", "passthrough"),
        ),
        defaults=(("temperature", Raw(b"0.5")), ("a.b", Raw(b"null"))),
        overrides=(("metadata", Raw('{"k":[1,"é",true]}'.encode())),),
        aliases=(("fast", "gpt-3.5-turbo"), ("gpt-*", "gpt-4")),
        prepend=(("system", "Be brief."),),
        append=(("user", ""),),
    )


WORDS = ["Completions", "Messages", "Responses", "Models", "Embeddings", "Rerank", "Realtime", "Detect"]


@pytest.mark.parametrize("word", WORDS)
def test_a_route_type_is_the_word_of_the_api(word: str) -> None:
    assert compiled(f"{{routes: {{/x: {word}}}}}").routes == (("/x", word.lower()),)


# -- where it may stand -----------------------------------------------------------------------------------------------


def test_a_provider_of_a_group_wins_over_its_backend_member_by_member() -> None:
    own = "{name: p, openai: {}, policies: {ai: {modelAliases: {m: own}}}}"
    text = (
        f"{{ai: {{groups: [{{providers: [{own}, {{name: q, openai: {{}}}}]}}]}}, policies: {{ai: {{modelAliases: {{m: "
    )
    text += "common}, prompt: {append: [{role: user, content: x}]}}}}"
    group = the_backend(plan(backend(text) + route())).groups[0]
    assert [item.ai.aliases for item in group] == [(("m", "own"),), (("m", "common"),)]
    assert [item.ai.append for item in group] == [(("user", "x"),)] * 2


def test_a_policy_that_targets_a_backend_is_the_backends_and_not_its_targets() -> None:
    found = the_backend(plan(BACKEND + route() + alias(BE, "p", "x")))
    assert found.ai.aliases == (("m", "x"),)
    assert found.groups[0][0].ai == AiPolicy()


def test_a_policy_that_targets_a_route_or_one_rule_of_it() -> None:
    found = rules(alias(RT % "", "p", "route"))
    assert [(rule.ai.aliases, rule.gateway_ai) for rule in found] == [((("m", "route"),), AiPolicy())] * 2
    found = rules(alias(RT % "", "p", "route"), alias(RT % ", sectionName: a", "q", "rule"))
    assert {rule.ai.aliases for rule in found} == {(("m", "rule"),)}
    assert {rule.ai for rule in rules(alias(RT % ", sectionName: b", "p", "x"))} == {AiPolicy()}


def test_a_policy_that_targets_a_gateway_or_one_listener_of_it() -> None:
    found = rules(alias(GW % "", "p", "gateway"), alias(GW % ", sectionName: two", "q", "listener"))
    assert [rule.gateway_ai.aliases for rule in found] == [(("m", "gateway"),), (("m", "listener"),)]
    assert {rule.ai for rule in found} == {AiPolicy()}


def test_between_policies_of_one_target_the_older_wins_member_by_member() -> None:
    young = alias(RT % "", "a", "young", "2026-01-02T00:00:00Z")
    old = alias(RT % "", "z", "old")
    other = policy(f"{{{RT % ''}, backend: {{ai: {{routes: {{'*': Detect}}}}}}}}", "y", "2026-01-03T00:00:00Z")
    found = rules(young, old, other)[0].ai
    assert (found.aliases, found.routes) == ((("m", "old"),), (("*", "detect"),))


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ai", "words"),
    [
        ("{}", "spec.policies.ai: expected at least one setting"),
        ("{prompt: {}}", "spec.policies.ai: expected at least one setting"),
        ("{routes: {/x: completions}}", "unknown value `completions` (did you mean `Completions`?)"),
        ("{defaults: []}", "spec.policies.ai.defaults: expected a list of length >= 1"),
        ("{defaults: [{field: a}]}", "spec.policies.ai.defaults[0]: the field `value` is missing"),
        ("{defaults: [{field: a..b, value: 1}]}", "spec.policies.ai.defaults[0].field"),
        ("{defaults: [{field: '', value: 1}]}", "spec.policies.ai.defaults[0].field"),
        ("{overrides: [{field: a, value: .inf}]}", "spec.policies.ai.overrides[0]: infinity and NaN are not JSON"),
        ("{overrides: [{field: a, value: [{b: .nan}]}]}", "infinity and NaN are not JSON"),
        ("{overrides: [{field: a, value: 1}, {field: a, value: 2}]}", "the field `a` stands twice in `overrides`"),
        ("{modelAliases: {a*b*c: x}}", "spec.policies.ai.modelAliases"),
        ("{modelAliases: {a: ''}}", "spec.policies.ai.modelAliases.a"),
        (
            "{prompt: {append: [{role: robot, content: x}]}}",
            "expected one of the roles system, developer, user, assist",
        ),
        ("{prompt: {append: [{role: user}]}}", "the field `content` is missing"),
        ("{prompts: {}}", "unknown field (did you mean `prompt`?)"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(ai: str, words: str) -> None:
    (line,) = refusal(inline(ai))
    assert words in line


def test_expressions_and_marks_are_kept_member_by_member() -> None:
    found = compiled(
        "{transformations: [{field: max_tokens, expression: '10'}], finalTransformations: {user: jwt.sub}, "
        "promptCaching: {minTokens: 2}}"
    )
    assert found.transformations == (("max_tokens", "10"),)
    assert found.final_transformations == (("user", "jwt.sub"),)
    assert found.prompt_caching == PromptCaching(min_tokens=2)


@pytest.mark.parametrize("field", ["transformations", "finalTransformations"])
def test_an_expression_that_cannot_be_computed_is_refused_wherever_it_stands(field: str) -> None:
    (line,) = refusal(inline(f"{{{field}: [{{field: user, expression: 'jwt.'}}]}}"))
    assert f"ai.{field}[0].expression: " in line
    (line,) = refusal(policy(f"{{{RT % ''}, backend: {{ai: {{{field}: {{user: nobody.sub}}}}}}}}"))
    assert f"spec.backend.ai.{field}.user: " in line


def test_sixty_four_settings_and_no_more() -> None:
    fields = [f"{{field: f{i}, value: {i}}}" for i in range(65)]
    assert len(compiled(f"{{defaults: [{', '.join(fields[:64])}]}}").defaults) == 64
    (line,) = refusal(inline(f"{{defaults: [{', '.join(fields)}]}}"))
    assert "expected a list of length <= 64" in line


def test_a_section_of_a_backend_is_refused() -> None:
    (line,) = refusal(BACKEND + alias(BE.replace("llm}", "llm, sectionName: x}"), "p", "y"))
    assert "spec.targetRefs[0].sectionName: `sectionName` on a target of kind AgentgatewayBackend is not imple" in line


def test_text_that_is_not_unicode_is_not_json() -> None:
    with pytest.raises(ValueError, match="not valid Unicode"):
        json_text(["\ud800"])
