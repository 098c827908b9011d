"""policies.cel_text: strings and comments are never code, and the calls of `default` are found where they stand."""

import pytest

from sluice.policies import cel_text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('a == "default(x"', 'a == "         "'),
        ("a // default(x\n+ b", "a             \n+ b"),
        (r'"\"a" + b', '"   " + b'),
        (r'r"\" + b', '"  " + b'),
        (r"R'\' + 'b'", '"  " + " "'),
        ('"""a"b""" + c', '"       " + c'),
        ("'''a'b\n''' + c", '"        " + c'),
        ('b"x" + c', '"  " + c'),
        ('"no // comment" + c', '"             " + c'),
    ],
)
def test_what_stands_in_strings_and_comments_is_blanked(text: str, left: str) -> None:
    assert cel_text.bare(text) == left
    assert len(left) == len(text)


def test_calls_of_default_are_found_outermost_from_left_to_right() -> None:
    text = (
        'default(a.b[","], f(1, 2)) + "default(no)" + coalesce(x, default(y, 1), [1, 2]) + c.default(1) + xdefault(3)'
    )
    first, second = cel_text.lazies(text)
    assert first.arguments == ('a.b[","]', "f(1, 2)")
    assert second.arguments == ("x", "default(y, 1)", "[1, 2]")
    assert text[first.start : first.end] == 'default(a.b[","], f(1, 2))'
    assert cel_text.count(text) == 3
    assert text[second.start : second.end].endswith("[1, 2])")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default(a)", "`default` takes two arguments"),
        ("default()", "`default` takes two arguments"),
        ("default(a, b, c)", "`default` takes two arguments"),
        ("default(a, )", "`default` takes two arguments"),
        ("coalesce(a)", "`coalesce` takes two or more arguments"),
        ("default(a, (b)", "a parenthesis is not closed"),
    ],
)
def test_a_call_with_wrong_arguments_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(cel_text.lazies(text))


def test_names_that_macros_bind_are_known() -> None:
    assert cel_text.bound('a.map(x, x.all (y, y)) + b.exists_one(z, z) + ".map(no, 1)" + map(m, 1)') == {"x", "y", "z"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('request.headers["X-User-ID"] == "Ada"', 'request.headers["x-user-id"] == "Ada"'),
        ("response . headers [ 'Retry-After' ]", "response . headers [ 'retry-after' ]"),
        ('request.headers[r"X-A"] + request.headers["X-B"]', 'request.headers[r"x-a"] + request.headers["x-b"]'),
        ('"X-Team" in request.headers && true', '"x-team" in request.headers && true'),
        ("has(request.headers.Authorization)", "has(request.headers.authorization)"),
        ('default(request.headers["X-User"], "Nobody")', 'default(request.headers["x-user"], "Nobody")'),
    ],
)
def test_names_of_headers_are_read_in_lower_case(text: str, found: str) -> None:
    assert cel_text.lowered(text) == found


@pytest.mark.parametrize(
    "text",
    [
        'jwt.headers["X-User"]',
        'my.request.headers["X-User"]',
        'request.query["Model"]',
        'request.path == "request.headers[\\"X-User\\"]"',
        '// request.headers["X-User"]\ntrue',
        'request.headers[jwt.Name] == "X"',
        'request.headers.existsOne(h, h == "X")',
        '"X" in request.headers.Allowed.map(x, x)',
        'request.headers["\\x58"]',
    ],
)
def test_nothing_else_is_changed(text: str) -> None:
    assert cel_text.lowered(text) == text.replace("headers.Allowed", "headers.allowed")
