"""The configuration that `verify` writes is one that Sluice understands, and says what the verification relies on."""

from sluice.config import Source, load
from sluice.config.plan import Plan
from sluice.standard import STANDARD
from sluice.verify import own
from sluice.verify.facts import PROVIDERS


def plan() -> Plan:
    return load([Source("verify.yaml", own.configuration(9412))], {}, STANDARD)


def test_each_model_leads_to_the_fake_in_its_own_dialect() -> None:
    dialects = {
        "chat": "openai_chat",
        "responses": "openai_responses",
        "messages": "anthropic_messages",
        "gemini": "gemini",
        "converse": "bedrock_converse",
    }
    for provider in PROVIDERS:
        (route,) = [route for route in plan().models if route.pattern == f"verify-{provider}"]
        assert route.backend is not None
        ((target,),) = route.backend.groups
        assert target.endpoint.label == "127.0.0.1:9412"
        assert not target.endpoint.tls
        rows = target.serves or target.provider.serves
        assert {row.dialect for row in rows} == {f"dialect.{dialects[provider]}"}


def test_the_clocks_are_what_the_gateway_is_described_as() -> None:
    rules = {entry.rule.name: entry.rule for listener in plan().listeners for entry in listener.entries}
    chat = rules["chat"]
    assert (chat.deadlines.headers_s, chat.deadlines.idle_s) == (own.IDLE_S, own.IDLE_S)
    assert chat.streaming.keep_alive_s == own.KEEP_ALIVE_S
    assert chat.streaming.commit_after_s < own.IDLE_S


def test_a_provider_that_fails_all_the_time_is_never_given_a_rest() -> None:
    for route in plan().models:
        assert route.backend is not None
        ((target,),) = route.backend.groups
        assert target.health.consecutive_failures == 0
        assert not target.health.health_threshold
