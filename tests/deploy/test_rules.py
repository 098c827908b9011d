"""The alerts: readable, able to fire, quiet otherwise, and each with a page that says what to do."""

import re
import subprocess
from pathlib import Path
from typing import cast

import pytest
import yaml

from tests.deploy.test_dashboards import METRICS, PROCESS, TARGET_LABELS, metric_of, series_in
from tests.docs.pages import ROOT
from tests.support.prometheus_server import prometheus_binary

FOLDER = ROOT / "deploy/prometheus"
TEXT = (FOLDER / "rules/sluice.yml").read_text()
Rule = dict[str, object]
RULES = [cast(Rule, rule) for group in yaml.safe_load(TEXT)["groups"] for rule in group["rules"]]
NAMES = [str(rule["alert"]) for rule in RULES]


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([prometheus_binary("promtool"), *words], capture_output=True, text=True, check=False)


def test_prometheus_reads_the_rules() -> None:
    done = promtool("check", "rules", str(FOLDER / "rules/sluice.yml"))
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"{len(RULES)} rules found" in done.stdout


def test_each_alert_fires_and_stays_quiet() -> None:
    done = promtool("test", "rules", str(FOLDER / "tests/sluice.yml"))
    assert done.returncode == 0, done.stderr + done.stdout


def test_each_alert_has_a_test_in_which_it_fires() -> None:
    tests = yaml.safe_load((FOLDER / "tests/sluice.yml").read_text())["tests"]
    fired = [
        re.findall(r'alertname="(\w+)"', sample["labels"])[0]
        for test in tests
        for asked in test["promql_expr_test"]
        for sample in asked["exp_samples"]
    ]
    assert list(dict.fromkeys(fired)) == NAMES
    for test in tests:
        assert test["name"].split()[0] in fired
        assert sum("good" in series["series"] or "Response" in series["series"] for series in test["input_series"])


def test_the_tests_notice_alerts_that_cannot_fire(tmp_path: Path) -> None:
    """As one of the labs could not: a quantile is never above the last finite bucket, 10 s."""
    mute = ("SluiceHighErrorRate", "SluiceSlowFirstToken", "SluiceGuardFailsOpen")
    rules = TEXT
    for name in mute:
        before, found, after = rules.partition(f"alert: {name}\n")
        own, following, others = after.partition("- alert:")
        rules = before + found + re.sub(r"> [\d.]+\n", "> 1e9\n", own) + following + others
    for folder, text in (("rules", rules), ("tests", (FOLDER / "tests/sluice.yml").read_text())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "sluice.yml").write_text(text)
    done = promtool("test", "rules", str(tmp_path / "tests/sluice.yml"))
    assert done.returncode != 0
    said = done.stderr + done.stdout
    assert [name for name in NAMES if f'alertname="{name}"' in said] == sorted(mute, key=NAMES.index)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_is_about_what_there_is_and_says_what_to_do(rule: Rule) -> None:
    expression = str(rule["expr"])
    asked = {metric_of(series) for series in series_in(expression)}
    assert asked <= set(METRICS) | PROCESS
    has = TARGET_LABELS.union(*(METRICS[name].labels for name in asked if name in METRICS))
    wanted = {label for by in re.findall(r"\bby \(([^)]*)\)", expression) for label in re.split(r", *", by)}
    wanted |= set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression))
    assert wanted <= has
    said = cast(dict[str, str], rule["annotations"])
    assert set(said) == {"summary", "description", "runbook"}
    assert set(re.findall(r"\$labels\.(\w+)", said["summary"])) <= wanted | {"instance"}
    assert cast(dict[str, str], rule["labels"])["severity"] in ("critical", "warning")
    page, _, anchor = said["runbook"].partition("#")
    assert anchor == str(rule["alert"]).lower()
    assert f"\n### {rule['alert']}\n" in (ROOT / page).read_text()
