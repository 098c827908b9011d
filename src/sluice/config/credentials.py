"""Credentials that an operator need not write down: the environment's, and what files and Secrets of clouds hold.

PURE: the environment is an argument, and nobody here opens the file that `GOOGLE_APPLICATION_CREDENTIALS` names: who
reads configuration files puts its text into the mapping as `GOOGLE_APPLICATION_CREDENTIALS_JSON`, a name that operators
may set themselves. Obeys: docs.cloud.google.com/docs/authentication/application-default-credentials and
docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html, read 2026-11-21. No message repeats a value.
"""

from collections.abc import Mapping, Sequence

import msgspec

from sluice.config.backend_policy_api import Auth, AwsAuth, GoogleSecret
from sluice.config.frozen import Frozen
from sluice.config.location_api import CredentialLocation, ExtraCredential
from sluice.config.references import Unresolved, Values, fits_header
from sluice.providers.credential import AwsKeys, CloudAuth, Credential, GoogleAccount, Placement, Secret
from sluice.providers.provider import Provider

GOOGLE_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
GOOGLE_TEXT = "GOOGLE_APPLICATION_CREDENTIALS_JSON"

_AWS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Unusable(ValueError):
    """A variable is set to something that is no credential."""

    def __init__(self, variable: str, message: str) -> None:
        super().__init__(message)
        self.variable = variable


class Found(Frozen):
    """What the environment holds for a provider."""

    source: str
    """The variable, for people."""
    credential: Secret | None = None
    cloud: CloudAuth | None = None
    variables: Mapping[str, str] = {}
    """Of the row, which the credential knows."""


class _Account(msgspec.Struct):
    """What of a key file has to be there. Source: google-auth, `service_account.Credentials`."""

    type: str
    client_email: str
    private_key: str
    token_uri: str
    project_id: str = ""


def in_environment(provider: Provider, env: Mapping[str, str]) -> Found | None:
    """Return the credential that the environment holds for a provider: its key, else what its cloud's own tools read.

    Raises:
        Unusable: a variable holds something that cannot be a credential.
    """
    variable, key = first(provider.key_env, env)
    if key:
        if not fits_header(Secret(key)):
            raise Unusable(variable, "the key holds characters that a header cannot carry")
        return Found(source=variable, credential=Secret(key))
    if provider.auth == "aws":
        keys = aws_keys(*(env.get(name, "").strip() for name in _AWS))
        return None if keys is None else Found(source=_AWS[0], cloud=keys)
    if provider.auth == "google" and env.get(GOOGLE_TEXT, "").strip():
        try:
            account, project = google_account(env[GOOGLE_TEXT])
        except ValueError as error:
            raise Unusable(GOOGLE_FILE if env.get(GOOGLE_FILE) else GOOGLE_TEXT, str(error)) from None
        known = {"project": project} if project else {}
        return Found(source=GOOGLE_FILE if env.get(GOOGLE_FILE) else GOOGLE_TEXT, cloud=account, variables=known)
    return None


def cloud_of(auth: Auth | None, namespace: str, values: Values, env: Mapping[str, str]) -> CloudAuth | None:
    """Return what `auth.aws` or `auth.gcp` come to; None if neither is set, or the environment holds nothing.

    Raises:
        Unresolved: a Secret is missing, or holds something else.
    """
    try:
        if auth is not None and auth.aws is not None:
            keys = _aws(auth.aws, namespace, values, env)
            service = auth.aws.service_name
            return msgspec.structs.replace(keys, service=service) if keys is not None and service else keys
        if auth is not None and auth.gcp is not None:
            reference = auth.gcp.secret_ref
            if reference is None:
                return google_account(env[GOOGLE_TEXT])[0] if env.get(GOOGLE_TEXT) else None
            return google_account(_key_file(reference, namespace, values))[0]
    except ValueError as error:
        raise Unresolved("InvalidSecret", str(error)) from None
    return None


def _aws(auth: AwsAuth, namespace: str, values: Values, env: Mapping[str, str]) -> AwsKeys | None:
    region = auth.region or ""
    if auth.secret_ref is None:
        return aws_keys(*(env.get(name, "").strip() for name in _AWS), region=region)
    name = auth.secret_ref.name
    key_id, secret = (values.secret(namespace, name, key).reveal().strip() for key in ("accessKey", "secretKey"))
    if not key_id or not secret:
        raise Unresolved("InvalidSecret", f"the keys of Secret {namespace}/{name} are empty")
    try:
        token = values.secret(namespace, name, "sessionToken").reveal().strip()
    except Unresolved:
        token = ""
    return aws_keys(key_id, secret, token, region=region)


def _key_file(reference: GoogleSecret, namespace: str, values: Values) -> str:
    keys = (reference.key,) if reference.key else ("credentials.json", "key.json", "Authorization")
    for key in keys[:-1]:
        try:
            return values.secret(namespace, reference.name, key).reveal()
        except Unresolved:
            continue
    return values.secret(namespace, reference.name, keys[-1]).reveal()


def placement_of(location: CredentialLocation | None) -> Placement | None:
    """Return where a provider's credential goes; None = where the provider expects it."""
    if location is None:
        return None
    if location.header is not None:
        return Placement(location.header.name.lower(), location.header.prefix or "")
    if location.query_parameter is not None:
        return Placement(location.query_parameter.name, "", "query")
    assert location.cookie is not None
    return Placement(location.cookie.name, "", "cookie")


def extra_credentials(specs: Sequence[ExtraCredential], namespace: str, values: Values) -> tuple[Credential, ...]:
    """Return the credentials that a provider gets beside its own (`auth.credentials`).

    Raises:
        Unresolved: a Secret is missing, or holds what cannot be sent.
    """
    found = []
    for spec in specs:
        secret = values.header(namespace, spec.secret_ref.name, spec.secret_ref.key)
        placement = placement_of(spec.location)
        assert placement is not None
        if not fits_placement(secret, placement):
            name = f"Secret {namespace}/{spec.secret_ref.name}"
            raise Unresolved("InvalidSecret", f"the key `{spec.secret_ref.key}` of {name} cannot stand in a cookie")
        found.append(Credential(secret=secret, placement=placement))
    return tuple(found)


def fits_placement(secret: Secret, placement: Placement) -> bool:
    """Return whether a credential that a header can carry can stand there: in a cookie without blanks, quotes, commas,
    semicolons and backslashes (RFC 6265 4.1.1)."""
    return placement.kind != "cookie" or not set(placement.bare(secret)) & set(' ",;\\')


def aws_keys(
    access_key_id: str, secret_access_key: str, session_token: str = "", *, region: str = ""
) -> AwsKeys | None:
    """Return keys that sign; None if there are none. `in_region` gives them the region of their target.

    Raises:
        Unusable: an identifier or token cannot stand in a header.
    """
    if not access_key_id or not secret_access_key:
        return None
    for variable, value in ((_AWS[0], access_key_id), (_AWS[2], session_token)):
        if value and not fits_header(Secret(value)):
            raise Unusable(variable, "the value holds characters that a header cannot carry")
    return AwsKeys(
        access_key_id=access_key_id,
        secret_access_key=Secret(secret_access_key),
        session_token=Secret(session_token) if session_token else None,
        region=region,
    )


def in_region(cloud: CloudAuth | None, region: str) -> CloudAuth | None:
    """Return a cloud's credential with the region it signs for, if it needs one and has none."""
    if isinstance(cloud, AwsKeys) and not cloud.region:
        return msgspec.structs.replace(cloud, region=region)
    return cloud


def google_account(text: str) -> tuple[GoogleAccount, str]:
    """Return a service account of its key file's text, and the project that it belongs to, if the file says it.

    Raises:
        ValueError: it is not the key file of a service account.
    """
    try:
        account = msgspec.json.decode(text, type=_Account)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ValueError(
            "expected the JSON key file of a service account: `type`, `client_email`, `private_key`, `token_uri`"
        ) from None
    if account.type != "service_account":
        raise ValueError('expected the key file of a service account, whose `type` is "service_account"')
    return GoogleAccount(info=Secret(text)), account.project_id


def first(names: tuple[str, ...], env: Mapping[str, str]) -> tuple[str, str]:
    """Return the first variable that is set, and its value without white space around it; empty if none is."""
    found = ((name, env[name].strip()) for name in names if env.get(name, "").strip())
    return next(found, ("", ""))


def wanted(provider: Provider) -> str:
    """Return the variables that would hold a provider's credential, for people; empty if it needs none."""
    cloud = {"aws": ("AWS_ACCESS_KEY_ID",), "google": (GOOGLE_FILE,), "key": ()}[provider.auth]
    return " or ".join((*provider.key_env, *cloud))
