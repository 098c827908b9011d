"""The reference of configuration: every object and member of the schemas stands there, with a meaning, once."""

import re

import msgspec
import pytest

from sluice.config import objects
from sluice.config.policy_api import AgentgatewayPolicy
from sluice.config.short_form_api import ConfigSpec, LlmSpec, PoliciesSpec, ShortForm
from sluice.config.traffic_api import KeepAliveSettings, Timeouts
from tools import config_reference
from tools.config_defaults import defaults
from tools.config_schema import below, members, ways

PAGE = config_reference.short_form() + "\n\n" + config_reference.manifests()
ROOTS = [ShortForm, *(schema for _, _, schema in objects._KINDS.values())]


def section(title: str) -> str:
    return PAGE.partition(f"# {title}\n")[2].partition("\n#")[0]


def row(title: str, name: str) -> list[str]:
    (found,) = re.findall(rf"^\| `{name}` \| (.*) \|$", section(title), re.MULTILINE)
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", str(found))]


def test_every_member_has_a_meaning() -> None:
    assert config_reference.missing() == []


def test_no_word_is_left_of_a_member_that_is_no_more() -> None:
    assert config_reference.unused() == []


def test_every_object_stands_there_once_and_every_link_leads_to_one() -> None:
    titles = re.findall(r"^#{3,4} (.+)$", PAGE, re.MULTILINE)
    assert len(titles) == len(set(titles)) == len(below(*ROOTS))
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert len(anchors) == len(titles)
    linked = set(re.findall(r"\]\(#([^)]+)\)", PAGE + config_reference.manifest_kinds()))
    assert len(linked) > 100
    assert linked <= anchors


def test_every_member_stands_in_a_table_or_among_those_that_are_refused_or_not_looked_at() -> None:
    shown = set(re.findall(r"`(\w+)`", PAGE))
    there = {member.name for kind in below(*ROOTS) for member in members(kind)}
    assert there - shown <= {"apiVersion", "kind", "metadata", "status"}


def test_a_member_shows_its_type_default_bounds_and_meaning() -> None:
    assert row("WeightedTarget (short form)", "weight") == [
        *("whole number, 0 to 1,000,000", "`1`", "Share of the requests, beside those of the others.")
    ]
    assert row("LlmSpec", "models")[:2] == ["list of [ModelSpec (short form)](#modelspec-short-form)", "required"]
    assert row("ConfigSpec", "adminAddr")[:2] == ["text, 256 characters at most", "`localhost:15000`"]
    assert row("KeepAliveSettings", "interval")[:2] == ["duration", "`15s`"]
    assert row("StreamSettings", "onDisconnect")[:2] == ["`Cancel` · `Drain` · `Continue`", "`Cancel`"]


def test_what_is_refused_says_what_to_use_instead() -> None:
    refused = section("PoliciesSpec").partition("Refused: ")[2]
    assert refused.startswith("`oidc` (`jwtAuth` takes the tokens of the same issuer")
    later = {member.name for kind in below(*ROOTS) for member in members(kind) if not member.served}
    assert len(later) > 50
    assert all(f"`{name}`" in PAGE for name in later)


def test_a_default_that_is_named_is_one_of_a_member_that_is_there() -> None:
    there = {f"{kind.__name__}.{member.name}" for kind in below(*ROOTS) for member in members(kind)}
    assert set(defaults()) <= there
    assert defaults()["Timeouts.connect"] == "`5s`"


@pytest.mark.parametrize(
    ("kind", "root", "way"),
    [
        (Timeouts, ShortForm, "llm.policies.timeouts"),
        (KeepAliveSettings, ShortForm, "llm.policies.stream.keepAlive"),
        (PoliciesSpec, ShortForm, "llm.policies"),
        (Timeouts, AgentgatewayPolicy, "spec.traffic.timeouts"),
        (LlmSpec, ShortForm, "llm"),
        (ConfigSpec, ShortForm, "config"),
    ],
)
def test_an_object_stands_at_its_shortest_path(
    kind: type[msgspec.Struct], root: type[msgspec.Struct], way: str
) -> None:
    assert ways(root)[kind] == way


@pytest.mark.parametrize(
    ("title", "name", "meaning"),
    [
        ("GatewayTls", "mode", "`Terminate` ends TLS here"),
        ("ShortRegex", "mode", "`Buffer` holds the whole answer"),
        ("HostRewriteSettings", "mode", "`Auto` sends the provider's own host name"),
        ("WeightedTarget (short form)", "model", "The name of a model of the file"),
        ("PriorityTarget (short form)", "model", "The name of a model of the file"),
        ("ConditionalTarget (model)", "model", "The name that is asked for through the referenced model"),
        ("JailbreakSettings", "apiVersion", "Of the service"),
        ("ModelSpec (short form)", "responseHeaders", "Headers of the client's answer"),
        ("ProviderSpec", "defaults", "What holds for every model that refers to it"),
        ("RegexSettings", "matches", "Regular expressions"),
        ("Rules", "matchExpressions", "CEL: one has to hold with `Allow`"),
        ("Traffic", "transformation", "Headers, body and metadata"),
        ("PolicySpec", "ai", "What the gateway changes in requests"),
    ],
)
def test_members_of_one_name_that_mean_different_things_say_so(title: str, name: str, meaning: str) -> None:
    assert row(title, name)[2].startswith(meaning)


def test_no_cell_is_empty_code_or_a_value_of_python() -> None:
    assert [line for line in PAGE.split("\n") if line.startswith("|") and re.search(r"``|=None|\('|=\(\)", line)] == []
