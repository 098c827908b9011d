"""One registry of modules by namespaced id: `dialect.openai_chat`, `provider.openai`.

A registry is a value. Nothing registers itself by being imported: the list of built-ins is `sluice.standard`.
This module imports nothing of Sluice and is importable everywhere.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Module(Protocol):
    """Anything with an id whose first part names its kind."""

    @property
    def module_id(self) -> str: ...


T = TypeVar("T")


class Registry:
    """An immutable mapping from id to module.

    Raises:
        ValueError: two modules claim one id.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self._modules: dict[str, Module] = {}
        for module in modules:
            if module.module_id in self._modules:
                raise ValueError(f"two modules claim the id {module.module_id!r}")
            self._modules[module.module_id] = module

    def get(self, module_id: str, kind: type[T]) -> T:
        """Return the module of this id.

        Raises:
            KeyError: no such id, or what stands there is not a `kind`; the message lists the ids of that namespace.
        """
        module = self._modules.get(module_id)
        if not isinstance(module, kind):
            namespace = module_id.partition(".")[0]
            raise KeyError(f"no {kind.__name__} has the id {module_id!r}; there are: {', '.join(self.ids(namespace))}")
        return module

    def ids(self, namespace: str) -> Iterator[str]:
        """The ids below a namespace, sorted."""
        return iter(sorted(i for i in self._modules if i.startswith(f"{namespace}.")))
