"""Asks services that judge text, and turns what they say into verdicts."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec

from sluice.config.judging import MissingJudge, RemoteJudge
from sluice.errors import SluiceError
from sluice.gateway.gather import Here, apart, gather
from sluice.gateway.judge_request import draft
from sluice.gateway.ports import Signer, Upstream, UpstreamStream
from sluice.gateway.tracing import Trace
from sluice.policies.guards import Judge
from sluice.policies.judges import PASS, Changed, JudgeFailed, Pass, Rejected, Side, Verdict
from sluice.policies.scene import Scene
from sluice.providers.text_judge import Apart, Asked, BadAnswer, Finding, Fine, Flagged, Masked, Question
from sluice.wire.http1 import Header

MAX_ANSWER_BYTES = 1 << 20
"""Of an answer, beyond a multiple of what was asked: what is masked may be longer than what it stands for."""
TIMES_ASKED = 8
_RESULTS = {Pass: "Allow", Changed: "Mask", Rejected: "Reject"}


class Judges:
    """The way to all of them. One per gateway."""

    def __init__(self, upstream: Upstream, signer: Signer, trace: Trace | None = None) -> None:
        self._upstream, self._signer = upstream, signer
        self._trace = trace
        """Where what they are asked is noted; None = nobody wants to see it."""

    def watched(self, trace: Trace) -> "Judges":
        """Return the same way, for one exchange that is traced."""
        return Judges(self._upstream, self._signer, trace)

    async def judge(
        self,
        guard: Judge,
        texts: Sequence[str],
        context: Sequence[str] = (),
        *,
        phase: Side,
        roles: Sequence[str],
        headers: Sequence[Header] = (),
        scene: Scene | None = None,
    ) -> Verdict:
        """Return what the service says about all texts; nothing is asked about texts that are all empty.

        `roles` says who speaks each text, `context` what was said right before it. `headers` are the client's, `scene`
        is what the operator's expressions may look at.

        Raises:
            JudgeFailed: there is no verdict within the guard's time.
        """
        if isinstance(guard, MissingJudge):
            raise JudgeFailed(f"{guard.name}: {guard.why}")
        assert isinstance(guard, RemoteJudge)
        if not any(texts):
            return PASS
        asked = Asked(texts=tuple(texts), roles=tuple(roles), context=tuple(context), side=phase)
        if self._trace is None:
            return await self._judged(guard, asked, headers, scene)
        with self._trace.step("guard", guard.name, guard.service.endpoint.label) as step:
            step.facts = (("guardrail.phase", phase),)
            verdict = await self._judged(guard, asked, headers, scene)
            step.result = _RESULTS[type(verdict)]
            return verdict

    async def _judged(
        self, guard: RemoteJudge, asked: Asked, headers: Sequence[Header], scene: Scene | None
    ) -> Verdict:
        ask = partial(self._finding, guard, headers=headers, scene=scene)
        try:
            async with asyncio.timeout(guard.timeout_s):
                finding = await ask(asked)
                if isinstance(finding, Apart):
                    finding = _joined([await ask(one) if any(one.texts) else Fine() for one in _singly(asked)], asked)
        except TimeoutError:
            raise JudgeFailed(f"{guard.name} gave no verdict within {guard.timeout_s:g} s") from None
        except BadAnswer as error:
            raise JudgeFailed(f"{guard.name}: {error}") from None
        except SluiceError as error:
            raise JudgeFailed(f"{guard.name} could not be asked: {error.code}") from None
        return _verdict(guard, finding)

    async def _finding(
        self, guard: RemoteJudge, asked: Asked, *, headers: Sequence[Header], scene: Scene | None
    ) -> Finding:
        questions = guard.form.questions(asked)
        opens = [partial(self._open, guard, question, headers, scene) for question in questions]
        room = MAX_ANSWER_BYTES + TIMES_ASKED * sum(len(question.body) for question in questions)
        answer = await gather(opens, idle_s=0.0, total_s=None, max_bytes=room)
        status = answer.head.status
        if not 200 <= status < 300:
            raise BadAnswer(f"it answered with the status {status}")
        assert isinstance(answer, Here)
        return guard.form.read(asked, apart(answer.body))

    async def _open(
        self, guard: RemoteJudge, question: Question, headers: Sequence[Header], scene: Scene | None
    ) -> UpstreamStream:
        service = guard.service
        trace = self._trace
        request = draft(guard, question, headers, scene, b"" if trace is None else trace.traceparent(trace.inside))
        signature = () if service.cloud is None else await request.signed(self._signer, service.cloud)
        return await self._upstream.open(
            service.endpoint,
            request.render(signature),
            expects_body=True,
            connect_s=service.connect_timeout_s or guard.timeout_s,
            headers_s=0.0,
        )


def _singly(asked: Asked) -> list[Asked]:
    context = asked.context or ("",) * len(asked.texts)
    rows = zip(asked.texts, asked.roles, context, strict=True)
    return [Asked(texts=(text,), roles=(role,), context=(before,), side=asked.side) for text, role, before in rows]


def _joined(findings: Sequence[Finding], asked: Asked) -> Finding:
    """Return what was found in the texts one by one, as one finding."""
    texts = []
    for finding, text in zip(findings, asked.texts, strict=True):
        if isinstance(finding, Flagged | Apart):
            return finding
        texts.append(finding.texts[0] if isinstance(finding, Masked) else text)
    return Masked(tuple(texts))


def _verdict(guard: RemoteJudge, finding: Finding) -> Verdict:
    match finding:
        case Fine():
            return Pass()
        case Masked():
            return Changed(finding.texts)
        case Flagged():
            rejection = guard.rejection
            if finding.body is not None:
                status = rejection.status if finding.status is None else finding.status
                rejection = msgspec.structs.replace(rejection, status=status, message=finding.body)
            return Rejected(rejection, finding.reason)
        case Apart():
            raise JudgeFailed(f"{guard.name} found something, and did not say where")
