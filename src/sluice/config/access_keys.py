"""API keys of clients in Secrets, ConfigMaps and the short form, to those of the policies.

PURE. Guarantee: what comes out holds digests; a key is in no message, and no name that is made for one tells it.
Obeys: compat-agentgateway 1.7 and 2.5, labs A007 and B5.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from sluice.config.access_enterprise_api import ApiKeyAuth
from sluice.config.core_api import ConfigMap, SecretObject
from sluice.config.faults import Faults, Place
from sluice.config.objects import Objects, Resource
from sluice.config.references import Unresolved, Values, fits_header
from sluice.policies.api_key import ApiKey, check_pattern, digest_in, digest_of
from sluice.policies.hidden import Hidden
from sluice.providers.credential import Secret

ENTERPRISE_ENTRY = "api-key"
_NOTHING = digest_of("")


class Entry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A key in JSON."""

    key: str | None = None
    key_hash: str | None = None
    metadata: dict[str, object] = {}
    allowed_models: tuple[str, ...] = ()


def one_key(id_: str, entry: Entry, place: Place, faults: Faults) -> ApiKey | None:
    """Return a key; what is wrong with it is a fault at its place. `id_`: empty = one made of its digest."""
    if (entry.key is None) == (entry.key_hash is None):
        faults.add(place, "expected exactly one of `key`, `keyHash`")
        return None
    try:
        digest = digest_of(_bare(entry.key)) if entry.key is not None else digest_in(entry.key_hash or "")
        for pattern in entry.allowed_models:
            check_pattern(pattern)
    except ValueError as error:
        faults.add(place, str(error))
        return None
    if digest == _NOTHING:
        faults.add(place, "the key is empty")
        return None
    if entry.key is not None and not fits_header(Secret(entry.key)):
        faults.add(place, "the key holds characters that no header carries, so that nobody could present it")
        return None
    name = id_ or f"key-{digest.hex()[:8]}"
    return ApiKey(id=name, digest=Hidden(digest), metadata=entry.metadata, allowed_models=entry.allowed_models)


class KeyReader:
    """Reads the keys of manifests."""

    def __init__(self, objects: Objects, values: Values, faults: Faults) -> None:
        self._objects, self._values, self._faults = objects, values, faults

    def of_secret(self, namespace: str, name: str) -> list[ApiKey]:
        """Return the keys of a Secret, each called by its entry.

        Raises:
            Unresolved: there is no such Secret.
        """
        entries = self._values.entries(namespace, name)
        resource = self._objects.get(SecretObject, namespace, name)
        assert resource is not None
        return list(self._secret_keys(resource, {key: key for key in entries}))

    def of_selected(self, namespace: str, labels: Mapping[str, str]) -> list[ApiKey]:
        """Return the keys of all Secrets of a namespace with these labels: one that holds a single entry gives it its
        name, of others it is the Secret's and the entry's.

        Raises:
            Unresolved: there is none.
        """
        found = [item for item in self._objects.of(SecretObject) if _selected(item, namespace, labels)]
        if not found:
            raise Unresolved("SecretNotFound", f"no Secret of namespace {namespace} has the labels of the selector")
        keys: list[ApiKey] = []
        for resource in found:
            entries = self._values.entries(namespace, resource.name)
            single = len(entries) == 1
            keys += self._secret_keys(
                resource, {e: resource.name if single else f"{resource.name}/{e}" for e in entries}
            )
        return keys

    def of_config_maps(self, namespace: str, labels: Mapping[str, str]) -> list[ApiKey]:
        """Return the keys of all ConfigMaps of a namespace with these labels: digests only.

        Raises:
            Unresolved: there is none.
        """
        found = [item for item in self._objects.of(ConfigMap) if _selected(item, namespace, labels)]
        if not found:
            text = f"no ConfigMap of namespace {namespace} has the labels of the selector"
            raise Unresolved("ConfigMapNotFound", text)
        keys = []
        for resource in found:
            for name, text in self._values.texts(namespace, resource.name).items():
                place = resource.place("data", name)
                entry = _json(text)
                if entry is None or entry.key is not None:
                    self._faults.add(place, "a ConfigMap is no place for a key: expected JSON with `keyHash`")
                elif (key := one_key(f"{resource.name}/{name}", entry, place, self._faults)) is not None:
                    keys.append(key)
        return keys

    def of_auth_config(self, namespace: str, spec: ApiKeyAuth) -> list[ApiKey]:
        """Return the keys of an AuthConfig: each Secret holds one, and what its owner is known by.

        Raises:
            Unresolved: a Secret is missing, or has no `api-key`.
        """
        storage = spec.k8s_secret_apikey_storage or spec
        names = [(ref.namespace or namespace, ref.name) for ref in storage.api_key_secret_refs]
        if storage.label_selector:
            secrets = self._objects.of(SecretObject)
            names += [(s.namespace, s.name) for s in secrets if _selected(s, s.namespace, storage.label_selector)]
        wanted = spec.headers_from_metadata_entry or {}
        keys = []
        for where, name in dict.fromkeys(names):
            entries = {key: value.reveal() for key, value in self._values.entries(where, name).items()}
            key = self._values.header(where, name, ENTERPRISE_ENTRY).reveal()
            del entries[ENTERPRISE_ENTRY]
            headers = ((header.lower(), entries[item.name]) for header, item in wanted.items() if item.name in entries)
            keys.append(
                ApiKey(
                    id=name,
                    digest=Hidden(digest_of(_bare(key))),
                    metadata=dict(entries),
                    headers=tuple((header, text.strip()) for header, text in headers if fits_header(Secret(text))),
                )
            )
        return keys

    def _secret_keys(self, resource: Resource[SecretObject], ids: Mapping[str, str]) -> Iterator[ApiKey]:
        for name, value in self._values.entries(resource.namespace, resource.name).items():
            member = "stringData" if name in (resource.body.string_data or {}) else "data"
            place = resource.place(member, name)
            text = value.reveal()
            entry = _json(text) if text.lstrip().startswith("{") else Entry(key=text)
            if entry is None or (entry.key is not None and not fits_header(Secret(entry.key))):
                what = (
                    "the entry is no key: expected a key, or JSON with `key` or `keyHash`, `metadata`, `allowedModels`"
                )
                self._faults.add(place, what)
            elif (key := one_key(ids[name], entry, place, self._faults)) is not None:
                yield key


def distinct(keys: Iterable[ApiKey]) -> tuple[ApiKey, ...]:
    """Return keys without those that are there before; the first of two that are equal counts."""
    return tuple({key.digest: key for key in reversed(list(keys))}.values())[::-1]


def _json(text: str) -> Entry | None:
    try:
        return msgspec.json.decode(text, type=Entry)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _bare(key: str) -> str:
    """A key as clients present it: without `Bearer`, and without the line's end that `echo` leaves."""
    text = key.strip()
    return text[7:].strip() if f"{text} ".lower().startswith("bearer ") else text


def _selected(item: Resource[SecretObject] | Resource[ConfigMap], namespace: str, labels: Mapping[str, str]) -> bool:
    return item.namespace == namespace and labels.items() <= item.labels.items()
