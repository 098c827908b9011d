"""What is known only when the process runs is put into a plan, and nothing else of it changes."""

import pytest
from msgspec import Raw

from sluice.config.environment import from_environment
from sluice.config.plan import AiBackend, Alternative, Endpoint, Listener, ModelRoute, Plan, Target
from sluice.config.rewire import with_fake_at, with_port
from sluice.errors import ConfigError
from sluice.policies.ai import AiPolicy
from sluice.providers.fake import FAKE
from sluice.standard import STANDARD


def endpoints(plan: Plan) -> set[Endpoint]:
    backends = [w.backend for li in plan.listeners for entry in li.entries for w in entry.rule.backends]
    backends += [route.backend for route in plan.models]
    return {t.endpoint for b in backends if isinstance(b, AiBackend) for group in b.groups for t in group}


def test_the_fakes_port_reaches_every_target_that_waits_for_it() -> None:
    plan = from_environment({"OPENAI_API_KEY": "k"}, STANDARD)
    assert Endpoint(host="127.0.0.1", port=0) in endpoints(plan)
    wired = with_fake_at(plan, 4711)
    assert Endpoint(host="127.0.0.1", port=4711) in endpoints(wired)
    assert all(endpoint.port for endpoint in endpoints(wired))
    assert {e for e in endpoints(wired) if e.port == 443} == {e for e in endpoints(plan) if e.port == 443} != set()
    assert [li.port for li in wired.listeners] == [li.port for li in plan.listeners]


def test_the_fakes_port_reaches_the_targets_of_virtual_models() -> None:
    target = Target(name="t", provider=FAKE, endpoint=Endpoint(host="127.0.0.1", port=0), variables={"a": "b"})
    backend = AiBackend(name="b", groups=((target,),), ai=AiPolicy(defaults=(("x", Raw(b"1")),)))
    alternatives = (Alternative(backend=backend, weight=2), Alternative(backend=backend, when="true"))
    plan = Plan(listeners=(), models=(ModelRoute(pattern="v", alternatives=alternatives),))
    wired = with_fake_at(plan, 4711)
    assert [a.backend.groups[0][0].endpoint.port for a in wired.models[0].alternatives] == [4711, 4711]
    assert with_fake_at(wired, 1) == wired
    assert [(a.weight, a.when) for a in wired.models[0].alternatives] == [(2, ""), (1, "true")]
    assert wired.models[0].alternatives[0].backend.ai == backend.ai


def test_the_one_port_is_replaced() -> None:
    plan = Plan(listeners=(Listener(name="a", gateway="g", port=1), Listener(name="b", gateway="g", port=1)))
    assert [listener.port for listener in with_port(plan, 9).listeners] == [9, 9]


def test_of_several_ports_none_is_meant() -> None:
    plan = Plan(listeners=(Listener(name="a", gateway="g", port=1), Listener(name="b", gateway="g", port=2)))
    with pytest.raises(ConfigError, match="one port cannot replace 2: 1, 2"):
        with_port(plan, 9)
