"""Which processes have a file of runs open: each holds a shared lock on a file beside it, as long as it lives.

Whoever gets that lock for itself alone knows that every lease in the file is of the dead: after a crash nobody has to
wait until they run out. The kernel lets go of a lock when its process dies, however it dies (flock(2)).
"""

import fcntl
import os


class Presence:
    """One process's."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-lock"
        self._file = -1

    def enter(self) -> bool:
        """Be there; return whether nobody else is. A file system that knows no such locks says nobody knows: False.

        Raises:
            OSError: there can be no such file.
        """
        self._file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        return self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB)

    def settle(self) -> None:
        """What only one may do is done: others may come."""
        self._locked(fcntl.LOCK_SH)

    def _locked(self, how: int) -> bool:
        try:
            fcntl.flock(self._file, how)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Be there no more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
