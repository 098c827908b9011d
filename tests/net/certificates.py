"""Certificates of listeners: issued here, and looked at from outside."""

import ssl

import msgspec
import trustme
from cryptography import x509

from sluice.config.plan import Listener, ListenerTls
from sluice.providers.credential import Secret
from tests.support.raw_client import RawClient


def issued(authority: trustme.CA, name: str) -> ListenerTls:
    leaf = authority.issue_cert(name)
    chain = "".join(part.bytes().decode() for part in leaf.cert_chain_pems)
    return ListenerTls(certificate_pem=chain, key_pem=Secret(leaf.private_key_pem.bytes().decode()))


def mismatched(authority: trustme.CA, name: str) -> ListenerTls:
    """A certificate with somebody else's key."""
    return msgspec.structs.replace(issued(authority, name), key_pem=issued(authority, "other.test").key_pem)


def listener(authority: trustme.CA, hostname: str, *, port: int = 0, name: str = "") -> Listener:
    """With a certificate for its hostname, or for `name`."""
    tls = issued(authority, name or hostname)
    return Listener(name=name or hostname, gateway="test/gateway", port=port, hostname=hostname, tls=tls)


async def shown(port: int, name: str | None) -> str:
    """Connect and return for whom the certificate is that a client is shown who asks for this name, or for none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with await RawClient.connect(port, tls=context, name=name or "") as client:
        return owner(client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True))


def owner(certificate: bytes) -> str:
    """The name in a certificate (DER)."""
    names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    (name,) = names.value.get_values_for_type(x509.DNSName)
    return str(name)
