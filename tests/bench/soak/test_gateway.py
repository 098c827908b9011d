"""The configuration of the soak, as the gateway reads it."""

import msgspec
import pytest

from bench.soak.gateway import FAILING, STEADY, Edition, Ports, configuration, fail_over, model, rules
from sluice.config.compile import load
from sluice.config.plan import Plan
from sluice.config.source import Source
from sluice.errors import ConfigError
from sluice.standard import STANDARD
from sluice.testing import fake_rules
from sluice.verify.facts import PROVIDERS

PORTS = Ports(fake=19001, wall=19002, closed=19003)


def compiled(edition: Edition) -> Plan:
    return load([Source("gateway.yaml", configuration(PORTS, edition))], {}, STANDARD)


@pytest.mark.parametrize("edition", ["cancel", "drain"])
def test_a_reload_changes_what_becomes_of_a_stream_that_is_left(edition: Edition) -> None:
    rules = [entry.rule for listener in compiled(edition).listeners for entry in listener.entries]
    assert {rule.streaming.on_disconnect for rule in rules} == {edition}


def test_the_broken_edition_is_refused() -> None:
    with pytest.raises(ConfigError, match="onDisconnect"):
        compiled("broken")


def test_every_failing_target_stands_before_a_steady_one() -> None:
    models = {route.pattern: route for route in compiled("cancel").models}
    assert set(models) >= {model(provider) for provider in PROVIDERS} | {fail_over(name) for name in FAILING}
    for name in FAILING:
        backend = models[fail_over(name)].backend
        assert backend is not None
        assert [[target.model for target in group] for group in backend.groups] == [[name], [model(STEADY[name])]]
        assert FAILING[name][0] != STEADY[name], "the client's dialect is not to matter"


def test_the_provider_is_told_how_they_fail() -> None:
    read = fake_rules.read(msgspec.json.encode(rules()).decode())
    assert {rule.match.model: rule.fault for rule in read} == {
        name: fault for name, (_, fault) in FAILING.items() if fault
    }
