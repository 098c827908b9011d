"""credentials: what the environment and Secrets hold for clouds; no message repeats a value."""

import pytest

from sluice.config.credentials import Unusable, google_account, in_environment, in_region, wanted
from sluice.providers.anthropic import ANTHROPIC
from sluice.providers.bedrock import BEDROCK
from sluice.providers.credential import AwsKeys, GoogleAccount, Secret
from sluice.providers.gemini import GEMINI
from sluice.providers.presets import OLLAMA
from sluice.providers.vertexai import VERTEXAI

from .vendors import KEY_FILE

AWS = {"AWS_ACCESS_KEY_ID": " AKIA1\n", "AWS_SECRET_ACCESS_KEY": "canary-secret"}


def test_a_key_is_found_under_the_first_of_its_names() -> None:
    found = in_environment(GEMINI, {"GEMINI_API_KEY": " ", "GOOGLE_API_KEY": "k\n"})
    assert found is not None
    assert (found.source, found.credential, found.cloud) == ("GOOGLE_API_KEY", Secret("k"), None)
    assert in_environment(GEMINI, {}) is None
    assert in_environment(OLLAMA, {}) is None


def test_keys_of_aws() -> None:
    found = in_environment(BEDROCK, AWS)
    assert found is not None
    keys = AwsKeys(access_key_id="AKIA1", secret_access_key=Secret("canary-secret"), region="")
    assert (found.credential, found.cloud) == (None, keys)
    signed = in_region(found.cloud, "eu-west-1")
    assert isinstance(signed, AwsKeys)
    assert (signed.region, signed.service) == ("eu-west-1", "bedrock")
    assert in_region(signed, "other") == signed
    with_token = in_environment(BEDROCK, {**AWS, "AWS_SESSION_TOKEN": "t"})
    assert with_token is not None
    assert isinstance(with_token.cloud, AwsKeys)
    assert with_token.cloud.session_token == Secret("t")


def test_a_bearer_key_of_bedrock_wins() -> None:
    found = in_environment(BEDROCK, {**AWS, "AWS_BEARER_TOKEN_BEDROCK": "b"})
    assert found is not None
    assert (found.credential, found.cloud) == (Secret("b"), None)


@pytest.mark.parametrize("left_out", sorted(AWS))
def test_half_of_the_keys_is_none(left_out: str) -> None:
    assert in_environment(BEDROCK, {name: value for name, value in AWS.items() if name != left_out}) is None
    assert in_environment(ANTHROPIC, AWS) is None


def test_a_service_account() -> None:
    env = {"GOOGLE_APPLICATION_CREDENTIALS": "/key.json", "GOOGLE_APPLICATION_CREDENTIALS_JSON": KEY_FILE}
    found = in_environment(VERTEXAI, env)
    assert found is not None
    assert found.source == "GOOGLE_APPLICATION_CREDENTIALS"
    assert (found.cloud, found.variables) == (GoogleAccount(info=Secret(KEY_FILE)), {"project": "from-file"})
    assert in_environment(VERTEXAI, {"GOOGLE_APPLICATION_CREDENTIALS": "/key.json"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "canary",
        "[]",
        '{"type": "canary"}',
        '{"canary": ' + "[" * 100_000,
        KEY_FILE.replace("service_account", "authorized_user"),
        KEY_FILE.replace("token_uri", "canary"),
        '{"type": "\ud800"}',
    ],
)
def test_what_is_no_key_file_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="key file of a service account") as caught:
        google_account(text)
    assert "canary" not in str(caught.value)
    with pytest.raises(Unusable) as unusable:
        in_environment(VERTEXAI, {"GOOGLE_APPLICATION_CREDENTIALS_JSON": text})
    assert unusable.value.variable == "GOOGLE_APPLICATION_CREDENTIALS_JSON"


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ({"AWS_BEARER_TOKEN_BEDROCK": "canary\nx"}, "AWS_BEARER_TOKEN_BEDROCK"),
        ({**AWS, "AWS_ACCESS_KEY_ID": "canary\x00"}, "AWS_ACCESS_KEY_ID"),
        ({**AWS, "AWS_SESSION_TOKEN": "canary\nx"}, "AWS_SESSION_TOKEN"),
    ],
)
def test_what_fits_no_header_is_refused(env: dict[str, str], variable: str) -> None:
    with pytest.raises(Unusable) as caught:
        in_environment(BEDROCK, env)
    assert caught.value.variable == variable
    assert "canary" not in str(caught.value)


def test_what_is_wanted_is_said_by_name() -> None:
    assert wanted(BEDROCK) == "AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID"
    assert wanted(VERTEXAI) == "GOOGLE_APPLICATION_CREDENTIALS"
    assert wanted(OLLAMA) == ""
