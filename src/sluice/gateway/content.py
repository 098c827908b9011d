"""What guards do to a request before any provider sees it.

    texts of the request ── text rules ── a service ── text rules ... in the order of the configuration ──► request
                                 │             │
                                 └─ rejected ──┴─ no verdict, and the guard fails closed: an error

Guarantee: a provider gets no text that a guard of its scope has not passed, and each guard sees the texts as those
before it left them. Nothing holds up the loop: long texts are looked at slice by slice, and others have their turn in
between.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Literal

import msgspec

from sluice.chat.request import ChatRequest
from sluice.dialects.text_walk import PromptText, Walk
from sluice.dialects.texts import texts_of
from sluice.dialects.unambiguous import check_members
from sluice.errors import PolicyUnavailable
from sluice.gateway.judging import Judges
from sluice.policies.guard_text import Passed, TextGuards
from sluice.policies.guards import Guard, Judge, Scope, TextRules
from sluice.policies.judges import Changed, JudgeFailed, Pass, Rejected, Verdict
from sluice.policies.rejection import error_of
from sluice.policies.scene import Scene
from sluice.wire.http1 import Header

REASON = "Guardrail"
SLICE = 1024
"""Characters that text rules look at without a look at the clock."""
TURN_S = 0.005
"""For so long they look before others have their turn."""
INLINE_BYTES = 256 << 10
"""A longer body is taken to pieces in a thread."""
INLINE_VALUES = 4096
"""So is one of more values, by its commas."""
_ENDLESS = 1 << 62

Outcome = Literal["allow", "mask", "reject", "fail_open", "fail_closed"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What one guard did about one request. A fact for counters and the record."""

    guard: str
    outcome: Outcome
    hits: int = 0
    """Values that text rules found."""
    detail: str = ""
    """Why there is no verdict. Never a text of the request."""


class _Rules:
    """Text rules that stand next to each other: all look at the same texts, each in the scopes that it wants."""

    def __init__(self, rules: Sequence[TextRules]) -> None:
        # Of a request all is known: nothing has to be given up because more of it may come.
        self.rules = tuple(
            msgspec.structs.replace(
                rule, max_hold_bytes=_ENDLESS, max_hold_s=0.0, on_overflow="block", mode="incremental"
            )
            for rule in rules
        )
        scopes: list[Scope] = ["system", "messages", "tool_input", "tool_output"]
        found = {scope: tuple(rule for rule in self.rules if scope in rule.scopes) for scope in scopes}
        made = {own: TextGuards(own) for own in set(found.values()) if own}
        self.guards: Mapping[Scope, TextGuards] = {scope: made[own] for scope, own in found.items() if own}


@lru_cache(maxsize=256)
def _stages(guards: tuple[Guard, ...]) -> tuple[_Rules | Judge, ...]:
    """Compile guards; those of a configuration are few."""
    stages: list[_Rules | Judge] = []
    for are_rules, group in groupby(guards, key=lambda guard: isinstance(guard, TextRules)):
        if are_rules:
            stages.append(_Rules([guard for guard in group if isinstance(guard, TextRules)]))
        else:
            stages += [guard for guard in group if isinstance(guard, Judge)]
    return tuple(stages)


def compiled(guards: Iterable[Guard]) -> None:
    """Compile guards before the first request needs them: some milliseconds for each pattern.

    Raises:
        ValueError: a pattern cannot be used; the message names it.
    """
    _stages(tuple(guards))


async def guarded_request(
    guards: Sequence[Guard],
    chat: ChatRequest,
    dialect: str,
    judges: Judges,
    checks: list[Check],
    *,
    body: bytes | None = None,
    headers: Sequence[Header] = (),
    scene: Scene | None = None,
) -> ChatRequest:
    """Return the request as the guards let it pass: the same object if they change nothing.

    `dialect` is the id of the client's dialect, in which the request stands; `body` is what it was read from, None = it
    was made here. `checks` learns what each guard did, also if this raises. `headers` and `scene` are what services may
    get to see of the client's request.

    Raises:
        GuardRejected: a guard rejects it.
        PolicyUnavailable: a guard that fails closed has no verdict.
        BadRequest: the body can be read in two ways, is nested too deeply, or holds text that cannot be read.
    """
    if not guards:
        return chat
    screening = _Screening(await _walk(dialect, chat.fields, body), checks)
    for stage in _stages(tuple(guards)):
        if isinstance(stage, _Rules):
            await screening.look(stage)
        else:
            await screening.ask(stage, judges, headers, scene)
    fields = screening.fields()
    return chat if fields is None else msgspec.structs.replace(chat, fields=fields)


async def _walk(dialect: str, fields: Mapping[str, msgspec.Raw], body: bytes | None) -> Walk:
    """A body of many values would hold up the loop for long, and so would one that is long."""
    values = [bytes(raw) for raw in fields.values()]
    many = len(values) + sum(value.count(b",") for value in values) > INLINE_VALUES
    if many or sum(map(len, values)) > INLINE_BYTES:
        return await asyncio.to_thread(_taken_apart, dialect, fields, body)
    return _taken_apart(dialect, fields, body)


def _taken_apart(dialect: str, fields: Mapping[str, msgspec.Raw], body: bytes | None) -> Walk:
    if body is not None:
        check_members(body)
    return texts_of(dialect, fields)


class _Screening:
    """The texts of one request on their way past its guards."""

    def __init__(self, walk: Walk, checks: list[Check]) -> None:
        self._walk, self._checks = walk, checks
        self._texts = [found.text for found in walk.texts]
        """As they are by now."""
        self._clock = asyncio.get_running_loop().time
        self._turn_ends = self._clock() + TURN_S

    def fields(self) -> dict[str, msgspec.Raw] | None:
        """Return the body's members with what was changed, None if nothing was."""
        rows = enumerate(zip(self._walk.texts, self._texts, strict=True))
        changed = {index: text for index, (found, text) in rows if text != found.text}
        return self._walk.written(changed) if changed else None

    # -- text rules ---------------------------------------------------------------------------------------------------

    async def look(self, stage: _Rules) -> None:
        """Let text rules look at the texts of their scopes.

        Raises:
            GuardRejected: one of them rejects.
        """
        counts = dict.fromkeys(stage.rules, 0)
        for indexes in self._runs():
            guards = stage.guards.get(self._walk.texts[indexes[0]].scope)
            if guards is not None:
                await self._mask(guards, indexes, counts)
        self._checks += [
            Check(guard=rule.name, outcome="mask" if hits else "allow", hits=hits) for rule, hits in counts.items()
        ]

    def _runs(self) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        for index, text in enumerate(self._walk.texts):
            found.setdefault(text.run, []).append(index)
        return [*found.values()]

    async def _mask(self, guards: TextGuards, indexes: list[int], counts: dict[TextRules, int]) -> None:
        """Mask the texts of a run, each looked at by itself and all as one: what stands beside a value hides it from
        the one reading, a cut within it from the other. What spans several is masked in the first."""
        if self._walk.texts[indexes[0]].is_json:
            await self._mask_json(guards, indexes[0], counts)
            return
        texts = [self._texts[index] for index in indexes]
        if sum(map(len, texts)) <= SLICE and all(map(guards.is_clean, {"".join(texts), *texts})):
            await self._turn()
            return
        parts = guards.parts([*map(len, texts)])
        for place, text in enumerate(texts):
            if place:
                parts.cut()
            for start in range(0, len(text), SLICE):
                self._passed(parts.feed(text[start : start + SLICE]), counts)
                await self._turn()
        self._passed(parts.finish(), counts)
        for index, text in zip(indexes, parts.texts, strict=True):
            self._texts[index] = text

    async def _mask_json(self, guards: TextGuards, index: int, counts: dict[TextRules, int]) -> None:
        channel, text = guards.json_channel(), self._texts[index]
        out = []
        for start in range(0, len(text), SLICE):
            out.append(self._passed(channel.feed(text[start : start + SLICE]), counts))
            await self._turn()
        out.append(self._passed(channel.finish(), counts))
        self._texts[index] = "".join(out)

    def _passed(self, passed: Passed, counts: dict[TextRules, int]) -> str:
        self._check(passed.rejected)
        for hit in passed.hits:
            counts[hit.rule] += 1
        return passed.text

    def _check(self, rule: TextRules | None) -> None:
        """Raise GuardRejected if a rule rejects."""
        if rule is not None:
            self._checks.append(Check(guard=rule.name, outcome="reject", hits=1))
            raise error_of(rule.rejection, "request")

    async def _turn(self) -> None:
        """Give others their turn, if this one has lasted."""
        if self._clock() >= self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = self._clock() + TURN_S

    # -- services -----------------------------------------------------------------------------------------------------

    async def ask(self, guard: Judge, judges: Judges, headers: Sequence[Header], scene: Scene | None) -> None:
        """Ask a service about the texts of its scopes.

        Raises:
            GuardRejected: it rejects.
            PolicyUnavailable: it gave no verdict, and the guard fails closed.
        """
        rows = [(index, found) for index, found in enumerate(self._walk.texts) if found.scope in guard.scopes]
        texts, roles = [self._texts[index] for index, _ in rows], [found.role for _, found in rows]
        try:
            verdict: Verdict = Pass()
            if texts:
                verdict = await judges.judge(guard, texts, phase="request", roles=roles, headers=headers, scene=scene)
            if isinstance(verdict, Changed):
                self._change(guard, rows, verdict.texts)
        except JudgeFailed as failure:
            outcome: Outcome = "fail_open" if guard.fails_open else "fail_closed"
            self._checks.append(Check(guard=guard.name, outcome=outcome, detail=str(failure)))
            if not guard.fails_open:
                raise PolicyUnavailable("a guard of this request could not be asked", reason=REASON) from None
            return
        if isinstance(verdict, Rejected):
            self._checks.append(Check(guard=guard.name, outcome="reject"))
            raise error_of(verdict.rejection, "request")
        self._checks.append(Check(guard=guard.name, outcome="mask" if isinstance(verdict, Changed) else "allow"))

    def _change(self, guard: Judge, rows: Sequence[tuple[int, PromptText]], texts: Sequence[str]) -> None:
        """Put texts in the place of others; what was JSON has to be JSON again.

        Raises:
            JudgeFailed: it is none.
        """
        for (_, found), text in zip(rows, texts, strict=True):
            if found.is_json and not _is_json(text):
                raise JudgeFailed(f"{guard.name} made JSON of a request into something else")
        for (index, _), text in zip(rows, texts, strict=True):
            self._texts[index] = text


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
