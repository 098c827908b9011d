"""Services that judge text, asked over sockets."""

import asyncio
import time

import msgspec
import pytest

from sluice.config.judging import Forwarded, JudgeService, MissingJudge
from sluice.policies.guards import Judge, Rejection
from sluice.policies.judges import PASS, Changed, JudgeFailed, Rejected, Side, Verdict
from sluice.policies.scene import Scene
from sluice.providers.credential import AwsKeys, HeaderPlacement, Secret
from sluice.providers.judge_azure import ContentSafety
from sluice.providers.judge_bedrock import BedrockGuardrail
from sluice.providers.judge_model_armor import ModelArmor
from sluice.providers.judge_moderation import Moderation
from sluice.wire.http1 import Header
from tests.gateway.judged import at, hangs, judging, messages, saying
from tests.support.plans import here
from tests.support.raw_upstream import Asked, RawUpstream, sized, then_close
from tests.support.waiting import until
from tests.support.world import World

HEADERS: tuple[Header, ...] = (
    (b"host", b"gateway.test"),
    (b"authorization", b"Bearer sk-client"),
    (b"x-tenant", b"acme"),
    (b"x-tenant", b"other"),
    (b"content-length", b"7"),
    (b"connection", b"x-tenant"),
)


async def verdict(
    guard: Judge, *texts: str, phase: Side = "request", headers: tuple[Header, ...] = (), scene: Scene | None = None
) -> Verdict:
    async with judging() as judges:
        return await judges.judge(guard, texts, phase=phase, roles=["user"] * len(texts), headers=headers, scene=scene)


async def failure(guard: Judge, *texts: str) -> str:
    with pytest.raises(JudgeFailed) as caught:
        await verdict(guard, *(texts or ("hello",)))
    return str(caught.value)


# -- what is asked ----------------------------------------------------------------------------------------------------


async def test_a_webhook_sees_the_texts_and_nothing_of_the_client(world: World) -> None:
    hook = await world.upstream(saying({"action": {}}))
    assert await verdict(at(hook.port), "hello", headers=HEADERS) == PASS
    (asked,) = hook.asked
    assert asked.line == "POST /request HTTP/1.1"
    assert sorted(name for name, _ in asked.headers) == ["content-length", "content-type", "host"]
    assert asked.header("content-type") == "application/json"
    assert asked.json() == {"body": {"messages": [{"role": "user", "content": "hello"}]}}


async def test_headers_that_match_are_forwarded_and_no_others(world: World) -> None:
    hook = await world.upstream(saying({"action": {}}))
    forwards = (
        Forwarded(name="x-tenant", value="a.*", regex=True),
        Forwarded(name="authorization", value="Bearer sk-client"),
        Forwarded(name="host", value=".*", regex=True),
        Forwarded(name="connection", value=".*", regex=True),
        Forwarded(name="content-length", value="7"),
    )
    await verdict(at(hook.port, forwards=forwards), "hello", headers=HEADERS)
    (asked,) = hook.asked
    assert [field for field in asked.headers if field[0] in ("x-tenant", "authorization", "host", "connection")] == [
        ("host", f"127.0.0.1:{hook.port}"),
        ("authorization", "Bearer sk-client"),
        ("x-tenant", "acme"),
    ]


async def test_expressions_set_headers_and_the_path(world: World) -> None:
    hook = await world.upstream(saying({"action": {}}))
    headers = (
        (":path", '"/v3/" + request.method'),
        ("x-user", "jwt.sub"),
        ("x-number", "1 + 1"),
        ("x-flag", "true"),
        ("x-fails", "request.headers['gone']"),
        ("x-split", '"a\\r\\nx-injected: 1"'),
        ("content-type", '"application/json; charset=utf-8"'),
    )
    scene = Scene({"request": {"method": "POST", "headers": {}}, "jwt": {"sub": "zoë"}})
    await verdict(at(hook.port, headers=headers), "hello", scene=scene)
    (asked,) = hook.asked
    assert asked.line == "POST /v3/POST HTTP/1.1"
    said = {name: value for name, value in asked.headers if name.startswith("x-")}
    assert said == {"x-user": "zoë".encode().decode("latin-1"), "x-number": "2", "x-flag": "true"}
    assert asked.header("content-type") == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ['"no-slash"', '"/a b"', '"/a\\r\\n"', "1", "request.headers['gone']"])
async def test_a_path_that_is_none_leaves_the_usual_one(world: World, path: str) -> None:
    hook = await world.upstream(saying({"action": {}}))
    await verdict(at(hook.port, headers=((":path", path),)), "hello", scene=Scene({"request": {"headers": {}}}))
    assert hook.asked[0].line == "POST /request HTTP/1.1"


async def test_a_base_path_and_a_credential_go_along(world: World) -> None:
    hook = await world.upstream(saying({"results": [{"flagged": False, "categories": {}}]}))
    service = JudgeService(
        endpoint=here(hook.port),
        base_path="/v1",
        credential=Secret("k"),
        placement=HeaderPlacement(name="api-key", prefix=""),
    )
    assert await verdict(at(hook.port, Moderation(), service=service), "hello") == PASS
    assert (hook.asked[0].line, hook.asked[0].header("api-key")) == ("POST /v1/moderations HTTP/1.1", "k")


async def test_a_request_to_a_cloud_is_signed(world: World) -> None:
    hook = await world.upstream(saying({"action": "NONE", "outputs": [], "assessments": []}))
    keys = AwsKeys(access_key_id="AKIA", secret_access_key=Secret("s"), region="eu-west-1")
    service = JudgeService(endpoint=here(hook.port), cloud=keys)
    guard = at(hook.port, BedrockGuardrail(identifier="g", version="1"), service=service)
    assert await verdict(guard, "hello") == PASS
    (asked,) = hook.asked
    assert asked.line == "POST /guardrail/g/version/1/apply HTTP/1.1"
    assert "eu-west-1/bedrock/aws4_request" in (asked.header("authorization") or "")


async def test_nothing_is_asked_about_nothing(world: World) -> None:
    hook = await world.upstream(saying({"action": {}}))
    assert await verdict(at(hook.port), "", "") == PASS
    assert not hook.asked


# -- what is answered -------------------------------------------------------------------------------------------------


async def test_a_mask_changes_the_texts(world: World) -> None:
    def masked(asked: Asked) -> object:
        rows = [{"role": "user", "content": text.replace("4111", "****")} for text in messages(asked)]
        return {"action": {"body": {"messages": rows}}}

    hook = await world.upstream(saying(masked))
    assert await verdict(at(hook.port), "it is 4111", "fine") == Changed(("it is ****", "fine"))


async def test_a_webhook_says_what_the_client_hears(world: World) -> None:
    hook = await world.upstream(saying({"action": {"body": "no way", "status_code": 418, "reason": "it said hello"}}))
    rejection = Rejection(status=403, message="configured")
    assert await verdict(at(hook.port, rejection=rejection), "hello") == Rejected(
        Rejection(status=418, message="no way"), "it said hello"
    )


async def test_a_service_that_flags_leaves_the_words_to_the_operator(world: World) -> None:
    hook = await world.upstream(saying({"results": [{"flagged": True, "categories": {"hate": True}}]}))
    rejection = Rejection(status=422, message="configured")
    assert await verdict(at(hook.port, Moderation(), rejection=rejection), "x") == Rejected(rejection, "hate")


async def test_what_is_not_said_of_several_texts_is_asked_of_each(world: World) -> None:
    def sanitized(asked: Asked) -> object:
        data = asked.json()["userPromptData"]
        assert isinstance(data, dict)
        text = str(data["text"])
        if "a@b.c" not in text:
            return {"sanitizationResult": {"filterMatchState": "NO_MATCH_FOUND"}}
        found = {"matchState": "MATCH_FOUND", "data": {"text": text.replace("a@b.c", "[EMAIL]")}}
        results = {"sdp": {"sdpFilterResult": {"deidentifyResult": found}}}
        return {"sanitizationResult": {"filterMatchState": "MATCH_FOUND", "filterResults": results}}

    hook = await world.upstream(saying(sanitized))
    guard = at(hook.port, ModelArmor(project="p", location="l", template="t"))
    assert await verdict(guard, "write a@b.c", "", "and you?") == Changed(("write [EMAIL]", "", "and you?"))
    assert len(hook.asked) == 3
    assert await verdict(guard, "and you?", "fine") == PASS


async def test_several_questions_are_one_verdict(world: World) -> None:
    def graded(asked: Asked) -> object:
        if "detectJailbreak" in asked.line:
            return {"jailbreakAnalysis": {"detected": "pretend" in str(asked.json()["text"])}}
        return {"categoriesAnalysis": [{"category": "Hate", "severity": 0}]}

    hook = await world.upstream(saying(graded))
    guard = at(hook.port, ContentSafety(jailbreak_version="2024-02-15-preview"))
    assert await verdict(guard, "x" * 3000) == PASS
    assert await verdict(guard, "x" * 3000 + " pretend") == Rejected(Rejection(), "jailbreak")
    lines = [asked.line.partition("?")[0] for asked in hook.asked]
    assert lines.count("POST /contentsafety/text:analyze") == 2
    assert lines.count("POST /contentsafety/text:detectJailbreak") == 8


# -- no verdict -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (sized(b"{}", status="500 Internal Server Error"), "judge: it answered with the status 500"),
        (sized(b"{}", "Location: http://elsewhere/", status="302 Found"), "judge: it answered with the status 302"),
        (sized(b"nonsense"), "judge could not be asked: upstream_protocol_error"),
        (sized(b'{"action": 7}'), "judge: it did not answer with the JSON that its API promises"),
        (b"nonsense\r\n\r\n", "judge could not be asked: upstream_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "judge could not be asked: upstream_truncated"),
    ],
)
async def test_an_answer_that_is_none_is_no_verdict(world: World, answer: bytes, why: str) -> None:
    hook = await world.upstream(then_close(answer))
    assert await failure(at(hook.port)) == why


async def test_an_answer_without_end_is_no_verdict(world: World) -> None:
    hook = await world.upstream(then_close(sized(b'{"action":{"reason":"%b"}}' % (b"x" * (2 << 20)))))
    assert await failure(at(hook.port)) == "judge could not be asked: upstream_protocol_error"


async def test_a_service_that_is_not_there_gives_no_verdict(world: World) -> None:
    gone = await RawUpstream(hangs).start()
    await gone.close()
    assert await failure(at(gone.port)) == "judge could not be asked: upstream_unreachable"


async def test_a_service_that_is_silent_gives_no_verdict_in_time(world: World) -> None:
    hook = await world.upstream(hangs)
    began = time.monotonic()
    assert await failure(at(hook.port, timeout_s=0.05)) == "judge gave no verdict within 0.05 s"
    assert time.monotonic() - began < 5


async def test_who_gives_up_closes_the_connection(world: World) -> None:
    hook = await world.upstream(hangs)
    async with judging() as judges:
        task = asyncio.ensure_future(judges.judge(at(hook.port), ["x"], phase="request", roles=["user"]))
        await until(lambda: bool(hook.asked))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: hook.open_connections == 0)


async def test_a_guard_whose_service_is_unknown_never_has_a_verdict() -> None:
    assert await failure(MissingJudge(name="judge", why="Service default/x not found")) == (
        "judge: Service default/x not found"
    )


async def test_a_failure_tells_no_secret_and_no_text(world: World) -> None:
    hook = await world.upstream(saying({"error": {"message": "bad key sk-secret for hello"}}))
    service = JudgeService(endpoint=here(hook.port), credential=Secret("sk-secret"))
    told = await failure(at(hook.port, service=service), "hello")
    assert "sk-secret" not in told
    assert "hello" not in told
    assert "sk-secret" not in repr(msgspec.structs.asdict(at(hook.port, service=service)))
