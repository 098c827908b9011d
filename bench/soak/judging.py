"""An answer and what its client had to see: the verdict on one request. Pure.

Read by the strict readers of `sluice verify`, which share nothing with the gateway's own.
"""

import msgspec

from bench.soak.case import Case, Saw
from sluice.testing import fake_filler
from sluice.verify import facts, judge, reading
from sluice.verify.facts import Client
from sluice.verify.http_client import Heard

MAX_SENTENCE = 400
NO_ROOM = 503
"""The status of a gateway that admits nobody."""


class Verdict(msgspec.Struct, frozen=True):
    """What was seen; and of what must not be, a sentence."""

    saw: Saw
    sentence: str = ""


def verdict(case: Case, heard: Heard, *, crowded: bool) -> Verdict:
    """Judge an answer. `crowded`: so many requests were under way that the gateway may have refused it."""
    if crowded and _no_room(case, heard):
        return Verdict("refused")
    found = _read(case, heard)
    wrong = ""
    for saw in case.ends:
        wrong = _not(saw, case, found)
        if not wrong:
            return Verdict(saw)
    return Verdict("wrong", f"{wrong}; {judge.summary(found)}"[:MAX_SENTENCE])


def _client(case: Case) -> Client:
    return "chat" if case.question is None else case.question.client


def _read(case: Case, heard: Heard) -> judge.Read:
    return judge.read(_client(case), heard, stream=case.question is not None and case.question.stream)


def _no_room(case: Case, heard: Heard) -> bool:
    answer = heard.answer
    again = answer.header("retry-after")
    whole = answer.status == NO_ROOM and heard.how == "whole" and again.isdigit()
    return whole and not reading.error_fault(_client(case), answer)


def _not(saw: Saw, case: Case, found: judge.Read) -> str:
    """Why an answer is not this one; empty = it is."""
    match saw:
        case "complete":
            return _reason(judge.complete(found, _text(case, found), usage=case.usage))
        case "failure":
            return _not_failed(case, found)
        case "left" | "cut":
            return _not_begun(saw, case, found)
    return f"nothing is {saw!r}"


def _not_failed(case: Case, found: judge.Read) -> str:
    answer = found.heard.answer
    if wrong := _reason(judge.failure(found, _text(case, found), as_it_was=case.as_it_was)):
        return wrong
    if case.status and answer.status >= 400 and answer.status != case.status:
        return f"status {answer.status} came for {case.status}"
    return ""


def _not_begun(saw: Saw, case: Case, found: judge.Read) -> str:
    """What is wrong with the part of an answer that its client has; how it ends there says nothing."""
    heard, told = found.heard, found.told
    if heard.answer.fault:
        return f"HTTP is broken: {heard.answer.fault}"
    if heard.how not in (("left",) if saw == "left" else ("closed", "reset")):
        return f"the answer ended otherwise: {heard.how}"
    if heard.answer.status not in (0, 200):
        return "it is no success"
    if told.errors or told.malformed:
        return "it holds an error"
    sent = _text(case, found)
    if not sent.startswith(told.text):
        return "it holds a text that was not sent"
    return "it looks finished" if told.successes and told.text != sent else ""


def _text(case: Case, found: judge.Read) -> str:
    """The text that the provider was asked for."""
    if case.question is None:
        return ""
    content = case.question.content
    if case.giant_bytes:
        return content + fake_filler.text(case.giant_bytes)
    if case.floods:
        pieces = max(0, len(found.told.text) - len(content)) // len(fake_filler.PIECE)
        return content + fake_filler.PIECE * (pieces if found.told.successes else pieces + 1)
    return content


def _reason(said: facts.Verdict) -> str:
    return "" if said.result == "pass" else said.came
