"""Keys in Secrets, ConfigMaps and AuthConfigs: what they are called, what is known of them, and what is no key."""

import hashlib

import pytest

from sluice.policies.api_key import ApiKey, ApiKeys, digest_of
from sluice.policies.hidden import Hidden
from sluice.policies.location import Location
from tests.config.access_texts import api_secret, manifest, refused

REF = "apiKeyAuthentication: {secretRef: {name: k}}"
SELECTED = "apiKeyAuthentication: {secretSelector: {matchLabels: {app: llm}}}"
HASHED = "apiKeyAuthentication: {configMapSelector: {matchLabels: {app: llm}}}"
ENTERPRISE = "entExtAuth: {authConfigRef: {name: team-auth}}"
DIGEST = hashlib.sha256(b"sk-hashed").hexdigest()


def key(name: str, text: str, **members: object) -> ApiKey:
    return ApiKey(id=name, digest=Hidden(digest_of(text)), **members)  # type: ignore[arg-type]


def policy(text: str, *objects: str, namespace: str = "default") -> ApiKeys:
    found = manifest(text, objects="".join(objects), namespace=namespace).access.api_keys
    assert found is not None
    return found


def config_map(name: str, entries: str, labels: str = "{app: llm}") -> str:
    meta = f"{{name: {name}, labels: {labels}}}"
    return f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {meta}\ndata: {entries}\n"


def test_each_entry_of_a_secret_is_a_key_plain_or_in_json() -> None:
    entries = f"""
  client1: '{{"key": "k-123", "metadata": {{"group": "sales"}}, "allowedModels": ["gpt-4o", "claude-*"]}}'
  client2: "k-456\\n"
  client3: 'Bearer k-789'
  client4: '{{"keyHash": "sha256:{DIGEST}"}}'
"""
    assert policy(REF, api_secret("k", entries)).keys == (
        key("client1", "k-123", metadata={"group": "sales"}, allowed_models=("gpt-4o", "claude-*")),
        key("client2", "k-456"),
        key("client3", "k-789"),
        key("client4", "sk-hashed"),
    )


def test_secrets_are_found_by_their_labels_in_the_policys_own_namespace() -> None:
    objects = (
        api_secret("alice", "{api-key: sk-alice}", labels="{app: llm, tier: free}"),
        api_secret("team", "{one: sk-1, two: sk-2}", labels="{app: llm}"),
        api_secret("other", "{api-key: sk-other}", labels="{app: web}"),
        api_secret("far", "{api-key: sk-far}", labels="{app: llm}", namespace="far"),
    )
    assert policy(SELECTED, *objects).keys == (
        key("alice", "sk-alice"),
        key("team/one", "sk-1"),
        key("team/two", "sk-2"),
    )
    assert policy(SELECTED, *objects, namespace="far").keys == (key("far", "sk-far"),)


def test_of_two_that_are_the_same_key_the_first_counts() -> None:
    objects = [api_secret(name, "{k: same}", labels="{app: llm}") for name in ("b", "a")]
    assert policy(SELECTED, *objects).keys == (key("b", "same"),)


def test_config_maps_hold_digests_alone() -> None:
    entries = f"""{{alice: '{{"keyHash": "sha256:{DIGEST}", "metadata": {{"team": "a"}}}}'}}"""
    assert policy(HASHED, config_map("m", entries)).keys == (key("m/alice", "sk-hashed", metadata={"team": "a"}),)
    for wrong in ("plain", '{"key": "sk-c4n4ry"}', "{}"):
        (line,) = refused(HASHED, objects=config_map("m", f"{{alice: '{wrong}'}}"))
        assert line.startswith("objects.yaml:5: data.alice: ")
        assert "c4n4ry" not in line


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ('{"key": "c4n4ry", "keyHash": "sha256:00"}', "expected exactly one of `key`, `keyHash`"),
        ('{"metadata": {}}', "expected exactly one of `key`, `keyHash`"),
        ('{"keyHash": "c4n4ry"}', "a `keyHash` is `sha256:` and 64 hexadecimal digits"),
        ('{"key": "c4n4ry", "meta": {}}', "the entry is no key"),
        ('{"key": "c4n4ry"', "the entry is no key"),
        ('{"key": "c4n4ry\\u0007"}', "the entry is no key"),
        ("c4n4ry é", "the entry is no key"),
        ('{"key": "c4n4ry", "allowedModels": ["gpt-*-mini*"]}', "`gpt-*-mini*` fits no model: expected a name"),
        ('{"key": "c4n4ry", "allowedModels": [""]}', "`` fits no model"),
        ("", "the entry is no key"),
    ],
)
def test_an_entry_that_is_no_key_is_refused_at_its_place_and_not_repeated(entry: str, complaint: str) -> None:
    (line,) = refused(REF, objects=api_secret("k", f"{{client: '{entry}'}}"))
    assert line.startswith("objects.yaml:6: stringData.client: ")
    assert complaint in line
    assert "c4n4ry" not in line


AUTH_CONFIG = """---
apiVersion: extauth.solo.io/v1
kind: AuthConfig
metadata: {name: team-auth}
spec:
  configs:
  - apiKeyAuth:
      headerName: vanity-auth
      k8sSecretApikeyStorage: {apiKeySecretRefs: [{name: team1, namespace: default}], labelSelector: {team: x}}
      headersFromMetadataEntry: {X-Org: {name: org}, x-none: {name: none}}
"""


def test_an_auth_config_names_a_header_secrets_and_what_is_said_of_their_owners() -> None:
    objects = (
        AUTH_CONFIG,
        api_secret("team1", "{api-key: team1-key, org: developers}", kind="extauth.solo.io/apikey"),
        api_secret("team2", "{api-key: team2-key}", labels="{team: x}"),
    )
    assert policy(ENTERPRISE, *objects) == ApiKeys(
        keys=(
            key("team1", "team1-key", metadata={"org": "developers"}, headers=(("x-org", "developers"),)),
            key("team2", "team2-key"),
        ),
        locations=(Location(name="vanity-auth"),),
    )


def test_an_auth_config_that_is_not_understood_is_refused() -> None:
    for spec, complaint in (
        ("configs: [{oauth2: {}}]", "`oauth2` is not implemented"),
        ("configs: [{apiKeyAuth: {}}, {apiKeyAuth: {}}]", "spec.configs"),
        ("configs: [{apiKeyAuth: {header: x}}]", "unknown field"),
    ):
        text = f"---\napiVersion: extauth.solo.io/v1\nkind: AuthConfig\nmetadata: {{name: a}}\nspec: {{{spec}}}\n"
        (line, *_) = refused("{}", objects=text)
        assert complaint in line


def test_an_auth_config_whose_secret_has_no_key_lets_nobody_in() -> None:
    read = manifest(ENTERPRISE, objects=AUTH_CONFIG + api_secret("team1", "{org: developers}"))
    assert read.notes == ["Nobody is let in by an API key: Secret default/team1 has no text under the key `api-key`."]
    assert read.access.api_keys is not None
    assert read.access.api_keys.keys == ()
