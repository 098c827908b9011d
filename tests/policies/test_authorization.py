"""policies.authorization: who passes which rules, and that layers add up."""

import itertools

import pytest

from sluice.policies.authorization import EVERYBODY, Authorization, Rules, each_of, together
from sluice.policies.scene import Doubtful, Scene

TRUE, FALSE, FAILS = "true", "false", 'jwt.team == "a"'


def permits(scene: Scene | None = None, **rules: tuple[str, ...]) -> bool:
    return Rules(Authorization(**rules)).permit(scene or Scene())


@pytest.mark.parametrize(
    ("allow", "deny", "require", "passes"),
    [
        ((), (), (), True),
        ((TRUE,), (), (), True),
        ((FALSE,), (), (), False),
        ((FALSE, TRUE), (), (), True),
        ((FAILS,), (), (), False),
        ((), (TRUE,), (), False),
        ((), (FALSE,), (), True),
        ((), (FAILS,), (), True),
        ((TRUE,), (TRUE,), (), False),
        ((), (), (TRUE,), True),
        ((), (), (TRUE, FALSE), False),
        ((), (), (FAILS,), False),
        ((TRUE,), (), (FALSE,), False),
        ((FALSE,), (), (TRUE,), False),
        ((TRUE,), (FALSE,), (TRUE,), True),
    ],
)
def test_denied_then_required_then_allowed(
    allow: tuple[str, ...], deny: tuple[str, ...], require: tuple[str, ...], passes: bool
) -> None:
    assert permits(allow=allow, deny=deny, require=require) is passes


def test_rules_see_who_asks_and_what() -> None:
    scene = Scene({"request": {"headers": {"x-llm": "gemini"}}, "llmRequest": {"model": "gpt-4o"}})
    scene.learn("jwt", {"org": "solo.io", "team": "team-id", "llms": {"openai": ["gpt-4o"]}})
    assert permits(scene, allow=('(jwt.org == "solo.io") && (jwt.team == "team-id")',))
    assert permits(scene, require=("llmRequest.model in jwt.llms.openai",))
    assert permits(scene, allow=('request.headers["x-llm"] == "gemini"',))
    assert not permits(scene, require=('apiKey.group == "sales"',))


def test_no_layer_drops_the_rules_of_another() -> None:
    gateway, route = Authorization(deny=("a",), require=("b",)), Authorization(allow=("c",), deny=("d",))
    assert together(gateway, EVERYBODY, route) == Authorization(allow=("c",), deny=("a", "d"), require=("b",))
    assert together(EVERYBODY) == EVERYBODY
    for one, other in itertools.permutations([Authorization(deny=(TRUE,)), Authorization(allow=(TRUE,))]):
        assert not Rules(together(one, other)).permit(Scene())


def test_a_wrong_rule_is_refused_when_it_is_compiled() -> None:
    for kind in ("allow", "deny", "require"):
        with pytest.raises(ValueError, match="there is no `jtw`"):
            Rules(Authorization(**{kind: ('jtw.org == "x"',)}))


def test_each_of_several_has_to_let_a_request_pass() -> None:
    a, b = Authorization(allow=('apiKey.key_id == "a"',)), Authorization(allow=('apiKey.key_id == "b"',))
    both = Authorization(allow=('apiKey.key_id in ["a", "b"]',))
    scene = Scene({"apiKey": {"key_id": "a"}})
    assert Rules(together(a, b)).permit(scene)
    assert not Rules(each_of(a, b)).permit(scene)
    assert Rules(each_of(a, EVERYBODY, both)).permit(scene)
    assert not Rules(together(Authorization(allow=(TRUE,)), each_of(both, b))).permit(scene)
    assert (each_of(a, a, EVERYBODY), each_of()) == (a, EVERYBODY)


def broken() -> object:
    raise ValueError("no JSON")


BODY = 'llmRequest.model == "secret"'


@pytest.mark.parametrize("rule", [BODY, f"!({BODY})", 'default(llmRequest.model, "") == "secret"', "has(llmRequest.x)"])
def test_what_the_client_sent_and_nobody_can_read_counts_against_it(rule: str) -> None:
    scene = Scene({"llmRequest": broken, "request": {"path": "/v1"}})
    assert not permits(scene, deny=(rule,))
    assert not permits(scene, require=(rule,))
    assert not permits(scene, require=(f"!({rule})",))
    assert not permits(scene, allow=(f"!({rule})",))
    assert permits(Scene(), deny=(rule,))  # where there is no body at all, nothing is hidden


def test_a_rule_that_is_decided_without_it_is_decided() -> None:
    scene = Scene({"llmRequest": broken, "request": {"path": "/v1", "method": "POST"}})
    assert permits(scene, deny=(f'request.path == "/other" && {BODY}',))
    assert permits(scene, require=(f'request.path == "/v1" || {BODY}',))
    assert permits(scene, deny=('request.method == "GET"',))
    assert not permits(scene, deny=(f'request.path == "/v1" && {BODY}',))


def test_of_two_values_under_one_name_none_gets_past_a_rule() -> None:
    query = {"admin": "0", "plain": "x"}
    scene = Scene({"request": {"query": lambda: Doubtful(query, {"plain": "x"})}})
    assert not permits(scene, deny=('request.query["admin"] == "1"',))
    assert not permits(scene, deny=('"admin" in request.query',))
    assert not permits(scene, require=('request.query["admin"] == "0"',))
    assert permits(scene, deny=('request.query["plain"] == "1"',), require=('request.query["plain"] == "x"',))
