"""Configuration files: found, read, and watched for change."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from sluice.config.access_gaps import unproven
from sluice.config.compile import load
from sluice.config.credentials import GOOGLE_FILE, GOOGLE_TEXT
from sluice.config.environment import from_environment
from sluice.config.money_gaps import counts_money, gaps, unused
from sluice.config.money_policy import provider_names
from sluice.config.plan import Plan
from sluice.config.source import Source
from sluice.errors import ConfigError
from sluice.policies.cost import Prices
from sluice.registry import Registry
from sluice.stores.prices import load_prices

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


class ConfigFiles:
    """The files that an operator named, folders included. Without any, the environment is the configuration."""

    def __init__(self, paths: Sequence[str], env: Mapping[str, str], registry: Registry) -> None:
        self._paths = [Path(path) for path in paths]
        self._env = env
        self._registry = registry
        self._seen: frozenset[tuple[str, int, int, int]] = frozenset()

    def load(self) -> Plan:
        """Read and compile all of it.

        Raises:
            ConfigError: something in it is wrong; nothing of it counts.
        """
        self._seen = self._stamp()
        env = self._with_google_account()
        if not self._paths:
            return from_environment(env, self._registry)
        plan = load([self._read(path) for path in self._files()], env, self._registry)
        notes = (*plan.notes, *unproven(plan))
        if plan.prices or counts_money(plan):
            catalog = load_prices(plan.prices, self._registry)
            notes += (*gaps(plan, Prices(catalog)), *unused(plan, catalog, provider_names(self._registry).values()))
        return msgspec.structs.replace(plan, notes=notes)

    def changed(self) -> bool:
        """Whether a file was written, added or removed since `load`. A stat per file; mounted ConfigMaps' symlinks
        are followed."""
        return bool(self._paths) and self._stamp() != self._seen

    def _with_google_account(self) -> Mapping[str, str]:
        """The environment and, beside the name of a service account's file, its text: configuration opens no files."""
        name = self._env.get(GOOGLE_FILE)
        if not name or self._env.get(GOOGLE_TEXT):
            return self._env
        try:
            return {**self._env, GOOGLE_TEXT: self._read(Path(name)).text}
        except ConfigError as error:
            hint = "unset it if no provider of Google's is used"
            raise ConfigError(error.message, file=name, path=GOOGLE_FILE, hint=hint) from None

    def _files(self) -> list[Path]:
        files: list[Path] = []
        for path in self._paths:
            if path.is_dir():
                files += sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))
            else:
                files.append(path)
        if not files:
            raise ConfigError("no configuration file there", file=str(self._paths[0]), hint="*.yaml, *.yml, *.json")
        return files

    def _read(self, path: Path) -> Source:
        try:
            return Source(str(path), path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise ConfigError("not UTF-8 text", file=str(path)) from None
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", file=str(path)) from None

    def _stamp(self) -> frozenset[tuple[str, int, int, int]]:
        stamps = []
        try:
            for path in self._files() if self._paths else ():
                stat = path.stat()
                stamps.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except (OSError, ConfigError):
            return frozenset()
        return frozenset(stamps)
