"""What the collector of circles would find of what a test made, and of nothing else: a test run's heap takes it seconds
to look through, in which no provider and no client has a turn."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def found_in_circles(*kinds: type) -> Iterator[Callable[[], list[object]]]:
    """Keep the collector away, and give what looks for circles among the objects made since: those of these types."""

    def found() -> list[object]:
        gc.collect()
        return [each for each in gc.garbage if isinstance(each, kinds)]

    gc.disable()
    gc.freeze()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()
