"""What an answer cost: shown where the client asked for it, exactly once, and with the provider's own numbers."""

from collections.abc import Iterator

import msgspec

from sluice.testing.fake_fault import Fault
from sluice.verify import judge
from sluice.verify.asking import NO_FAULT
from sluice.verify.facts import Cell, Client, Provider, Verdict, failed, passed
from sluice.verify.rig import Rig
from sluice.verify.told import Usage


class Question(msgspec.Struct, frozen=True):
    """One way to ask."""

    name: str
    expected: str
    stream: bool = True
    asks: bool = True
    """The client asks for usage; in all dialects but chat completions it always does."""
    given: bool = True
    """The provider gives it."""


_NUMBERS = "the numbers that the provider counted"
SHOWN = Question("in the stream", f"{_NUMBERS}; in chat completions once, in a last chunk with `choices: []`")
HIDDEN = Question("not asked for", "the whole text, and no usage anywhere", asks=False)
WHOLE = Question("in a whole answer", _NUMBERS, stream=False)
NONE = Question("the provider gives none", judge.COMPLETE, given=False)
NONE_ASKED = Question("asked for, the provider gives none", judge.COMPLETE, given=False)


def cells(rig: Rig) -> list[Cell]:
    """Return the cells of this area, pair by pair."""
    return [cell for client, provider in rig.gateway.pairs for cell in _pair(rig, client, provider)]


def _pair(rig: Rig, client: Client, provider: Provider) -> Iterator[Cell]:
    for question in (SHOWN, WHOLE, NONE, *((HIDDEN, NONE_ASKED) if client == "chat" else ())):
        if question is NONE and client == "chat":
            question = msgspec.structs.replace(NONE, asks=False)
        if not question.given and provider == "converse":
            continue  # its usage comes in the event that ends the stream: without it the answer is cut
        yield Cell(
            area="usage",
            name=f"{client} from {provider}: {question.name}",
            client=client,
            provider=provider,
            sent="a complete answer" if question.given else "a complete answer without usage",
            expected=question.expected,
            play=Asker(rig, client, provider, question).ask,
        )


class Asker(msgspec.Struct, frozen=True):
    """The question of one cell."""

    rig: Rig
    client: Client
    provider: Provider
    question: Question

    async def ask(self) -> Verdict:
        rig, question = self.rig, self.question
        fault = NO_FAULT if question.given else Fault(usage=False)
        wish = rig.wish(self.client, self.provider, fault, stream=question.stream, shows_usage=question.asks)
        found = judge.read(self.client, await rig.ask(wish), stream=question.stream)
        verdict = judge.complete(found, rig.text, usage=question.given)
        asked = rig.asked(wish)
        if verdict.result == "fail":
            return verdict
        if asked is None:
            return failed(f"the provider was never asked; {judge.summary(found)}")
        wrong = self._wrong(found, asked.usage) if question.given else ""
        return failed(f"{wrong}; {judge.summary(found)}") if wrong else passed(f"{judge.summary(found)}{_shown(found)}")

    def _wrong(self, found: judge.Read, counted: Usage) -> str:
        """What is wrong with the usage, or empty."""
        usages = found.told.usages
        if not self.question.asks:
            chunks = found.told.usage_chunks
            return f"usage was shown {max(len(usages), chunks)} times unasked" if usages or chunks else ""
        if not usages:
            return "no usage"
        if usages[-1] != counted:
            return f"{_numbers(usages[-1])} for {_numbers(counted)}"
        if self.client == "chat" and self.question.stream and (len(usages) != 1 or found.told.usage_chunks != 1):
            return f"usage was shown {len(usages)} times, in {found.told.usage_chunks} chunks without choices"
        return ""


def _numbers(usage: Usage) -> str:
    return f"{usage.input_tokens} in and {usage.output_tokens} out"


def _shown(found: judge.Read) -> str:
    return f", {_numbers(found.told.usages[-1])}" if found.told.usages else ", no usage"
