"""Shaping in files: what each member compiles to, who wins, what is refused and where."""

import pytest

from sluice.config.shaping_api import PromptCachingSettings
from sluice.config.shaping_policy import prompt_caching
from sluice.errors import ConfigError
from sluice.policies.cors import Cors
from sluice.policies.csrf import Csrf
from sluice.policies.direct_response import DirectResponse
from sluice.policies.fault_injection import Abort, Delay
from sluice.policies.guards import HeaderChange
from sluice.policies.prompt_caching import PromptCaching
from sluice.policies.shaping import Shaping

from .shaping_texts import refusals, traffic


def test_every_member() -> None:
    found = traffic(
        """
        cors: {allowOrigins: ["https://*.example", "http://localhost:3000"], allowMethods: [GET, PUT],
               allowHeaders: [x-a], exposeHeaders: [x-b], allowCredentials: true, maxAge: 600}
        csrf: {additionalOrigins: ["https://partner.example", "null"]}
        headerModifiers:
          request: {set: [{name: X-A, value: "1"}], add: [{name: x-b, value: "2"}], remove: [X-C]}
          response: {set: {X-D: "3"}}
        hostRewrite: {mode: None}
        directResponse: {status: 200, body: "Status: Healthy"}
        delay: {duration: 250ms, percent: 12.5}
        abort: {status: 503, percent: 10}
        """
    )
    assert found == Shaping(
        cors=Cors(
            allow_origins=("https://*.example", "http://localhost:3000"),
            allow_methods=("GET", "PUT"),
            allow_headers=("x-a",),
            expose_headers=("x-b",),
            allow_credentials=True,
            max_age_s=600,
        ),
        csrf=Csrf(additional_origins=("https://partner.example", "null")),
        request_headers=HeaderChange(set=(("x-a", "1"),), add=(("x-b", "2"),), remove=("x-c",)),
        response_headers=HeaderChange(set=(("x-d", "3"),)),
        host="none",
        direct=(DirectResponse(status=200, body="Status: Healthy"),),
        delays=(Delay(duration_s=0.25, percent=12.5),),
        abort=Abort(status=503, percent=10),
    )
    assert traffic("cors: {maxAge: 24h}").cors == Cors(max_age_s=86400)
    assert traffic("{}") == Shaping()


def test_the_strongest_layer_that_says_something_wins_member_by_member() -> None:
    found = traffic(
        "{delay: {duration: 1s}, hostRewrite: {mode: Auto}, headerModifiers: {request: {remove: [a]}}}",
        "{delay: {duration: 2s}, headerModifiers: {response: {remove: [b]}}}",
    )
    assert found == Shaping(
        delays=(Delay(duration_s=2.0),),
        host="auto",
        request_headers=HeaderChange(remove=("a",)),
        response_headers=HeaderChange(remove=("b",)),
    )


def test_faults_of_a_share_or_by_condition() -> None:
    found = traffic(
        """
        delay:
          conditional:
          - {condition: 'request.headers["x-chaos"] == "1"', duration: 500ms}
          - {policy: {duration: 'duration(request.headers["x-delay"])', percent: 50}}
        directResponse:
          conditional:
          - {condition: 'request.path == "/a"', status: 503, body: injected}
          - condition: 'request.path == "/b"'
            policy: {status: 200, bodyExpression: request.path, headers: {X-A: '"1"'}}
        """
    )
    assert found.delays == (
        Delay(duration_s=0.5, condition='request.headers["x-chaos"] == "1"'),
        Delay(expression='duration(request.headers["x-delay"])', percent=50),
    )
    assert found.direct == (
        DirectResponse(status=503, body="injected", condition='request.path == "/a"'),
        DirectResponse(
            status=200, body_expression="request.path", headers=(("x-a", '"1"'),), condition='request.path == "/b"'
        ),
    )


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("cors: {allowOrigins: [app.example]}", "cors", "expected an origin"),
        ('cors: {allowOrigins: ["*", "https://a"]}', "cors", "`allowOrigins` has `*` beside others"),
        ('cors: {allowMethods: ["*", GET]}', "cors", "`allowMethods` has `*` beside others"),
        ("cors: {maxAge: 0}", "cors.maxAge", ">= 1"),
        ("cors: {maxAge: 10ms}", "cors", "a second at least"),
        ("cors: {allowMethods: [get]}", "cors.allowMethods[0]", "get"),
        ("cors: {allow: [a]}", "cors.allow", "unknown field"),
        ("csrf: {additionalOrigins: [evil]}", "csrf", "expected an origin"),
        ("headerModifiers: {}", "headerModifiers", "at least one"),
        ("headerModifiers: {request: {}}", "headerModifiers.request", "at least one"),
        ("headerModifiers: {request: {set: {a: b}, remove: [A]}}", "headerModifiers.request", "`a` stands in it twice"),
        ("headerModifiers: {request: {remove: [Host]}}", "headerModifiers.request.remove[0]", "urlRewrite.hostname"),
        (
            "headerModifiers: {request: {set: {Content-Length: '1'}}}",
            "headerModifiers.request.set.Content-Length",
            "frames",
        ),
        (
            "headerModifiers: {response: {add: [{name: upgrade, value: x}]}}",
            "headerModifiers.response.add[0].name",
            "frames",
        ),
        (
            'headerModifiers: {response: {set: {a: "b\\r\\nc: d"}}}',
            "headerModifiers.response.set.a",
            "control characters",
        ),
        ("hostRewrite: {mode: Sometimes}", "hostRewrite.mode", "Sometimes"),
        ("directResponse: {status: 100}", "directResponse.status", ">= 200"),
        ("directResponse: {body: a}", "directResponse", "a `status` or `conditional`"),
        ("directResponse: {status: 204, body: a}", "directResponse", "has no body"),
        ("directResponse: {status: 200, body: a, bodyExpression: b}", "directResponse", "not both"),
        ("directResponse: {status: 200, bodyExpression: nope}", "directResponse.bodyExpression", "there is no `nope`"),
        ("directResponse: {status: 200, headers: {te: '1'}}", "directResponse.headers.te", "frames"),
        ("directResponse: {status: 200, headers: {a: '1 +'}}", "directResponse.headers.a", "not a CEL expression"),
        (
            "directResponse: {conditional: [{condition: a == 1, status: 200}]}",
            "directResponse.conditional[0].condition",
            "`a`",
        ),
        ("directResponse: {conditional: [{condition: 'true'}]}", "directResponse.conditional[0]", "a `status`, once"),
        ("delay: {}", "delay", "a `duration` or `conditional`"),
        ("delay: {duration: 1h}", "delay.duration", "more than 600 seconds"),
        ("delay: {duration: 99999999s}", "delay.duration", "a duration such as"),
        ("delay: {duration: 5 apples}", "delay.duration", "not a CEL expression"),
        ("delay: {conditional: [{duration: 1s}, {duration: 2s}]}", "delay", "only the last entry"),
        ("delay: {duration: 1s, percent: 101}", "delay.percent", "<= 100"),
        ("abort: {percent: 1}", "abort", "status"),
        ("abort: {status: 200}", "abort.status", ">= 400"),
    ],
)
def test_what_is_refused_and_where(text: str, place: str, what: str) -> None:
    (line,) = refusals(traffic, text)
    assert line.startswith(f"{place}: ")
    assert what in line


def test_a_response_cannot_be_seen_before_there_is_one() -> None:
    (line,) = refusals(traffic, "directResponse: {status: 200, bodyExpression: response.code}")
    assert "there is no `response`" in line


def test_cache_marks_have_their_defaults() -> None:
    assert prompt_caching(PromptCachingSettings()) == PromptCaching()
    said = PromptCachingSettings(
        cache_system=False, cache_messages=False, cache_tools=True, min_tokens=5, cache_message_offset=2
    )
    assert prompt_caching(said) == PromptCaching(
        system=False, messages=False, tools=True, min_tokens=5, message_offset=2
    )
    assert prompt_caching(None) is None


def test_faults_have_the_line_they_stand_in() -> None:
    with pytest.raises(ConfigError, match=r"f\.yaml:4: delay\.duration"):
        traffic("csrf: {}\nhostRewrite: {mode: Auto}\ndelay:\n  duration: 5 apples\n")
