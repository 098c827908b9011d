"""How a provider is reached: `auth` and `tls` of any object that has them.

PURE. Obeys: compat-agentgateway 2.2 and 2.4. What is wrong with the form is a fault; what is missing is Unresolved.
"""

from sluice.config.backend_policy_api import Auth, BackendTls
from sluice.config.credentials import extra_credentials, fits_placement, placement_of
from sluice.config.faults import Faults, Path
from sluice.config.frozen import Frozen
from sluice.config.plan import Tls
from sluice.config.references import Unresolved, Values, fits_header
from sluice.config.source import Document
from sluice.config.unserved import not_implemented
from sluice.providers.credential import Credential, Placement, Secret


class Access(Frozen):
    """What `auth` comes to."""

    credential: Secret | None = None
    passthrough: bool = False
    placement: Placement | None = None
    credentials: tuple[Credential, ...] = ()
    """Beside it."""


def access(auth: Auth | None, namespace: str, values: Values, document: Document, path: Path, faults: Faults) -> Access:
    """Return the credential that goes to a provider; `path` leads to `auth` in the document.

    Raises:
        Unresolved: the Secret is missing, or its value fits no header.
    """
    if auth is None:
        return Access()
    credential = None
    if auth.key is not None:
        credential = Secret(auth.key)
        if not fits_header(credential):
            text = "the key is empty or holds characters that a header cannot carry"
            faults.add(document.place(*path, "key"), text)
    elif auth.secret_ref is not None:
        credential = values.header(namespace, auth.secret_ref.name, auth.secret_ref.key)
    placement = placement_of(auth.location)
    if credential is not None and placement is not None and not fits_placement(credential, placement):
        faults.add(document.place(*path, "location", "cookie"), "the credential holds what a cookie cannot")
    return Access(
        credential=credential,
        passthrough=auth.passthrough is not None,
        placement=placement,
        credentials=extra_credentials(auth.credentials or (), namespace, values),
    )


def tls(
    spec: BackendTls | None, namespace: str, values: Values, document: Document, path: Path, faults: Faults
) -> Tls | None:
    """Return how TLS is spoken with a provider; `path` leads to `tls` in the document.

    Raises:
        Unresolved: the ConfigMap is missing, or holds no certificate.
    """
    if spec is None:
        return None
    if spec.insecure_skip_verify == "Hostname":
        faults.add(document.place(*path, "insecureSkipVerify"), not_implemented("`Hostname`"))
    pems = [values.text(namespace, ref.name, "ca.crt") for ref in spec.ca_certificate_refs]
    if any("-----BEGIN CERTIFICATE-----" not in pem for pem in pems):
        raise Unresolved("InvalidCACertificateRef", "the key `ca.crt` holds no PEM certificate")
    return Tls(server_name=spec.sni or "", ca_pem="".join(pems), verify=spec.insecure_skip_verify != "All")
