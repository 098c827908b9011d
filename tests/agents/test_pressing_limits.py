"""Handlers that fail, presses that are too many, and the trail that all of them leave."""

import asyncio
import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import msgspec
import pytest

from sluice.agents.callback_audit import as_csv
from sluice.agents.callbacks import Press
from sluice.agents.pressing import Pressed
from sluice.agents.reply import Reply
from sluice.errors import Conflict, Forbidden, NotFound, RateLimited, SluiceError, Unauthenticated
from sluice.runs.records import Thread
from tests.agents.shop import MINUTE, RUN, Shop, at_once, shop

__all__ = ["at_once", "shop"]


async def test_a_handler_that_fails_is_called_three_times_a_second_and_two_apart(
    shop: Shop, at_once: list[float]
) -> None:
    shop.answers = [ValueError("secret"), ConnectionError()]
    assert (await shop.press(await shop.button()))["message"] == "bought"
    assert [press.attempt for press in shop.presses] == [1, 2, 3]
    first_s, second_s = at_once
    assert 0.75 <= first_s <= 1
    assert 1.5 <= second_s <= 2
    assert (await shop.actions()).count("retried") == 2


async def test_a_failure_says_what_it_was_but_not_with_which_words(shop: Shop, at_once: list[float]) -> None:
    shop.answers = [ValueError("secret of the database")] * 3
    token = await shop.button()
    assert await shop.press(token) == {"success": False, "error": "the action failed: ValueError"}
    assert [type(fault) for fault in shop.faults] == [ValueError]
    assert await shop.status(token) == "failed"
    assert (await shop.press(token))["success"], "a failed action may be tried again"


async def test_after_three_presses_that_failed_nobody_presses_again(shop: Shop, at_once: list[float]) -> None:
    shop.answers = [ValueError()] * 9
    token = await shop.button()
    for _ in range(3):
        assert not (await shop.press(token))["success"]
    with pytest.raises(Forbidden, match="too often"):
        await shop.press(token)
    assert len(shop.presses) == 9


async def test_a_refusal_of_the_handler_is_told_and_not_tried_again(shop: Shop) -> None:
    shop.answers = [{"success": False, "error": "the card was declined"}]
    token = await shop.button()
    assert await shop.press(token) == {"success": False, "error": "the card was declined"}
    assert len(shop.presses) == 1
    assert not shop.faults
    assert (await shop.press(token))["success"]


async def test_a_handler_that_hangs_is_given_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.agents.pressing.TIMEOUT_S", 0.01)
    ended = asyncio.Event()

    async def hang(press: Press) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    shop.agent.callback("hang")(hang)
    outcome = await shop.desk.press(Pressed(token=await shop.button("hang"), user="ann", address="::1", granted=()))
    assert outcome.error is not None
    assert (outcome.error.status, ended.is_set()) == (504, True)


async def test_a_handler_that_fails_for_everybody_is_left_alone_for_a_minute(shop: Shop, at_once: list[float]) -> None:
    shop.answers = [ValueError()] * 15
    for number in range(5):
        await shop.press(await shop.button(item=number))
    token = await shop.button(item="next")
    outcome = await shop.desk.press(Pressed(token=token, user="ann", address="::1", granted=()))
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.retry_after_s) == (503, 60)
    assert (len(shop.presses), await shop.status(token)) == (15, "pending")
    shop.ms += MINUTE
    assert (await shop.press(token))["success"]


async def test_one_that_a_dead_worker_left_may_be_pressed_after_five_minutes(shop: Shop) -> None:
    token = await shop.button()
    found = await shop.buttons.find(token)
    assert found is not None
    await shop.buttons.change(found, "processing")
    with pytest.raises(Conflict):
        await shop.press(token)
    shop.ms += 5 * MINUTE
    assert (await shop.press(token))["success"]


@pytest.mark.parametrize(
    ("limit", "window_s", "kind", "which"),
    [
        (20, 60, "user", lambda number: ("ann", f"10.0.0.{number}")),
        (30, 60, "ip", lambda number: (f"user-{number}", "10.0.0.1")),
    ],
)
async def test_presses_are_counted_by_user_and_by_address(
    shop: Shop, limit: int, window_s: int, kind: str, which: Callable[[int], tuple[str, str]]
) -> None:
    for number in range(limit):
        user, address = which(number)
        with pytest.raises(Unauthenticated):
            await shop.press("nothing", user, address=address)
        shop.ms += 100
    user, address = which(limit)
    with pytest.raises(RateLimited, match=kind) as limited:
        await shop.press("nothing", user, address=address)
    left_s = window_s - limit // 10
    headers = {key.decode(): value.decode() for key, value in limited.value.headers}
    assert headers == {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(left_s)}
    assert limited.value.retry_after_s == left_s
    shop.ms += left_s * 1000
    with pytest.raises(Unauthenticated):
        await shop.press("nothing", user, address=address)


async def test_one_button_is_pressed_five_times_in_five_minutes(shop: Shop) -> None:
    token = await shop.button()
    await shop.press(token)
    for _ in range(4):
        with pytest.raises(Conflict):
            await shop.press(token)
    with pytest.raises(RateLimited, match="token"):
        await shop.press(token)


async def test_a_flood_does_not_fill_the_trail(shop: Shop) -> None:
    for _ in range(60):
        with pytest.raises((Unauthenticated, RateLimited)):
            await shop.press("nothing")
    assert (await shop.actions()).count("limited") == 2, "one of the user's limit, one of the address's"
    assert len(await shop.actions()) == 22


async def test_presses_in_the_same_millisecond_all_count(shop: Shop) -> None:
    told = await asyncio.gather(*(shop.press("nothing") for _ in range(25)), return_exceptions=True)
    assert sum(isinstance(one, RateLimited) for one in told) == 5


async def test_a_reply_gives_its_attachments_and_its_patch(shop: Shop) -> None:
    chart = {"type": "chart", "value": {"y": [1]}, "metadata": {}}
    shop.answers = [Reply("done", attachments=[chart], patch={"disableButtons": True, "editMessage": "sold"})]
    assert await shop.press(await shop.button()) == {
        "success": True,
        "message": "done",
        "attachments": [chart],
        "patch": {"disableButtons": True, "editMessage": "sold"},
    }


async def test_a_handler_may_yield(shop: Shop) -> None:
    async def parts(press: Press) -> Any:
        yield "one, "
        yield Reply("two", patch={"keyboard": []})
        yield {"patch": {"disableButtons": True}}

    shop.agent.callback("parts")(parts)
    assert await shop.press(await shop.button("parts")) == {
        "success": True,
        "message": "one, two",
        "patch": {"disableButtons": True},
    }


@pytest.mark.parametrize("answer", [7, {"mesage": "x"}, {"patch": {"remove": 1}}, {"attachments": [object()]}])
async def test_what_is_no_answer_is_a_fault_that_says_what_may_be_returned(
    shop: Shop, at_once: list[float], answer: Any
) -> None:
    shop.answers = [answer] * 3
    assert await shop.press(await shop.button()) == {"success": False, "error": "the action failed: TypeError"}
    assert isinstance(shop.faults[0], TypeError)


async def test_an_answer_stays_in_a_thread_that_is_kept(shop: Shop) -> None:
    await shop.store.create_thread(Thread(id="thread-1", owner="ann", created=0, updated=0))
    await shop.press(await shop.button())
    unkept = msgspec.structs.replace(RUN, stored=False)
    await shop.press(await shop.button(run=unkept, item=2))
    (message,) = await shop.store.list_messages("ann", "thread-1")
    assert (message.role, message.text) == ("assistant", "bought")


async def test_a_button_without_a_handler_cannot_be_made(shop: Shop) -> None:
    with pytest.raises(NotFound, match="no callback 'sell'"):
        await shop.button("sell")


async def test_a_button_carries_no_more_than_16_kib(shop: Shop) -> None:
    with pytest.raises(ValueError, match="16384"):
        await shop.button(text="x" * 16_384)


async def test_the_trail_tells_who_did_what_and_neither_token_nor_parameter(shop: Shop) -> None:
    token = await shop.button(item="parameter")
    shop.ms += 1
    await shop.press(token)
    trail = await shop.desk.audit.trail("ann")
    assert sorted(noted.action for noted in trail) == ["completed", "issued", "pressed"]
    assert {(noted.graph_type, noted.handler, noted.run_id) for noted in trail} == {("shop", "buy", "run-1")}
    assert [noted.action for noted in await shop.desk.audit.trail("ann", action="completed")] == ["completed"]
    assert await shop.actions("bob") == []
    text = as_csv(trail)
    rows = list(csv.DictReader(StringIO(text)))
    assert [row["graphType"] for row in rows] == ["shop"] * 3
    assert "parameter" not in text
    assert token.split("::")[2] not in text


async def test_a_cell_is_no_formula(shop: Shop) -> None:
    noted = await shop.desk.audit.note("denied", "=cmd()", None, "@x")
    (row,) = csv.DictReader(StringIO(as_csv([noted])))
    assert (row["user"], row["detail"]) == ("'=cmd()", "'@x")


async def test_whoever_counts_is_told_each_step(shop: Shop) -> None:
    token = await shop.button()
    await shop.press(token)
    with pytest.raises(SluiceError):
        await shop.press(token)
    told = [(fact.graph_type, fact.handler, fact.action) for fact in shop.facts]
    assert told == [("shop", "buy", action) for action in ("pressed", "completed", "pressed")]
    assert shop.facts[1].duration_ms is not None
