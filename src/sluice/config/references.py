"""References between objects: Secrets' and ConfigMaps' values, and who may point into another namespace.

PURE. A reference that does not resolve is no load error: the object that holds it gets a condition that says so.
Obeys: Gateway API 1.4 ReferenceGrant.
"""

import base64
import binascii
from collections.abc import Mapping

from sluice.config.core_api import ConfigMap, SecretObject
from sluice.config.expand import MissingVariable, expand_whole
from sluice.config.faults import Faults
from sluice.config.gateway_api import ReferenceGrant
from sluice.config.objects import Objects, Resource
from sluice.providers.credential import Secret


class Unresolved(Exception):
    """A reference leads nowhere. `reason` is the condition's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Grants:
    """Which references across namespaces are permitted."""

    def __init__(self, objects: Objects) -> None:
        self._grants = objects.of(ReferenceGrant)

    def check(self, origin: tuple[str, str, str], group: str, kind: str, namespace: str, name: str) -> None:
        """Pass if `origin` (group, kind, namespace) may refer to the object.

        Raises:
            Unresolved: it may not.
        """
        if origin[2] == namespace or any(self._allows(g, origin, group, kind, name) for g in self._of(namespace)):
            return
        who = f"{origin[1]}s of namespace {origin[2]}"
        message = f"{kind} {namespace}/{name} is not accessible to {who}, missing a ReferenceGrant?"
        raise Unresolved("RefNotPermitted", message)

    def _of(self, namespace: str) -> list[Resource[ReferenceGrant]]:
        return [grant for grant in self._grants if grant.namespace == namespace]

    @staticmethod
    def _allows(
        grant: Resource[ReferenceGrant], origin: tuple[str, str, str], group: str, kind: str, name: str
    ) -> bool:
        spec = grant.body.spec
        comes = any((item.group, item.kind, item.namespace) == origin for item in spec.from_)
        return comes and any((to.group, to.kind) == (group, kind) and to.name in (None, name) for to in spec.to)


class Values:
    """The values of all Secrets and ConfigMaps.

    Reads them once; a value that cannot be read is a fault without its content.
    """

    def __init__(self, objects: Objects, env: Mapping[str, str], faults: Faults) -> None:
        self._secrets = {item.label: _secret_values(item, env, faults) for item in objects.of(SecretObject)}
        self._maps = {item.label: item.body.data or {} for item in objects.of(ConfigMap)}

    def secret(self, namespace: str, name: str, key: str) -> Secret:
        """Return one value of a Secret.

        Raises:
            Unresolved: there is no such Secret, it has no such key, or the value is not text.
        """
        values = self._secrets.get(f"{namespace}/{name}")
        if values is None:
            raise Unresolved("SecretNotFound", f"Secret {namespace}/{name} not found")
        if values.get(key) is None:
            raise Unresolved("SecretNotFound", f"Secret {namespace}/{name} has no text under the key `{key}`")
        return Secret(values[key] or "")

    def entries(self, namespace: str, name: str) -> dict[str, Secret]:
        """Return all values of a Secret that are text, by their keys.

        Raises:
            Unresolved: there is no such Secret.
        """
        values = self._secrets.get(f"{namespace}/{name}")
        if values is None:
            raise Unresolved("SecretNotFound", f"Secret {namespace}/{name} not found")
        return {key: Secret(value) for key, value in values.items() if value is not None}

    def texts(self, namespace: str, name: str) -> dict[str, str]:
        """Return all values of a ConfigMap; none if there is no such ConfigMap."""
        return dict(self._maps.get(f"{namespace}/{name}", {}))

    def header(self, namespace: str, name: str, key: str) -> Secret:
        """Return one value of a Secret that fits into a header.

        Raises:
            Unresolved: as `secret`, or the value holds characters that a header cannot carry.
        """
        secret = self.secret(namespace, name, key)
        if not fits_header(secret):
            text = (
                f"the key `{key}` of Secret {namespace}/{name} is empty or holds characters that a header cannot carry"
            )
            raise Unresolved("InvalidSecret", text)
        return secret

    def text(self, namespace: str, name: str, key: str) -> str:
        """Return one value of a ConfigMap.

        Raises:
            Unresolved: there is no such ConfigMap, or it has no such key.
        """
        values = self._maps.get(f"{namespace}/{name}")
        if values is None:
            raise Unresolved("ConfigMapNotFound", f"ConfigMap {namespace}/{name} not found")
        if key not in values:
            raise Unresolved("ConfigMapNotFound", f"ConfigMap {namespace}/{name} has no key `{key}`")
        return values[key]


def fits_header(secret: Secret) -> bool:
    """Return whether a credential can be sent: not empty, printable ASCII but for white space around it (`echo`
    leaves a line end).
    """
    value = secret.reveal().strip()
    return bool(value) and value.isascii() and value.isprintable()


def _secret_values(secret: Resource[SecretObject], env: Mapping[str, str], faults: Faults) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for key, text in (secret.body.data or {}).items():
        try:
            values[key] = base64.b64decode("".join(text.split()), validate=True).decode()
        except UnicodeDecodeError:
            values[key] = None  # a binary value is fine as long as nobody asks for it
        except (binascii.Error, ValueError):
            faults.add(secret.place("data", key), "the value is not base64", "plain text goes into `stringData`")
    for key, text in (secret.body.string_data or {}).items():
        try:
            values[key] = expand_whole(text, env)[0]
        except MissingVariable as error:
            faults.add(secret.place("stringData", key), str(error))
    return values
