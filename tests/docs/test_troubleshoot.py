"""docs/troubleshoot.md: whoever searches it for what Sluice logs finds it; most of it was seen to happen."""

import ast
import re

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs/troubleshoot.md").read_text(encoding="utf-8")
LOUD = ("warn", "error")


def test_every_warning_that_the_server_logs_is_found() -> None:
    said = {
        call.args[0].value
        for room in ("net", "telemetry")
        for path in sorted((ROOT / "src/sluice" / room).glob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in LOUD and call.args
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }
    assert len(said) > 12, said
    words = re.sub(r"\s+", " ", PAGE)
    assert [message for message in sorted(said) if message.partition(": ")[0] not in words] == []


def test_most_symptoms_are_provoked() -> None:
    symptoms = PAGE.split("\n### ")[1:]
    provoked = [symptom for symptom in symptoms if "\n```bash\n" in symptom]
    assert len(symptoms) > 35
    assert len(provoked) / len(symptoms) > 0.4


def test_every_symptom_has_a_cause_and_a_fix() -> None:
    symptoms = PAGE.split("\n## All of it")[0].split("\n### ")[1:]
    short = [symptom.partition("\n")[0] for symptom in symptoms if not {"**Cause**", "**Fix**"} <= set(words(symptom))]
    assert short == []


def words(text: str) -> list[str]:
    return re.findall(r"\*\*\w+\*\*", text)
