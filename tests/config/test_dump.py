"""The dump is JSON, whole, and hides what must be hidden."""

import json

import pytest

from sluice.config.dump import HIDDEN, dump
from sluice.config.plan import AiBackend, Endpoint, Listener, ListenerTls, ModelRoute, Plan, Target, Tls
from sluice.providers.credential import Secret
from sluice.providers.openai import OPENAI

from .loading import plan, source


def test_a_dump_is_json_and_has_every_part() -> None:
    loaded = plan(source("gateway-two-listeners.yaml").text)
    shown = json.loads(json.dumps(dump(loaded)))
    assert shown == dump(loaded)
    assert set(shown) == set(Plan.__struct_fields__)
    assert [listener["name"] for listener in shown["listeners"]] == ["http", "domain"]


def test_secrets_keys_and_passwords_are_hidden() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nx"
    target = Target(
        name="a", provider=OPENAI, endpoint=Endpoint(host="h", port=1, tls=Tls(ca_pem=key)), credential=Secret("sk-1")
    )
    routes = (ModelRoute(pattern="*", backend=AiBackend(name="a", groups=((target,),))),)
    tls = ListenerTls(certificate_pem="-----BEGIN CERTIFICATE-----", key_pem=Secret(key))
    listener = Listener(name="l", gateway="a/b", port=1, tls=tls)
    loaded = Plan(listeners=(listener,), models=routes, notes=("see https://user:pass@h/x and http://tok@h, not a@b",))
    shown = json.dumps(dump(loaded))
    assert "PRIVATE" not in shown
    assert "sk-1" not in shown
    assert dump(loaded)["notes"] == [f"see https://{HIDDEN}@h/x and http://{HIDDEN}@h, not a@b"]
    assert '"credential": "***"' in shown
    assert '"key_pem": "***"' in shown


def test_a_value_of_an_unknown_type_is_not_guessed_at() -> None:
    with pytest.raises(NotImplementedError):
        dump(Plan(listeners=(), notes=(object(),)))  # type: ignore[arg-type]
