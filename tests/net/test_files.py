"""net/files.py: what is read beside the configuration files themselves."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sluice.errors import ConfigError
from sluice.net.files import ConfigFiles
from sluice.standard import STANDARD

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"


def key_file(folder: Path) -> Path:
    """A service account's key file, as the vendor's console writes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "k",
        "private_key": pem,
        "client_email": "a@p-1.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:1/token",
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return path


def test_a_service_accounts_file_makes_its_provider_answer(tmp_path: Path) -> None:
    env = {VARIABLE: str(key_file(tmp_path)), "GOOGLE_CLOUD_LOCATION": "us-east5"}
    plan = ConfigFiles([], env, STANDARD).load()
    targets = [entry.rule.backends[0].backend for entry in plan.listeners[0].entries if entry.rule.backends]
    assert "us-east5-aiplatform.googleapis.com" in str(targets)
    assert "PRIVATE KEY" not in str(plan)


def test_a_file_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=VARIABLE) as caught:
        ConfigFiles([], {VARIABLE: str(tmp_path / "nothing.json")}, STANDARD).load()
    assert "nothing.json" in str(caught.value)


def test_models_without_a_price_are_noted_with_the_prices_of_files_counted_in(tmp_path: Path) -> None:
    config, prices = tmp_path / "config.yaml", tmp_path / "prices.json"
    config.write_text(f"""
config: {{modelCatalog: [{{file: {prices}}}]}}
llm:
  policies: {{budgets: [{{name: b, amountUsd: 1, period: Day}}]}}
  models: [{{name: dark, provider: openAI, params: {{apiKey: sk-1}}}}]
""")
    said = []
    for models in ({}, {"dark": {"rates": {"input": "1"}}}):
        prices.write_text(json.dumps({"providers": {"openai": {"models": models}}}))
        notes = ConfigFiles([str(config)], {}, STANDARD).load().notes
        said.append(any("openai/dark" in note for note in notes))
    assert said == [True, False]
    prices.write_text("{")
    with pytest.raises(ConfigError, match=r"prices\.json"):
        ConfigFiles([str(config)], {}, STANDARD).load()
