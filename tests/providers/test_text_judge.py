"""Services that judge text: what holds for all of them."""

import pytest

from sluice.providers.judge_azure import ContentSafety
from sluice.providers.judge_bedrock import BedrockGuardrail
from sluice.providers.judge_model_armor import ModelArmor
from sluice.providers.judge_moderation import Moderation
from sluice.providers.judge_webhook import Webhook
from sluice.providers.text_judge import BadAnswer, Form, pieces
from tests.providers.judging import Side, asked

FORMS: dict[str, Form] = {
    "webhook": Webhook(),
    "moderation": Moderation(),
    "bedrock": BedrockGuardrail(identifier="g", version="1"),
    "model_armor": ModelArmor(project="p", location="l", template="t"),
    "azure": ContentSafety(jailbreak_version="2024-02-15-preview"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b"{}", b"null", b'{"action":1}', b"\xff", b"[" * 5000])
@pytest.mark.parametrize("side", ["request", "response"])
def test_an_answer_that_is_not_what_the_api_promises_is_no_verdict(form: Form, body: bytes, side: Side) -> None:
    about = asked("a", "b", side=side)
    with pytest.raises(BadAnswer) as caught:
        form.read(about, [body] * len(form.questions(about)))
    assert "\xff" not in str(caught.value)


@pytest.mark.parametrize("length", [0, 1, 9, 10, 11, 19, 20, 100])
def test_pieces_cover_a_text_and_overlap(length: int) -> None:
    text = "".join(chr(0x4E00 + index) for index in range(length))
    found = pieces([text, ""], 10)
    assert all(0 < len(piece) <= 10 for piece in found)
    assert set("".join(found)) == set(text)
    assert all(text[index : index + 2] in " ".join(found) for index in range(length - 1))
