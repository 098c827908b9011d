"""gateway.shaper: what is compiled once, and rendered fields looked at."""

import pytest

from sluice.gateway.shaper import NO_SHAPER, OwnReply, Shaper, names, texts, with_host
from sluice.policies.direct_response import DirectResponse
from sluice.policies.shaping import Shaping
from sluice.policies.transformation import Transform, Transformation
from sluice.wire.http1 import fields
from tests.policies.scenes import scene


def test_the_first_that_holds_is_chosen_and_nothing_said_is_no_transformer() -> None:
    only_request = Transformation(request=Transform(remove=("a",)), condition='request.headers["x"] == "1"')
    only_answer = Transformation(response=Transform(remove=("a",)))
    shaper = Shaper(Shaping(transformations=(only_request, only_answer)))
    first, second = shaper.choice(scene({"x": "1"})), shaper.choice(scene())
    assert (first.request is None, first.response is None) == (False, True)
    assert (second.request is None, second.response is None) == (True, False)
    none = NO_SHAPER.choice(scene())
    assert (none.request, none.response) == (None, None)


def test_the_first_direct_response_that_holds_answers() -> None:
    never = DirectResponse(status=500, condition="false")
    shaper = Shaper(Shaping(direct=(never, DirectResponse(status=200, body="b"), DirectResponse(status=201))))
    assert shaper.answer(scene()) == OwnReply(200, ((b"content-type", b"text/plain"),), b"b")
    assert NO_SHAPER.answer(scene()) is None


def test_a_wrong_expression_cannot_be_compiled() -> None:
    with pytest.raises(ValueError, match="there is no `nope`"):
        Shaper(Shaping(transformations=(Transformation(request=Transform(set=(("a", "nope"),))),)))


def test_a_host_is_put_in_the_place_of_another() -> None:
    rendered = fields([(b"x-host", b"host: no"), (b"host", b"old"), (b"z", b"1")])
    assert with_host(rendered, "new:1") == fields([(b"x-host", b"host: no"), (b"host", b"new:1"), (b"z", b"1")])
    assert names(rendered) >= {b"x-host", b"host", b"z"}


def test_of_a_name_that_stands_twice_the_first_is_seen() -> None:
    assert texts([(b"a", b"1"), (b"a", b"2"), (b"b", b"\xff")]) == {"a": "1", "b": "\xff"}
