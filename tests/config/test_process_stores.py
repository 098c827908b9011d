"""Where the ledger and the shared store are: the environment over the file, whatever its form; never a password."""

import pytest

from sluice.config.environment import from_environment
from sluice.config.ledger_url import PostgresUrl, SqliteUrl
from sluice.config.plan import Plan
from sluice.config.store_url import RedisUrl
from sluice.errors import ConfigError

from .layered import GATEWAY, traffic
from .loading import BACKEND, REGISTRY, gateway, plan, refusal, route

MANIFESTS = BACKEND + gateway("{name: http, port: 8080, protocol: HTTP}") + route()
SHORT = "config: {database: {url: 'sqlite:///file.db'}, sharedStore: {url: 'redis://file'}}\nllm: {models: [%s]}\n"
MODEL = "{name: m, provider: fake}"
BUDGET = "budgets: [{name: b, tokens: 1, period: Day}]"


def loaded(form: str, **env: str) -> Plan:
    if form == "environment":
        return from_environment(env, REGISTRY)
    return plan(MANIFESTS if form == "manifests" else SHORT % MODEL, env=env)


@pytest.mark.parametrize("form", ["environment", "manifests", "short"])
def test_the_environment_says_where_they_are(form: str) -> None:
    found = loaded(form, SLUICE_DATABASE="sqlite:///env.db", SLUICE_STORE="rediss://env:7000/1")
    assert found.ledger == SqliteUrl(path="/env.db")
    assert found.store == RedisUrl(host="env", port=7000, database=1, encrypted=True)


def test_the_short_form_says_it_where_the_environment_does_not() -> None:
    found = loaded("short")
    assert (found.ledger, found.store) == (SqliteUrl(path="/file.db"), RedisUrl(host="file"))
    assert (loaded("manifests").ledger, loaded("manifests").store) == (None, None)


def test_a_ledger_that_is_a_redis_is_the_shared_store_too_unless_there_is_another() -> None:
    assert loaded("manifests", SLUICE_DATABASE="redis://one").store == RedisUrl(host="one")
    found = loaded("manifests", SLUICE_DATABASE="redis://one", SLUICE_STORE="redis://two")
    assert found.store == RedisUrl(host="two")
    found = loaded("manifests", SLUICE_DATABASE="postgresql://u@h/d")
    assert isinstance(found.ledger, PostgresUrl)
    assert found.store is None


@pytest.mark.parametrize("name", ["SLUICE_DATABASE", "SLUICE_STORE"])
@pytest.mark.parametrize("form", ["environment", "manifests", "short"])
def test_what_is_no_address_is_refused_and_not_told(form: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^environment: {name}: expected") as caught:
        loaded(form, **{name: "mysql://u:p4ss@host/x"})
    assert "p4ss" not in str(caught.value)


def test_a_store_in_the_file_that_is_no_redis_is_refused() -> None:
    (line,) = refusal((SHORT % MODEL).replace("redis://file", "postgresql://u:p4ss@h/d"))
    assert line.startswith("a.yaml:1: config.sharedStore.url: expected an address such as `redis://")
    assert "p4ss" not in line


def test_budgets_without_a_ledger_are_told() -> None:
    note = "There are budgets, and the ledger is a file of this user; SLUICE_DATABASE names another one."
    text = MANIFESTS + traffic(GATEWAY, BUDGET)
    assert note in plan(text).notes
    assert note not in plan(text, env={"SLUICE_DATABASE": "sqlite:///a.db"}).notes
    assert note not in plan(MANIFESTS).notes
