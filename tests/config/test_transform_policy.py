"""Transformations in files: of headers, bodies and members of bodies."""

import pytest

from sluice.config.core_api import Schema
from sluice.config.faults import Faults
from sluice.config.shaping_api import HeaderModifier, TransformationSettings
from sluice.config.shaping_policy import backend_shaping
from sluice.config.source import Document
from sluice.policies.guards import HeaderChange
from sluice.policies.shaping import Shaping
from sluice.policies.transformation import Transform, Transformation

from .shaping_texts import compiled, refusals, traffic


class Model(Schema):
    """A backend's `policies`, or a model of the short form."""

    transformation: TransformationSettings | None = None
    request_headers: HeaderModifier | None = None
    response_headers: HeaderModifier | None = None


def backend(text: str) -> Shaping:
    def compile_(model: Model, document: Document, faults: Faults) -> Shaping:
        return backend_shaping(
            document.place,
            faults,
            transformation=model.transformation,
            request_headers=model.request_headers,
            response_headers=model.response_headers,
        )

    return compiled(text, Model, compile_)


def test_headers_bodies_and_metadata() -> None:
    text = """
    transformation:
      request:
        set:
        - {name: X-User-Id, value: 'default(request.headers["x-user-id"], "anonymous")'}
        - {name: ":path", value: '"/v1"'}
        add: {X-B: request.method}
        remove: [X-C]
        body: '{"model": json(request.body).model}'
        metadata: {team: jwt.team}
      response:
        set: {x-model: llm.requestModel}
    """
    request = Transform(
        set=(("x-user-id", 'default(request.headers["x-user-id"], "anonymous")'), (":path", '"/v1"')),
        add=(("x-b", "request.method"),),
        remove=("x-c",),
        body='{"model": json(request.body).model}',
        metadata=(("team", "jwt.team"),),
    )
    response = Transform(set=(("x-model", "llm.requestModel"),))
    assert traffic(text).transformations == (Transformation(request=request, response=response),)


def test_several_by_condition() -> None:
    text = """
    transformation:
      conditional:
      - {condition: 'request.path == "/a"', policy: {request: {remove: [a]}}}
      - {policy: {response: {remove: [b]}}}
    """
    assert traffic(text).transformations == (
        Transformation(request=Transform(remove=("a",)), condition='request.path == "/a"'),
        Transformation(response=Transform(remove=("b",))),
    )


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("{}", "transformation", "at least one"),
        ("{request: {}}", "transformation.request", "at least one"),
        ("{request: {set: {x: '1 +'}}}", "transformation.request.set.x", "not a CEL expression"),
        ("{request: {set: {x: hello}}}", "transformation.request.set.x", "a text of its own stands in quotes"),
        ("{request: {set: {x: response.code}}}", "transformation.request.set.x", "there is no `response`"),
        ("{request: {set: {x: request.bodi}}}", "transformation.request.set.x", "`request` has no `bodi`"),
        (
            "{request: {set: [{name: x, value: '1'}, {name: X, value: '2'}]}}",
            "transformation.request.set[0].name",
            "twice",
        ),
        ("{request: {set: {':scheme': '\"a\"'}}}", "transformation.request.set.:scheme", "name of a header"),
        ("{request: {add: {':path': '\"/a\"'}}}", "transformation.request.add.:path", "name of a header"),
        ("{response: {set: {':status': '500'}}}", "transformation.response.set.:status", "name of a header"),
        ("{response: {set: {x-request-id: '1'}}}", "transformation.response.set.x-request-id", "the log shows"),
        (
            "{response: {set: {x: json(response.body).model}}}",
            "transformation.response.set.x",
            "before its body is known",
        ),
        ("{response: {body: '\"a\"'}}", "transformation.response.body", "would have to be held"),
        ("{request: {metadata: {a: nope}}}", "transformation.request.metadata.a", "there is no `nope`"),
        ("{request: {body: nope}}", "transformation.request.body", "there is no `nope`"),
        ("{request: {remove: [te]}}", "transformation.request.remove[0]", "frames"),
        ("{conditional: [{policy: {}}, {policy: {}}]}", "transformation", "only the last entry"),
        ("{request: {remove: [a]}, conditional: [{policy: {}}]}", "transformation", "either"),
        ("{conditional: [{condition: '1', policy: {}}]}", "transformation.conditional[0].condition", "true or false"),
        ("{request: {sets: {}}}", "transformation.request.sets", "unknown field"),
    ],
)
def test_what_is_refused_and_where(text: str, place: str, what: str) -> None:
    lines = refusals(traffic, f"transformation: {text}")
    assert lines[0].startswith(f"{place}: ")
    assert what in lines[0]


def test_a_text_that_names_a_body_is_no_body() -> None:
    assert traffic("transformation: {response: {set: {x: '\"response.body\"'}}}").transformations


def test_a_backend_changes_headers_alone() -> None:
    found = backend(
        "{transformation: {request: {set: {x-by: backend.name}}}, requestHeaders: {set: {X-A: b}},"
        " responseHeaders: {remove: [server]}}"
    )
    assert found == Shaping(
        transformations=(Transformation(request=Transform(set=(("x-by", "backend.name"),))),),
        request_headers=HeaderChange(set=(("x-a", "b"),)),
        response_headers=HeaderChange(remove=("server",)),
    )
    for part in ("body: '\"a\"'", "set: {':path': '\"/a\"'}"):
        (line,) = refusals(backend, f"transformation: {{request: {{{part}}}}}")
        assert "changes headers only" in line
    (line,) = refusals(backend, "requestHeaders: {remove: [host]}")
    assert line.startswith("requestHeaders.remove[0]: ")
