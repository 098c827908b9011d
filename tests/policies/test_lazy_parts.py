"""policies.lazy_parts: an element that decides absorbs the failure of another, as the language says."""

import itertools

import pytest

from sluice.policies.authorization import Authorization, Rules
from sluice.policies.condition import Condition
from sluice.policies.expression import Expression
from sluice.policies.lazy_parts import MAX_ASKED
from sluice.policies.scene import Scene

EMPTY: dict[str, object] = {"other": {}, "request": {"path": ""}}


def outcome(text: str, **values: object) -> object:
    expression = Expression(text, empty=EMPTY, truth=False)
    try:
        return expression.value(expression.context(values.items()))
    except LookupError:
        return "fails"


SAYS = {"yes": "(1 == 1)", "no": "(1 == 2)", "fails": "(1 / 0 == 1)"}


@pytest.mark.parametrize("items", list(itertools.product(SAYS, repeat=3)))
def test_exists_and_all_are_what_or_and_and_are(items: tuple[str, ...]) -> None:
    predicate = 'x == "yes" || (x == "fails" && 1 / 0 == 1)'
    for macro, operator in (("exists", "||"), ("all", "&&")):
        expected = outcome(f" {operator} ".join(SAYS[item] for item in items))
        assert outcome(f"other.l.{macro}(x, {predicate})", other={"l": list(items)}) == expected


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('other.m.exists(m, m.content.contains("secret"))', True),
        ('!other.m.exists(m, m.content.contains("secret"))', False),
        ('other.m.exists(m, m.content.contains("nothing"))', "fails"),
        ('other.m.all(m, m.content.contains("other"))', False),
        ('other.m.exists(m, m.content.contains("secret")) && other.m.exists(m, m.content.contains("a "))', True),
        ('other.m.exists(m, m.content.exists(c, c.text == "x"))', True),
        ('other.m.exists(m, m.content.exists(c, c.text == "y"))', "fails"),
        ('other.m.exists(m, default(m.content.contains("nothing"), false))', False),
        ('default(other.m.exists(m, m.content.contains("nothing")), true)', True),
        ('default(other.m.exists(m, m.content.contains("secret")), false)', True),
        ("other.m.filter(m, has(m.role)).exists(n, n.content.contains(other.word))", True),
        ('(other.m + other.m).exists(m, m.content.contains("secret")) == true', True),
        ('"b" in ["a", "b"] && other.m.map(m, m.content).exists(c, c.contains("secret"))', True),
        ('other.m.exists_one(m, m.content.contains("secret"))', "fails"),  # its elements are counted: none absorbs
        ("other.m.exists(m, m.content)", "fails"),
        ("other.none.exists(m, true)", "fails"),
        ("other.m.exists(m, other.m.exists(n, n.content == m.content && n.content.contains('secret')))", True),
    ],
)
def test_the_rest_of_an_expression_goes_on_as_ever(text: str, result: object) -> None:
    messages = [
        {"role": "user", "content": [{"text": "x"}, {"type": "image"}]},
        {"role": "user", "content": "a secret"},
    ]
    assert outcome(text, other={"m": messages, "word": "secret"}) == result


def test_a_failure_is_forgotten_with_its_evaluation() -> None:
    expression = Expression("other.l.exists(x, x > 1)", empty=EMPTY)
    context = expression.context([("other", {"l": ["a", 2]})])
    assert expression.holds(context)
    context = expression.context([("other", {"l": ["a"]})], context)
    assert not expression.holds(context)
    context = expression.context([("other", {"l": [1]})], context)
    assert expression.value(context) is False


def test_nesting_costs_no_more_than_its_length() -> None:
    text = "x0 == 1"
    for depth in range(12):
        text = f"default(other.a == {depth}, false) && other.l.exists(x{depth}, {text.replace('x0', f'x{depth}')})"
    Expression(text, empty=EMPTY)


def test_strictly_default_is_no_way_out() -> None:
    expression = Expression('default(other.x, "a") == "a"', empty=EMPTY)
    assert expression.value(expression.context([("other", {})])) is True
    strict = expression.context([("other", {})], strict=True)
    with pytest.raises(LookupError):
        expression.value(strict)
    for there, result in (({"x": "a"}, True), ({"x": None}, True), ({"x": "b"}, False)):
        assert expression.value(expression.context([("other", there)], strict=True)) is result


def test_a_client_cannot_make_it_last_nor_hide_behind_its_own_elements() -> None:
    """Without a bound ten million elements of three bytes each hold the loop up for minutes."""
    rule = 'llmRequest.l.exists(x, x.t == "secret")'
    odd: list[object] = [{}] * (MAX_ASKED + 1)
    for text in (rule, f"default({rule}, false)"):
        for items in ([*odd, {"t": "secret"}], odd):
            scene = Scene({"llmRequest": {"l": items}})
            assert Condition(text).judged(scene) is None
            assert not Rules(Authorization(deny=(text,))).permit(scene)
    plain = Scene({"llmRequest": {"l": [{"t": "x"}] * (MAX_ASKED * 3)}})  # the library's own business
    assert Condition(rule).judged(plain) is False
    assert Condition(rule).judged(Scene({"llmRequest": {"l": odd[: MAX_ASKED - 1]}})) is False
