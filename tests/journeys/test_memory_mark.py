"""The real command weighs itself: above `maxMemory` nobody new comes in, and the side doors answer all the same.

What the gateway makes of the weight: tests/gateway/test_admission.py.
"""

from pathlib import Path

import msgspec

from tests.support.command import Sluice
from tests.support.http_answer import Answer
from tests.support.raw_client import CHAT, request
from tests.support.waiting import until

MARK = "20Mi"
"""Less than any Python that serves holds."""
CONFIGURATION = f"""
llm:
  models: [{{name: "*", provider: fake}}]
  policies:
    admission: {{maxMemory: {MARK}}}
"""
SAID = "memory is above its mark: new requests are refused"


async def asked(sluice: Sluice) -> Answer:
    async with await sluice.client() as client:
        return await client.ask(request(CHAT, path="/v1/chat/completions"))


async def test_a_process_above_its_mark_refuses_requests_and_stays_ready(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(CONFIGURATION)
    async with Sluice("-f", str(file)) as sluice:
        await until(lambda: SAID in sluice.messages())
        answer = await asked(sluice)
        assert (answer.status, answer.header("retry-after")) == (503, "1")
        assert msgspec.json.decode(answer.body)["error"]["code"] == "overloaded"
        assert (await sluice.ask("readiness", "/healthz/ready")).status == 200
        assert await sluice.metric("exchange_outcomes_total", 'outcome="shed"') == 1
