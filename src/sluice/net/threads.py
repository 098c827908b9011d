"""Work that may hang, such as reading a file of a mount whose server is gone: each in a thread of its own.

The event loop's own threads are few, all wait behind those that hang, and at its end a process waits for each of them.
For one of these it does not. Whoever calls bounds how many there are.
"""

import asyncio
import errno
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def apart(work: Callable[[], T]) -> T:
    """Return what the work returns, or raise what it raises. Cancelled, it leaves the thread to itself.

    Raises:
        OSError: there is no room for another thread.
    """
    done: Future[T] = Future()
    try:
        threading.Thread(target=_run, args=(work, done), name="sluice-apart", daemon=True).start()
    except RuntimeError:
        raise OSError(errno.EAGAIN, "no thread can be started") from None
    return await asyncio.wrap_future(done)


def _run(work: Callable[[], T], done: Future[T]) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_exception(error)
