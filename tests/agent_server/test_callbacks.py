"""`POST /callback` on a real socket: from the button in a stream to its answer, and every refusal in its shape."""

import csv
from io import StringIO
from typing import Any

import pytest

from sluice.agents.agent import Agent
from sluice.agents.callbacks import Press
from sluice.agents.context import Context
from sluice.agents.reply import Reply
from tests.agent_server.flutch_client import Client, asked, client_of
from tests.support.agent_site import AgentSite, AgentSites


class ByHeader:
    """Who asks is what the header says, and may do what another says."""

    async def principal(self, request: Any) -> str:
        name: str = request.headers.get("x-user", "ann")
        return name

    async def scopes(self, request: Any) -> tuple[str, ...]:
        return tuple(request.headers.get("x-scopes", "").split())


def shop() -> Agent:
    agent = Agent("shop")

    @agent.on_message
    async def offer(ctx: Context) -> None:
        await ctx.button("Order", "order", item=7)
        await ctx.button("Refund", "refund")
        await ctx.button("Break", "break")

    @agent.callback("order")
    async def order(press: Press) -> Reply:
        return Reply(f"item {press.params['item']} for {press.user}", patch={"disableButtons": True})

    @agent.callback("refund", scopes=("orders:refund",))
    async def refund(press: Press) -> str:
        return "refunded"

    @agent.callback("break")
    async def declined(press: Press) -> dict[str, Any]:
        return {"success": False, "error": "the card was declined"}

    return agent


def asker() -> Agent:
    agent = Agent("asker")

    @agent.on_message
    async def ask(ctx: Context) -> Any:
        yield f"you said {await ctx.interrupt('Shall I?')}"

    return agent


async def buttons(client: Client) -> dict[str, str]:
    """Return the tokens of the three buttons."""
    body = asked(graphType="shop", graphSettings={}, threadId="t")
    _, whole = await client.post("/generate", body)
    return {one["value"]["label"]: one["value"]["token"] for one in whole["attachments"]}


@pytest.fixture
async def site(agent_site: AgentSites) -> AgentSite:
    return await agent_site(shop(), asker(), principals=ByHeader())


async def test_a_press_answers_with_message_and_patch_and_says_what_is_left(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        token = (await buttons(client))["Order"]
        body = {"token": token, "userId": "mallory", "threadId": "t"}
        answer = await client.http.post("/callback", json=body)
        assert (answer.status_code, answer.json()) == (
            200,
            {"success": True, "message": "item 7 for ann", "patch": {"disableButtons": True}},
        )
        assert answer.headers["x-ratelimit-limit"] == "5"
        assert answer.headers["x-ratelimit-remaining"] == "4"
        assert answer.headers["x-ratelimit-reset"] == "300"
        assert await client.post("/callback", body) == (
            409,
            {"success": False, "error": "This action has already been used", "statusCode": 409},
        )
    messages = await site.service.messages("ann", "t")
    assert messages[-1].text == "item 7 for ann"


async def test_the_same_idempotency_key_is_answered_the_same(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        token = (await buttons(client))["Order"]
        first = await client.post("/callback", {"token": token}, Idempotency_Key="k")
        assert await client.post("/callback", {"token": token, "idempotencyKey": "k"}) == first
        assert first[0] == 200


async def test_who_presses_is_who_is_authenticated_whatever_the_body_claims(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        tokens = await buttons(client)
        claim = {
            "userId": "ann",
            "platformContext": {
                "userId": "ann",
                "authenticated": True,
                "permissions": ["orders:refund"],
                "roles": ["*"],
            },
        }
        status, body = await client.post("/callback", {"token": tokens["Order"], **claim}, X_User="bob")
        assert (status, body["error"]) == (403, "This action belongs to another user")
        status, body = await client.post("/callback", {"token": tokens["Refund"], **claim})
        assert (status, body["error"]) == (403, "This action needs orders:refund")
        status, body = await client.post("/callback", {"token": tokens["Refund"]}, X_Scopes="other orders:*")
        assert (status, body["message"]) == (200, "refunded")


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({}, 401, "Missing callback token"),
    ({"token": 7}, 401, "Missing callback token"),
    ({"token": "cb::shop::" + "a" * 22}, 401, "Invalid callback token"),
    ({"token": "x", "idempotencyKey": 7}, 400, "idempotencyKey must be a string of at most 256 characters"),
]


async def test_a_bad_press_is_refused(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        for body, status, error in BAD:
            refused = {"success": False, "error": error, "statusCode": status}
            assert await client.post("/callback", body) == (status, refused)


async def test_what_a_handler_refuses_is_a_422(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        token = (await buttons(client))["Break"]
        assert await client.post("/callback", {"token": token}) == (
            422,
            {"success": False, "error": "the card was declined", "statusCode": 422},
        )


async def test_too_many_presses_are_told_when_to_come_back(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        for _ in range(20):
            assert (await client.post("/callback", {"token": "x"}))[0] == 401
        answer = await client.http.post("/callback", json={"token": "x"})
        assert answer.status_code == 429
        assert answer.headers["x-ratelimit-limit"] == "20"
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert (await client.post("/callback", {"token": "x"}, X_User="bob"))[0] == 401


async def test_the_trail_is_ones_own_as_json_or_csv(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        token = (await buttons(client))["Order"]
        await client.post("/callback", {"token": token})
        await client.post("/callback", {"token": token}, X_User="bob")
        _, trail = await client.get("/callback/audit")
        assert sorted(one["action"] for one in trail) == ["completed", "issued", "issued", "issued", "pressed"]
        answer = await client.http.get("/callback/audit?format=csv&action=completed")
        assert answer.headers["content-type"].startswith("text/csv")
        (row,) = csv.DictReader(StringIO(answer.text))
        assert (row["action"], row["user"], row["graphType"], row["handler"]) == ("completed", "ann", "shop", "order")
        assert token not in answer.text
        assert len((await client.get("/callback/audit?limit=2"))[1]) == 2
        assert (await client.get("/callback/audit?format=xml"))[0] == 400
        assert [
            one["action"] for one in (await client.http.get("/callback/audit", headers={"x-user": "bob"})).json()
        ] != []


async def test_the_metrics_count_every_step(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        token = (await buttons(client))["Order"]
        for _ in range(2):
            await client.post("/callback", {"token": token})
        await client.post("/callback", {"token": "x"})
        text = (await client.http.get("/metrics")).text
    counted = 'sluice_agent_callbacks_total{agent="shop",handler="order",action="%s"} %s'
    assert counted % ("completed", 1) in text
    assert counted % ("pressed", 2) in text
    assert 'sluice_agent_callbacks_total{agent="",handler="",action="refused"} 1' in text
    assert 'sluice_agent_callback_duration_seconds_count{agent="shop",handler="order",action="completed"} 1' in text


async def test_other_addresses_are_not_there(site: AgentSite) -> None:
    async with client_of(site.url) as client:
        assert (await client.get("/callback"))[0] == 404
        assert await client.get("/callback/x") == (
            404,
            {"message": "Cannot GET /callback/x", "error": "Not Found", "statusCode": 404},
        )


@pytest.mark.parametrize(("given", "said"), [({}, True), ({"value": "red"}, "red")])
async def test_the_button_of_a_question_answers_it_once_for_whose_run_it_is(
    site: AgentSite, given: dict[str, Any], said: Any
) -> None:
    async with client_of(site.url) as client:
        _, whole = await client.post("/generate", asked(graphType="asker", graphSettings={}, threadId="t"))
        (button,) = whole["attachments"]
        press = {"token": button["value"]["token"], **given}
        assert (await client.post("/callback", press, X_User="bob"))[0] == 401
        assert (await client.post("/callback", {"token": f"{press['token']}-x"}))[0] == 400
        status, answer = await client.post("/callback", press, Idempotency_Key="k")
        assert (status, answer["success"], answer["message"]) == (200, True, f"you said {said}")
        assert answer["runId"] in {run.id for run in await site.service.store.list_runs("ann", "t")}
        assert (await client.post("/callback", press, Idempotency_Key="k"))[1] == answer
        status, again = await client.post("/callback", press)
        assert (status, again["success"]) == (409, False)
    messages = await site.service.messages("ann", "t")
    assert messages[-1].text == f"you said {said}"
