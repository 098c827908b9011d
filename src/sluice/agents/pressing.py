"""Somebody presses a button: the rules in their order, the handler once, and what came of it. agents.md B9-B13.

    limits ── token ── who may ── claim ── done before? ── handler ── result
      429      401        403       409        replay       5xx

Who presses is who is authenticated; nothing of that is read from the body. Each step leaves a line in the audit trail,
and a fact for whoever counts.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sluice.agents.agent import pieces
from sluice.agents.button import Button
from sluice.agents.buttons import ButtonDesk, Found, digest, handler_of
from sluice.agents.callback_audit import Action, Audit
from sluice.agents.callback_limits import ADDRESS, REFUSALS, TOKEN, USER, Limits, Standing, Window
from sluice.agents.callback_once import KEEP_MS, Once, key_of, what
from sluice.agents.callbacks import Press, allows
from sluice.agents.catalogue import Catalogue
from sluice.agents.ids import name
from sluice.agents.items import ItemStore
from sluice.agents.ports import Clock, Now, Store
from sluice.agents.reply import Reply
from sluice.agents.resilience import Breaker, Retry, Timeout, through
from sluice.errors import (
    CallbackFailed,
    CallbackRefused,
    Conflict,
    Forbidden,
    RateLimited,
    SluiceError,
    Unauthenticated,
)
from sluice.runs.messages import said

RETRIES = 3
"""Presses of one button that may fail."""
TIMEOUT_S = 30.0
FIRST_WAIT_S = 1.0
_FIELDS = ("message", "attachments", "patch", "success", "error")
PATCHES = frozenset({"editMessage", "keyboard", "disableButtons"})
"""What a page may be told to do with the message that held the button."""


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks."""

    token: str
    user: str
    """The authenticated principal."""
    address: str
    granted: tuple[str, ...]
    """The scopes of the principal."""
    key: str = ""
    """Idempotency key; empty = of handler, user and parameters."""
    platform: str = ""


class CallbackFact(msgspec.Struct, frozen=True, kw_only=True):
    """What metrics learn of a step."""

    graph_type: str
    handler: str
    action: Action
    detail: str = ""
    duration_ms: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """The answer to a press, and how much more may be pressed."""

    result: Mapping[str, Any]
    standing: Standing
    error: SluiceError | None = None
    """Why a handler failed; `result` says it too."""


class PressDesk:
    """The buttons of one process's agents."""

    def __init__(
        self, store: Store, catalogue: Catalogue, *, clock: Clock, now: Now, fault: Callable[[BaseException], None]
    ) -> None:
        self._store, self._catalogue, self._clock, self._now, self._fault = store, catalogue, clock, now, fault
        self._buttons = ButtonDesk(store, now, catalogue)
        self._limits = Limits(store, now)
        self._once = Once(store, now)
        self.audit = Audit(store, now)
        self.told: Callable[[CallbackFact], None] = lambda fact: None
        """Whoever counts."""
        self._breakers: dict[str, Breaker] = {}

    async def press(self, asked: Pressed) -> Outcome:
        """Answer a press.

        Raises:
            RateLimited: too many by this user, from this address, or of this button.
            Unauthenticated: there is no such token, or not any more.
            Forbidden: it is another's button, too late, has failed too often, or wants a scope that is not granted.
            Conflict: it was pressed before, or is being answered now.
        """
        standing = await self.room(asked)
        found = await self._buttons.find(asked.token)
        if found is None:
            await self._note("refused", asked.user, None)
            raise Unauthenticated("Invalid callback token", reason="Callback")
        await self._note("pressed", asked.user, found.button)
        of_token = await self._take(TOKEN, digest(asked.token), asked, found.button)
        standing = min(standing, of_token, key=lambda one: one.remaining)
        await self._may(found, asked)
        key = key_of(found.button, asked.key)
        known = await self._answered(found, asked)
        if known is not None:
            return Outcome(known, standing)
        claimed = await self._buttons.change(found, "processing", key=key)
        if claimed is None:
            raise Conflict("This action is being processed")
        return await self._do(claimed, key, asked, standing)

    async def room(self, asked: Pressed) -> Standing:
        """Count a press by a user, from an address. Raises RateLimited if there were too many."""
        await self._take(ADDRESS, asked.address, asked, None)
        return await self._take(USER, asked.user, asked, None)

    async def _take(self, window: Window, whose: str, asked: Pressed, button: Button | None) -> Standing:
        standing = await self._limits.take(window, whose)
        if not standing.allowed:
            if (await self._limits.take(REFUSALS, f"{window.kind}:{asked.user}")).allowed:
                await self._note("limited", asked.user, button, window.kind)
            raise RateLimited(
                f"Too many callbacks: {window.limit} in {window.window_ms // 1000} s per {window.kind}",
                retry_after_s=standing.reset_s,
                headers=standing.headers,
            )
        return standing

    async def _may(self, found: Found, asked: Pressed) -> None:
        button = found.button
        if button.owner != asked.user:
            await self._refuse(asked, button, "user", "This action belongs to another user")
        if self._now() >= button.expires and button.status in ("pending", "failed", "expired"):
            if button.status != "expired":
                await self._buttons.change(found, "expired")
                await self._note("expired", asked.user, button)
            raise Forbidden("This action has expired")
        if button.retries >= RETRIES:
            await self._refuse(asked, button, "retries", "This action has failed too often")
        missing = [scope for scope in button.scopes if not allows(asked.granted, scope)]
        if missing:
            await self._refuse(asked, button, "scope", f"This action needs {', '.join(missing)}")

    async def _refuse(self, asked: Pressed, button: Button, why: str, sentence: str) -> None:
        await self._note("denied", asked.user, button, why)
        raise Forbidden(sentence)

    async def _answered(self, found: Found, asked: Pressed) -> Mapping[str, Any] | None:
        """Return the answer of a press with the same key; None if there was no press."""
        button = found.button
        if button.status == "completed":
            if asked.key and asked.key == button.key and button.result is not None:
                await self._note("replayed", asked.user, button)
                return button.result
            raise Conflict("This action has already been used")
        if button.status == "processing" and self._now() - button.since < KEEP_MS["in_progress"]:
            raise Conflict("This action is being processed")
        return None

    async def _do(self, claimed: Found, key: str, asked: Pressed, standing: Standing) -> Outcome:
        """Have a claimed button answered, by its handler or by what the same action was answered before."""
        button = claimed.button
        entry = await self._once.begin(button, key)
        if entry is not None and (entry.what != what(button) or entry.result is None):
            await self._buttons.change(claimed, "pending")
            other = entry.what != what(button)
            raise Conflict(
                "This idempotency key was used for another action" if other else "This action is being processed"
            )
        if entry is not None:
            await self._note("replayed", asked.user, button)
            await self._buttons.change(claimed, "completed", result=entry.result)
            return Outcome(entry.result or {}, standing)
        began = self._clock()
        try:
            result = await self._handled(button, asked)
        except asyncio.CancelledError:
            raise  # still `processing`: after five minutes it may be pressed again
        except Exception as error:
            return await self._failed(claimed, key, asked, error, standing, (self._clock() - began) * 1000)
        await self._once.end(button, key, result)
        await self._buttons.change(claimed, "completed", result=result)
        await self._say(button, result)
        duration_ms = round((self._clock() - began) * 1000, 3)
        await self._note("completed", asked.user, button, duration_ms=duration_ms)
        return Outcome(result, standing)

    async def _failed(
        self, claimed: Found, key: str, asked: Pressed, error: Exception, standing: Standing, duration_ms: float
    ) -> Outcome:
        button = claimed.button
        ours = error if isinstance(error, SluiceError) else CallbackFailed(f"the action failed: {type(error).__name__}")
        if ours is not error:
            self._fault(error)
        await self._once.end(button, key, None)
        refused = ours.code == "breaker_open"  # nothing was tried: the button is as it was
        await self._buttons.change(
            claimed,
            "pending" if refused else "failed",
            retries=button.retries + (not refused),
            last_error=ours.code,
        )
        await self._note("failed", asked.user, button, ours.code, round(duration_ms, 3))
        return Outcome({"success": False, "error": str(ours)}, standing, ours)

    async def _handled(self, button: Button, asked: Pressed) -> dict[str, Any]:
        """Call the handler, up to three times in thirty seconds, unless it has failed for everybody lately."""
        callback = handler_of(self._catalogue, button.agent, button.version, button.handler)
        press = Press(
            params=button.params,
            user=asked.user,
            name=button.handler,
            agent=button.agent,
            thread_id=button.thread_id,
            run_id=button.run_id,
            store=ItemStore(self._store, asked.user, self._now),
            platform=asked.platform,
        )
        attempt = 0

        async def once() -> dict[str, Any]:
            nonlocal attempt
            attempt += 1
            if attempt > 1:
                await self._note("retried", asked.user, button, str(attempt))
            return await gathered(callback.function(msgspec.structs.replace(press, attempt=attempt)))

        place = f"{button.agent}::{button.handler}"
        breaker = self._breakers.setdefault(place, Breaker(5, 60.0, on=transient, clock=self._clock))
        retry = Retry(3, "exp", first_s=FIRST_WAIT_S, on=transient)
        result: dict[str, Any] = await through((breaker, Timeout(TIMEOUT_S), retry), once)
        return result

    async def _say(self, button: Button, result: Mapping[str, Any]) -> None:
        """Keep what was answered in the conversation that the button belongs to."""
        if button.stored and result.get("message"):
            message = said(result["message"], "assistant", name("msg"))
            await self._store.add_messages(button.owner, button.thread_id, [message])

    async def _note(
        self, action: Action, user: str, button: Button | None, detail: str = "", duration_ms: float | None = None
    ) -> None:
        await self.audit.note(action, user, button, detail, duration_ms)
        agent, handler = (button.agent, button.handler) if button is not None else ("", "")
        self.told(
            CallbackFact(graph_type=agent, handler=handler, action=action, detail=detail, duration_ms=duration_ms)
        )


def transient(error: BaseException) -> bool:
    """Whether a handler that failed is called again: not if what it raised says that it would be in vain."""
    return error.retryable or error.status >= 500 if isinstance(error, SluiceError) else True


async def gathered(made: Any) -> dict[str, Any]:
    """Return a handler's answer as the wire has it: texts one after another, the attachments, the last patch.

    Raises:
        CallbackRefused: the handler says that it could not do what was asked.
        TypeError: it returned something else, or what JSON has no word for.
    """
    result: dict[str, Any] = {}
    async for piece in pieces(made):
        for key, value in _fields(piece).items():
            if key == "message":
                result[key] = result.get(key, "") + value
            elif key == "attachments":
                result[key] = [*result.get(key, []), *value]
            else:
                result[key] = value
    if result.pop("success", True) is False:
        raise CallbackRefused(str(result.get("error") or "the action was refused"))
    whole: dict[str, Any] = msgspec.json.decode(msgspec.json.encode({"success": True, **result}))
    return whole


def _fields(piece: Any) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"message": piece} if piece else {}
    if isinstance(piece, Reply):
        piece = {"message": piece.text, "attachments": list(piece.attachments), "patch": piece.patch}
    if not isinstance(piece, Mapping) or not piece.keys() <= set(_FIELDS):
        raise TypeError(f"a callback returned {type(piece).__name__}; it may return str, Reply or {', '.join(_FIELDS)}")
    unknown = set(piece.get("patch") or ()) - PATCHES
    if unknown:
        raise TypeError(f"a patch with {', '.join(sorted(unknown))}; there are {', '.join(sorted(PATCHES))}")
    return {key: value for key, value in piece.items() if value not in (None, "", [])}
