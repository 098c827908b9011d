"""The server's own messages, in the format of the access log, so that every line on stdout is JSON when asked.

Values that are not plain are shown by their own `str`, which a Secret keeps to itself: never dump an object's fields.
"""

import logging
import math
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from sluice.telemetry.line import Fields, Format, Value, encoder, timestamp

Level = Literal["debug", "info", "warn", "error"]

LEVELS: tuple[Level, ...] = get_args(Level)
"""Rising."""

_NOTHING: Mapping[str, object] = {}


class Threshold:
    """The level from which messages are written: one value that the logs share and the admin address changes."""

    def __init__(self, level: str = "info") -> None:
        self.set(level)

    @property
    def level(self) -> Level:
        return LEVELS[self._rank]

    def set(self, level: str) -> None:
        """Change the level for all messages from now on.

        Raises:
            ValueError: it is none of LEVELS (any case; `warning` is `warn`); the old one stays.
        """
        name = level.strip().lower()
        name = "warn" if name == "warning" else name
        if name not in LEVELS:
            raise ValueError(f"log level {level!r}: one of {', '.join(LEVELS)}")
        self._rank = LEVELS.index(name)

    def allows(self, level: Level) -> bool:
        return LEVELS.index(level) >= self._rank


class ProcessLog:
    """Write messages about the server itself: start, reload, refused configuration, internal errors.

    `write` gets exactly one whole line per message; `now` is the wall clock, seconds since 1970.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        format: Format,  # noqa: A002 - the configuration's word
        threshold: Threshold | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.threshold = threshold or Threshold()
        self._write = write
        self._encode = encoder(format)
        self._now = now

    def debug(self, message: str, **fields: object) -> None:
        self.log("debug", message, fields)

    def info(self, message: str, **fields: object) -> None:
        self.log("info", message, fields)

    def warn(self, message: str, **fields: object) -> None:
        self.log("warn", message, fields)

    def error(self, message: str, *, cause: BaseException | None = None, **fields: object) -> None:
        """Write an error; `cause` adds `error` (class and sentence) and its `traceback`, without local variables."""
        self.log("error", message, fields, cause=cause)

    def log(
        self,
        level: Level,
        message: str,
        fields: Mapping[str, object] = _NOTHING,
        *,
        scope: str = "sluice",
        cause: BaseException | None = None,
    ) -> None:
        """Write one message of `scope` if the threshold allows its level. Fields that are None are left out."""
        if not self.threshold.allows(level):
            return
        line: Fields = {"level": level, "time": timestamp(self._now()), "scope": scope, "message": message}
        for key, value in fields.items():
            if value is not None:
                line.setdefault(key, _plain(value))
        if cause is not None:
            line["error"] = "".join(traceback.format_exception_only(cause)).strip()
            line["traceback"] = "".join(traceback.format_exception(cause)).rstrip()
        self._write(self._encode(line))


class LoggingBridge(logging.Handler):
    """Turn what libraries say through `logging` (asyncio, uvicorn) into lines of a ProcessLog.

    Install it as the only handler of the root logger; the logger's name becomes the scope.
    """

    def __init__(self, log: ProcessLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            cause = record.exc_info[1] if record.exc_info else None
            self._log.log(_level(record.levelno), record.getMessage(), scope=record.name, cause=cause)
        except Exception:  # the contract of logging.Handler: a bad message must not break who logged it
            self.handleError(record)


def _level(number: int) -> Level:
    if number < logging.INFO:
        return "debug"
    if number < logging.WARNING:
        return "info"
    return "warn" if number < logging.ERROR else "error"


def _plain(value: object) -> Value:
    if isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return int(value) if isinstance(value, int) else str(value)
