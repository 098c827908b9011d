"""gateway.copying, over sockets: the body that a mirror gets is what guards let pass, its own guards among them."""

import asyncio
import json

import msgspec
import pytest

from sluice.config.plan import AiBackend, Backend
from sluice.policies.ai import AiPolicy
from sluice.policies.guards import Guard, Guards, TextRules
from sluice.policies.mirroring import Mirror
from sluice.policies.shaping import Shaping
from sluice.policies.transformation import Transform, Transformation
from sluice.providers.anthropic import ANTHROPIC
from tests.gateway.judged import at, hangs, messages, saying
from tests.support.events import completion
from tests.support.plans import ai, plan, route, static
from tests.support.raw_client import request
from tests.support.raw_upstream import Asked, sized
from tests.support.waiting import until
from tests.support.world import World

MASK = TextRules(patterns=("TOPSECRET",))
OWN = TextRules(name="own", patterns=("SHADOW",), mask="<own>")
SAYS = "a TOPSECRET and a SHADOW"
CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": SAYS}]}).encode()
EMBED = json.dumps({"model": "m", "input": SAYS}).encode()
EMBEDDINGS, UNKNOWN = "/openai/v1/embeddings", "/openai/v1/images/edits"
NOBODY = AiPolicy()


def guarded(*request: Guard, **members: object) -> AiPolicy:
    return AiPolicy(guards=Guards(request=request), **members)  # type: ignore[arg-type]


def backend(port: int, to: str, own: AiPolicy) -> Backend:
    if to == "plain":
        return static(port, "copy")
    found: AiBackend = ai(port, "copy")
    if to == "anthropic":
        ((target,),) = found.groups
        found = msgspec.structs.replace(found, groups=((msgspec.structs.replace(target, provider=ANTHROPIC),),))
    return msgspec.structs.replace(found, ai=own)


class Rig:
    """A provider, a mirror, and a gateway before them."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def start(
        self, to: str, *, house: AiPolicy = NOBODY, own: AiPolicy = NOBODY, shaping: Shaping | None = None
    ) -> None:
        """`to`: `plain`, or the provider that the mirror is. `house`: the route's policy; `own`: the mirror's."""
        self.provider = await self.world.upstream(sized(completion()))
        self.mirror = await self.world.upstream(sized(b"{}", status="500 X"))
        mirrors = (Mirror(backend=backend(self.mirror.port, to, own)),)
        entry = route("/openai", ai(self.provider.port), mirrors=mirrors, ai=house, shaping=shaping or Shaping())
        self.serving = await self.world.gateway(plan(entry))

    async def ask(self, body: bytes = CHAT, path: str = "/openai") -> int:
        return (await (await self.world.client(self.serving)).ask(request(body, path=path))).status

    async def counted(self, result: str) -> None:
        await until(lambda: self.serving.metric("mirrored_requests_total") == 1)
        assert self.serving.metric("mirrored_requests_total", f'result="{result}"') == 1
        assert len(self.mirror.asked) == (result == "sent")

    async def copy(self) -> Asked:
        await self.counted("sent")
        return self.mirror.asked[0]


def said(asked: Asked) -> str:
    """The text of the only message, as OpenAI's clients or Anthropic's write it."""
    (message,) = json.loads(asked.body)["messages"]
    content = message["content"]
    return str(content if isinstance(content, str) else content[0]["text"])


@pytest.fixture
def rig(world: World) -> Rig:
    return Rig(world)


# -- plain HTTP -------------------------------------------------------------------------------------------------------


async def test_a_mirror_of_plain_http_gets_the_body_as_its_guards_left_it(rig: Rig) -> None:
    await rig.start("plain", house=guarded(MASK))
    assert await rig.ask() == 200
    copy = await rig.copy()
    assert said(copy) == said(rig.provider.asked[0]) == "a <masked> and a SHADOW"
    assert (copy.line, copy.header("content-length")) == ("POST /openai HTTP/1.1", str(len(copy.body)))


async def test_it_gets_what_the_operator_makes_of_the_body(rig: Rig) -> None:
    policy = guarded(
        MASK,
        overrides=(("temperature", msgspec.Raw(b"0.5")),),
        transformations=(("top_p", "0.25"),),
        final_transformations=(("user", '"nobody"'),),
        prepend=(("system", "be brief"),),
    )
    await rig.start("plain", house=policy)
    assert await rig.ask() == 200
    body = json.loads((await rig.copy()).body)
    assert (body["temperature"], body["top_p"], body["user"]) == (0.5, 0.25, "nobody")
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "TOPSECRET" not in str(body)


async def test_it_is_asked_in_the_clients_own_form_whoever_answers(rig: Rig) -> None:
    await rig.start("plain", house=guarded(MASK))
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a TOPSECRET"}]}'
    assert await rig.ask(body, "/openai/v1/messages") == 200
    copy = await rig.copy()
    assert (copy.line, said(copy)) == ("POST /openai/v1/messages HTTP/1.1", "a <masked>")
    assert json.loads(copy.body)["max_tokens"] == 9


async def test_other_operations_are_copied_as_their_guards_left_them_too(rig: Rig) -> None:
    await rig.start("plain", house=guarded(MASK))
    assert await rig.ask(EMBED, EMBEDDINGS) == 200
    assert json.loads((await rig.copy()).body)["input"] == "a <masked> and a SHADOW"


async def test_what_nobody_here_knows_crosses_as_it_is(rig: Rig) -> None:
    await rig.start("plain")
    assert await rig.ask(b"not JSON", UNKNOWN) == 200
    assert (await rig.copy()).body == b"not JSON"


async def test_a_transformed_body_is_the_one_that_is_copied(rig: Rig) -> None:
    instead = '{"model": "m", "messages": [{"role": "user", "content": "not TOPSECRET"}]}'
    shaping = Shaping(transformations=(Transformation(request=Transform(body=f"'{instead}'")),))
    await rig.start("plain", house=guarded(MASK), shaping=shaping)
    assert await rig.ask() == 200
    assert said(await rig.copy()) == "not <masked>"


async def test_there_is_no_copy_of_a_request_that_guards_reject(rig: Rig) -> None:
    await rig.start("plain", house=guarded(TextRules(action="reject", patterns=("TOPSECRET",))))
    assert await rig.ask() == 403
    await rig.serving.record()
    assert rig.serving.metric("mirrored_requests_total") == 0


# -- guards of the mirror itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["openai", "anthropic"])
async def test_a_mirrored_provider_has_guards_of_its_own(rig: Rig, to: str) -> None:
    await rig.start(to, house=guarded(MASK), own=guarded(OWN))
    assert await rig.ask() == 200
    assert said(await rig.copy()) == "a <masked> and a <own>"
    assert said(rig.provider.asked[0]) == "a <masked> and a SHADOW"
    assert (await rig.serving.record()).guards == (("regex", "Mask", 1),), "the copy is no exchange"


async def test_other_operations_are_looked_at_too(rig: Rig) -> None:
    await rig.start("openai", house=guarded(MASK), own=guarded(OWN))
    assert await rig.ask(EMBED, EMBEDDINGS) == 200
    assert json.loads((await rig.copy()).body)["input"] == "a <masked> and a <own>"
    assert json.loads(rig.provider.asked[0].body)["input"] == "a <masked> and a SHADOW"


@pytest.mark.parametrize(("body", "path"), [(CHAT, "/openai"), (EMBED, EMBEDDINGS)])
async def test_there_is_no_copy_if_they_reject(rig: Rig, body: bytes, path: str) -> None:
    await rig.start("openai", own=guarded(TextRules(action="reject", patterns=("SHADOW",))))
    assert await rig.ask(body, path) == 200
    await rig.counted("dropped")
    assert (await rig.serving.record()).outcome == "completed"


async def test_there_is_no_copy_if_they_cannot_be_asked(rig: Rig) -> None:
    broken = await rig.world.upstream(sized(b"", status="500 X"))
    await rig.start("openai", own=guarded(at(broken.port)))
    assert await rig.ask() == 200
    await rig.counted("dropped")
    assert len(broken.asked) == 1


async def test_there_is_no_copy_of_what_they_cannot_look_into(rig: Rig) -> None:
    await rig.start("openai", own=guarded(OWN))
    assert await rig.ask(b"{}", UNKNOWN) == 200
    await rig.counted("dropped")


async def test_the_exchange_waits_for_none_of_them(rig: Rig) -> None:
    slow = await rig.world.upstream(hangs)
    await rig.start("openai", own=guarded(at(slow.port, timeout_s=60.0)))
    assert await asyncio.wait_for(rig.ask(), 5) == 200
    assert (await rig.serving.record()).outcome == "completed"
    await until(lambda: len(slow.asked) == 1)
    assert rig.mirror.asked == []


async def test_a_guard_that_has_looked_already_is_not_asked_again(rig: Rig) -> None:
    fine = {"action": {"reason": "fine"}}
    both, own = await rig.world.upstream(saying(fine)), await rig.world.upstream(saying(fine))
    await rig.start("openai", house=guarded(MASK, at(both.port)), own=guarded(at(own.port)))
    assert await rig.ask() == 200
    await rig.copy()
    assert [messages(asked) for asked in both.asked + own.asked] == [["a <masked> and a SHADOW"]] * 2


async def test_what_becomes_of_the_copy_shows_nowhere_in_the_request(rig: Rig) -> None:
    """Each is written with expressions that see its own body."""
    own = guarded(OWN, final_transformations=(("user", 'llmRequest.messages[0].content + " copied"'),))
    house = guarded(MASK, transformations=(("seed", "size(llmRequest.messages[0].content)"),))
    await rig.start("openai", house=house, own=own)
    assert await rig.ask() == 200
    copy, asked = json.loads((await rig.copy()).body), json.loads(rig.provider.asked[0].body)
    assert (copy["user"], copy["seed"]) == ("a <masked> and a <own> copied", len("a <masked> and a <own>"))
    assert ("user" in asked, asked["seed"]) == (False, len("a <masked> and a SHADOW"))
