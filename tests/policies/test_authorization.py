"""policies.authorization: who passes which rules, and that layers add up."""

import itertools

import pytest

from sluice.policies.authorization import EVERYBODY, Authorization, Rules, together
from sluice.policies.scene import Scene

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
