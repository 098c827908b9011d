"""Configuration files: found, read, and watched for change."""

import asyncio
import errno
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
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
from sluice.net.threads import apart
from sluice.policies.cost import Prices
from sluice.registry import Registry
from sluice.stores.prices import load_prices

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
WATCH_S = 0.25
"""How often files are looked at: a changed key works, a revoked one fails, within a second."""
LATE_S = 10.0
"""How long reading may take before it is said that it hangs."""
SILENCE_S = 60.0
"""How long a trouble must have been away for the log to be told of it again: descriptors come and go with clients."""
Stamp = tuple[str, int, int, int, int]
"""A path, and what changes with its file: when it was written, when anything of it was changed, size, inode."""
_SHORTAGE = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.ENOSPC, errno.EDQUOT}
    | {errno.EIO, errno.ESTALE}  # of a mount whose server is away
)
"""What passes by itself, whatever the system was asked for."""


class ConfigFiles:
    """The files that an operator named, folders included. Without any, the environment is the configuration."""

    def __init__(
        self,
        paths: Sequence[str],
        env: Mapping[str, str],
        registry: Registry,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths = [Path(path) for path in paths]
        self._env = env
        self._registry = registry
        self._clock = clock
        self._seen: frozenset[Stamp] | None = None
        """At the last load that could read all there is, whether it was right or wrong; None: it has to be read."""
        self._loads = 0
        """Of which only the last one counts: one that hung may end at any time."""
        self._silent_until: dict[str, float] = {}
        """Of each reason why something could not be read."""
        self._refused = ""
        """Why a plan that was loaded could not be taken the last time."""
        self.said_before = False
        """The last load failed, or was refused, and so was one shortly before it, for the same reason: the log has it
        already."""

    def load(self) -> Plan:
        """Read and compile all of it. What cannot be read counts as changed until it can be: neither a permission that
        is given nor a descriptor that is free again is seen in the file. What is wrong waits for a change.

        Raises:
            ConfigError: something in it is wrong, or cannot be read; nothing of it counts. See `said_before`.
        """
        self._loads = mine = self._loads + 1
        before, self._seen, self.said_before = self._seen, None, False  # until it has ended nothing was seen
        stamp = self._stamp()
        seen: frozenset[Stamp] | None = stamp
        try:
            plan = self._compiled()
        except ConfigError as error:
            if _unread(error) and mine == self._loads:
                # A folder that could not be listed is often as it was when it can be: that is nothing new.
                seen = before if self._paths and not stamp else None
                self._take_note(str(error))
            raise
        finally:
            if mine == self._loads:
                self._seen = seen
        refused = self._silent_until.get(self._refused)  # that it can be read again does not say that it can be taken
        self._silent_until = {} if refused is None else {self._refused: refused}
        return plan

    def refuse(self, error: Exception) -> None:
        """Take note that what was loaded could not be taken. Where the system had no room for it, or did not let a
        file be read, it counts as changed until it can be; what is wrong waits for a change. See `said_before`."""
        self.said_before = False
        if _passes(error):
            self._seen, self._refused = None, str(error)
            self._take_note(self._refused)

    def _take_note(self, reason: str) -> None:
        now = self._clock()
        self.said_before = now < self._silent_until.get(reason, now)
        self._silent_until[reason] = now + SILENCE_S

    def _compiled(self) -> Plan:
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
        """Whether a file was written, added or removed since `load`, or could not be read then. A stat per file;
        mounted ConfigMaps' symlinks are followed."""
        return self._seen is None or (bool(self._paths) and self._stamp() != self._seen)

    async def read(self, asked: asyncio.Event, late: Callable[[], object]) -> Plan:
        """Load, in a thread: a large configuration takes tens of milliseconds, and streams do not wait for it. A file
        that hangs does so for hours: after LATE_S `late` is called, and who asks from then on has all read anew.

        Raises:
            ConfigError: as `load`.
            OSError: there is no room for a thread.
        """
        while True:
            async with asyncio.TaskGroup() as tasks:
                reading, wanted = tasks.create_task(self._outcome()), tasks.create_task(asked.wait())
                await asyncio.wait([reading], timeout=LATE_S)
                if not reading.done():
                    late()
                    await asyncio.wait([reading, wanted], return_when=asyncio.FIRST_COMPLETED)
                reading.cancel()
                wanted.cancel()
            if not reading.cancelled():
                return reading.result()()
            asked.clear()
            self._silent_until.clear()

    async def _outcome(self) -> Callable[[], Plan]:
        """To its group no load fails: it is told of a failure where it looks."""
        loaded: Future[Plan] = Future()
        try:
            loaded.set_result(await apart(self.load))
        except Exception as error:
            loaded.set_exception(error)
        return loaded.result

    async def news(self, asked: asyncio.Event) -> None:
        """Wait until there is something to load: a file has changed, or somebody asked, who is then told of all that
        is wrong, said before or not. `asked` is taken back."""
        if not asked.is_set():
            over = threading.Event()
            try:
                async with asyncio.TaskGroup() as tasks:
                    ways = [tasks.create_task(asked.wait()), tasks.create_task(self._looked(over))]
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                    for way in ways:
                        way.cancel()
            finally:
                over.set()
        if asked.is_set():
            self._silent_until.clear()
            self._seen = None  # of what is read beside these files no change is seen: it is owed until it works
        asked.clear()

    async def _looked(self, over: threading.Event) -> bool:
        """Look until something has changed, or that is over: in a thread, since a folder may hang."""

        def look() -> bool:
            while not over.wait(WATCH_S):
                if self.changed():
                    return True
            return False

        while True:
            try:
                return await apart(look)
            except OSError:  # one that can be started will
                await asyncio.sleep(WATCH_S)

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
            try:
                if path.is_dir():
                    files += sorted(p for p in path.iterdir() if p.suffix in SUFFIXES and not p.name.startswith("."))
                else:
                    files.append(path)
            except OSError as error:
                raise _unreadable(path, error) from None
        if not files:
            raise ConfigError("no configuration file there", file=str(self._paths[0]), hint="*.yaml, *.yml, *.json")
        return files

    def _read(self, path: Path) -> Source:
        try:
            return Source(str(path), path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise ConfigError("not UTF-8 text", file=str(path)) from None
        except OSError as error:
            raise _unreadable(path, error) from None

    def _stamp(self) -> frozenset[Stamp]:
        stamps = []
        try:
            for path in self._files() if self._paths else ():
                stat = path.stat()
                stamps.append((str(path), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino))
        except (OSError, ConfigError):
            return frozenset()
        return frozenset(stamps)


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot be read: {error.strerror}", file=str(path))


def _unread(error: Exception) -> bool:
    """Whether the system's own refusal is behind an error."""
    return _behind(error) is not None


def _passes(error: Exception) -> bool:
    """The same, of what is done with files that were read: not a certificate that is wrong, not a port that is somebody
    else's."""
    refusal = _behind(error)
    if refusal is None or isinstance(refusal, ssl.SSLError):
        return False
    return refusal.filename is not None or refusal.errno in _SHORTAGE or isinstance(refusal, TimeoutError)


def _behind(error: BaseException | None) -> OSError | None:
    """The system's refusal behind an error: `from None` keeps it from readers only."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
