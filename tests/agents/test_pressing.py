"""Buttons pressed: once, by whom they are for, in time; and what is answered."""

import asyncio

import msgspec
import pytest

from sluice.agents.buttons import KEEP_MS, NAMESPACE, digest
from sluice.agents.callbacks import Press
from sluice.agents.pressing import Pressed
from sluice.errors import Conflict, Forbidden, Unauthenticated
from tests.agents.shop import MINUTE, Shop, at_once, shop

__all__ = ["at_once", "shop"]


async def test_a_button_calls_its_handler_with_its_parameters_as_who_presses(shop: Shop) -> None:
    token = await shop.button(item=7, tags=["a"])
    assert await shop.press(token, platform="web") == {"success": True, "message": "bought"}
    (press,) = shop.presses
    assert (press.params, press.user, press.name, press.agent) == ({"item": 7, "tags": ["a"]}, "ann", "buy", "shop")
    assert (press.thread_id, press.run_id, press.platform, press.attempt) == ("thread-1", "run-1", "web", 1)
    assert await shop.status(token) == "completed"


async def test_a_token_has_128_bits_and_the_store_only_its_digest(shop: Shop) -> None:
    tokens = {await shop.button() for _ in range(50)}
    assert len(tokens) == 50
    assert all(token.startswith("cb::shop::") and len(token) == len("cb::shop::") + 22 for token in tokens)
    kept = msgspec.json.encode(await shop.store.search_items((), limit=1000)).decode()
    assert not any(token.split("::")[2] in kept for token in tokens)


async def test_a_button_is_pressed_once(shop: Shop) -> None:
    token = await shop.button()
    await shop.press(token)
    with pytest.raises(Conflict, match="already been used"):
        await shop.press(token)
    assert len(shop.presses) == 1


async def test_of_two_who_press_at_the_same_time_on_two_workers_one_wins(shop: Shop) -> None:
    going, come = asyncio.Event(), asyncio.Event()

    async def slow(press: Press) -> str:
        shop.presses.append(press)
        come.set()
        await going.wait()
        return "done"

    shop.agent.callback("slow")(slow)
    token = await shop.button("slow")
    asked = Pressed(token=token, user="ann", address="::1", granted=())
    first = asyncio.create_task(shop.desk.press(asked))
    await come.wait()
    with pytest.raises(Conflict, match="being processed"):
        await shop.another_worker().press(asked)
    going.set()
    assert (await first).result["message"] == "done"
    assert len(shop.presses) == 1


async def test_the_same_key_is_given_the_same_answer_again(shop: Shop) -> None:
    token = await shop.button(item=1)
    first = await shop.press(token, key="mine")
    assert await shop.press(token, key="mine") == first
    with pytest.raises(Conflict):
        await shop.press(token, key="another")
    assert len(shop.presses) == 1


async def test_two_buttons_for_the_same_thing_do_it_once_an_hour(shop: Shop) -> None:
    shop.answers = ["first", "second"]
    one, two, three, other = [await shop.button(item=item) for item in (1, 1, 1, 2)]
    assert (await shop.press(one))["message"] == "first"
    assert (await shop.press(two))["message"] == "first"
    assert await shop.status(two) == "completed"
    assert (await shop.press(other))["message"] == "second"
    shop.ms += 9 * MINUTE
    assert (await shop.press(three))["message"] == "first"
    shop.ms += 60 * MINUTE
    assert (await shop.press(await shop.button(item=1)))["message"] == "bought"
    assert len(shop.presses) == 3


async def test_a_key_that_was_used_for_another_action_is_refused_and_the_button_stays(shop: Shop) -> None:
    one, two = await shop.button(item=1), await shop.button(item=2)
    await shop.press(one, key="k")
    with pytest.raises(Conflict, match="another action"):
        await shop.press(two, key="k")
    assert (await shop.press(two))["success"]


async def test_another_user_may_not_press_it_and_the_owner_still_may(shop: Shop) -> None:
    token = await shop.button()
    with pytest.raises(Forbidden, match="another user"):
        await shop.press(token, "bob")
    assert (await shop.press(token))["success"]
    assert await shop.actions("bob") == ["denied", "pressed"]
    assert all(not noted.handler and not noted.run_id for noted in await shop.desk.audit.trail("bob"))


async def test_too_late_is_said_for_an_hour_and_then_the_token_is_unknown(shop: Shop) -> None:
    token = await shop.button()
    shop.ms += 600_000 - 1
    item = await shop.store.get_item(NAMESPACE, digest(token))
    assert item is not None
    assert item.expires == 1_000_000 + 600_000 + KEEP_MS
    shop.ms += 1
    for _ in range(2):
        with pytest.raises(Forbidden, match="expired"):
            await shop.press(token)
    assert await shop.status(token) == "expired"
    shop.ms += KEEP_MS
    with pytest.raises(Unauthenticated):
        await shop.press(token)
    assert not shop.presses


@pytest.mark.parametrize("ending", ["completed", "failed"])
async def test_no_change_moves_the_time_at_which_a_record_is_forgotten(
    shop: Shop, at_once: list[float], ending: str
) -> None:
    shop.answers = [ValueError()] * 3 if ending == "failed" else []
    token = await shop.button()
    before = await shop.store.get_item(NAMESPACE, digest(token))
    shop.ms += 5000
    await shop.press(token)
    after = await shop.store.get_item(NAMESPACE, digest(token))
    assert before is not None
    assert after is not None
    assert after.expires == before.expires
    assert await shop.status(token) == ending


@pytest.mark.parametrize(
    "token", ["", "cb", "cb::shop::short", f"cb::shop::{'a' * 22}", f"cb::x::{'a' * 23}", "cb_a_b_c"]
)
async def test_a_token_that_is_none_is_unauthenticated(shop: Shop, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await shop.press(token)
    assert await shop.actions() == ["refused"]


async def test_a_scope_must_be_granted(shop: Shop) -> None:
    shop.agent.callback("refund", scopes=("orders:refund", "money"))(lambda press: "refunded")
    token = await shop.button("refund")
    for granted in ((), ("orders:*",), ("money",)):
        with pytest.raises(Forbidden, match="needs"):
            await shop.press(token, granted=granted)
    assert (await shop.press(token, granted=("orders:*", "money")))["message"] == "refunded"
