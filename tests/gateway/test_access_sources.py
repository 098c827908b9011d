"""gateway.access_sources: one fetch for many waiters, never too often; the last good text only while it may serve."""

import asyncio

import pytest

from sluice.errors import Unreachable
from sluice.gateway import access_sources
from sluice.gateway.access_sources import FILE_S, FIRST_S, HANGS_S, MAX_STALE_S, RENEW_S, SILENCE, WAIT_S, Kept
from sluice.policies.hidden import Hidden
from sluice.policies.server import Server, Source
from tests.support.waiting import until

REMOTE = Source(server=Server(host="idp.test", port=443, secure=True), cache_s=300.0)
FILE = Source(path="/etc/keys.json")
waited_for = pytest.mark.parametrize(
    ("source", "age_s"),
    [(FILE, FILE_S), (FILE, 12 * 3600.0), (REMOTE, SILENCE * REMOTE.cache_s), (REMOTE, 12 * 3600.0)],
)
"""What is so old that nobody gets it while it can be read anew."""


class Idp:
    """A `Texts` that answers when told to, and the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.text: bytes | Exception = b"one"
        self.fetches = 0
        self.open = asyncio.Event()
        self.open.set()
        self.said: list[str] = []

    async def fetch(self, source: Source) -> bytes:
        self.fetches += 1
        await self.open.wait()
        if isinstance(self.text, Exception):
            raise self.text
        return self.text

    def keep(self, source: Source = REMOTE) -> Kept[str]:
        return Kept(source, read, self, lambda: self.now, failed=self.said.append)


def read(text: bytes) -> str:
    if text == b"bad":
        raise ValueError("expected something else")
    return text.decode()


@pytest.fixture
def idp() -> Idp:
    return Idp()


async def test_many_who_need_a_text_share_one_fetch(idp: Idp) -> None:
    kept = idp.keep()
    idp.open.clear()
    waiting = [asyncio.ensure_future(kept.current()) for _ in range(50)]
    await until(lambda: idp.fetches == 1)
    idp.open.set()
    assert await asyncio.gather(*waiting) == ["one"] * 50
    assert idp.fetches == 1


async def test_who_leaves_while_it_is_fetched_takes_it_from_nobody(idp: Idp) -> None:
    kept = idp.keep()
    idp.open.clear()
    first, second = (asyncio.ensure_future(kept.current()) for _ in range(2))
    await until(lambda: idp.fetches == 1)
    first.cancel()
    await asyncio.wait([first])
    idp.open.set()
    assert await second == "one"
    assert idp.fetches == 1


@pytest.mark.parametrize("age_s", [REMOTE.cache_s, SILENCE * REMOTE.cache_s - 0.001])
async def test_an_old_text_is_renewed_while_it_still_serves(idp: Idp, age_s: float) -> None:
    kept = idp.keep()
    assert await kept.current() == "one"
    idp.text, idp.now = b"two", REMOTE.cache_s - 0.001
    assert await kept.current() == "one"
    assert idp.fetches == 1
    idp.now = age_s
    assert await kept.current() == "one"  # nobody waits for it
    await until(lambda: idp.fetches == 2)
    assert await kept.current() == "two"


async def test_what_lacks_something_is_looked_at_again_but_not_at_once(idp: Idp) -> None:
    kept = idp.keep()
    assert await kept.current() == "one"
    idp.text = b"two"
    assert await kept.renewed() == "one"  # it was read just now
    assert idp.fetches == 1
    idp.now = RENEW_S
    assert await asyncio.gather(*(kept.renewed() for _ in range(20))) == ["two"] * 20
    assert idp.fetches == 2
    idp.now += RENEW_S - 0.001
    assert await kept.renewed() == "two"
    assert idp.fetches == 2


@pytest.mark.parametrize("trouble", [Unreachable("nobody is there"), b"bad"])
async def test_a_text_that_cannot_be_read_anew_stays_and_is_said(idp: Idp, trouble: bytes | Exception) -> None:
    kept = idp.keep()
    assert await kept.current() == "one"
    idp.text, idp.now = trouble, REMOTE.cache_s
    assert await kept.current() == "one"
    await until(lambda: len(idp.said) == 1)
    assert await kept.current() == "one"
    assert idp.fetches == 2
    idp.now += RENEW_S
    idp.text = b"two"
    await kept.current()
    await until(lambda: idp.fetches == 3)
    assert await kept.current() == "two"


async def test_a_text_that_is_a_day_old_serves_no_more(idp: Idp) -> None:
    kept = idp.keep()
    assert await kept.current() == "one"
    idp.text, idp.now = Unreachable("nobody is there"), MAX_STALE_S
    with pytest.raises(LookupError, match="nobody is there"):
        await kept.current()
    idp.text, idp.now = b"two", MAX_STALE_S + FIRST_S
    assert await kept.current() == "two"


async def test_while_there_is_none_everybody_hears_why_and_it_is_tried_once_a_second(idp: Idp) -> None:
    kept = idp.keep()
    idp.text = Unreachable("nobody is there")
    for _ in range(5):
        with pytest.raises(LookupError, match="nobody is there"):
            await kept.current()
    assert idp.fetches == 1
    idp.text, idp.now = b"one", FIRST_S
    assert await kept.current() == "one"


async def test_a_file_is_read_anew_within_a_second(idp: Idp) -> None:
    kept = idp.keep(FILE)
    assert await kept.current() == "one"
    idp.text, idp.now = b"two", 0.999
    assert await kept.current() == "one"
    assert idp.fetches == 1
    idp.now = 1.0
    assert await kept.current() == "two"


@waited_for
async def test_nobody_who_comes_gets_what_is_old_and_all_share_one_fetch(
    idp: Idp, source: Source, age_s: float
) -> None:
    kept = idp.keep(source)
    assert await kept.current() == "one"
    idp.text, idp.now = b"two", age_s
    idp.open.clear()
    waiting = [asyncio.ensure_future(kept.current()) for _ in range(20)]
    await until(lambda: idp.fetches == 2)
    waiting += [asyncio.ensure_future(kept.current()) for _ in range(20)]  # while it is under way
    await asyncio.wait(waiting, timeout=0.01)
    assert not any(task.done() for task in waiting)
    idp.open.set()
    assert await asyncio.gather(*waiting) == ["two"] * 40
    assert idp.fetches == 2


@waited_for
async def test_who_leaves_while_it_is_read_anew_takes_it_from_nobody(idp: Idp, source: Source, age_s: float) -> None:
    kept = idp.keep(source)
    assert await kept.current() == "one"
    idp.text, idp.now = b"two", age_s
    idp.open.clear()
    first, second = (asyncio.ensure_future(kept.current()) for _ in range(2))
    await until(lambda: idp.fetches == 2)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    idp.open.set()
    assert await second == "two"
    assert idp.fetches == 2


@waited_for
@pytest.mark.parametrize("trouble", [Unreachable("nobody is there"), b"bad"])
async def test_what_cannot_be_read_anew_is_tried_once_for_all_who_wait_and_stays(
    idp: Idp, source: Source, age_s: float, trouble: bytes | Exception
) -> None:
    kept = idp.keep(source)
    assert await kept.current() == "one"
    idp.text, idp.now = trouble, age_s
    assert await asyncio.gather(*(kept.current() for _ in range(20))) == ["one"] * 20
    assert await kept.current() == "one"
    assert (idp.fetches, len(idp.said)) == (2, 1)
    idp.text = b"two"
    idp.now += SILENCE * REMOTE.cache_s
    assert await kept.current() == "two"


async def test_a_server_that_is_down_is_waited_for_once_after_a_silence_and_then_in_the_background(idp: Idp) -> None:
    kept = idp.keep()
    assert await kept.current() == "one"
    idp.text, idp.now = Unreachable("nobody is there"), SILENCE * REMOTE.cache_s
    assert await kept.current() == "one"
    assert idp.fetches == 2
    idp.open.clear()
    for fetches in (3, 4):
        idp.now += RENEW_S
        async with asyncio.timeout(WAIT_S / 2):
            assert await kept.current() == "one"
            await until(lambda: idp.fetches == fetches)  # noqa: B023 - it is awaited here
            assert await kept.current() == "one"
        idp.open.set()
        await until(lambda: len(idp.said) == fetches - 1)  # noqa: B023
        idp.open.clear()


async def test_a_file_that_is_there_again_is_read_although_a_look_at_it_hangs_for_ever(
    idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_sources, "WAIT_S", 0.05)
    kept = idp.keep(FILE)
    assert await kept.current() == "one"
    idp.now = FILE_S
    idp.open.clear()
    assert await kept.current() == "one"
    for fetches, pause_s in ((3, HANGS_S), (4, 2 * HANGS_S)):
        idp.now += pause_s - 1
        assert await kept.current() == "one"
        assert idp.fetches == fetches - 1
        idp.now += 1
        assert await kept.current() == "one"
        await until(lambda: idp.fetches == fetches)  # noqa: B023 - it is awaited here
    hanging, idp.open, idp.text = idp.open, asyncio.Event(), b"two"
    idp.open.set()
    idp.now += 4 * HANGS_S
    await kept.current()
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert await kept.current() == "two"
    idp.text = b"one"
    hanging.set()  # who comes back has nothing to say any more
    await asyncio.sleep(0.01)
    assert await kept.current() == "two"


async def test_a_file_that_hangs_is_waited_for_once_and_what_was_read_last_serves(
    idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_sources, "WAIT_S", 0.05)
    kept = idp.keep(FILE)
    assert await kept.current() == "one"
    idp.now = FILE_S
    idp.open.clear()
    assert await asyncio.gather(*(kept.current() for _ in range(20))) == ["one"] * 20
    await until(lambda: idp.said == ["what was read of /etc/keys.json: it takes longer than 0.05 s"])
    monkeypatch.setattr(access_sources, "WAIT_S", WAIT_S)
    idp.now += WAIT_S
    async with asyncio.timeout(WAIT_S / 2):
        assert await kept.current() == await kept.renewed() == "one"
    assert idp.fetches == 2  # no more than one thread hangs
    monkeypatch.setattr(access_sources, "WAIT_S", 0.05)
    idp.now = MAX_STALE_S
    with pytest.raises(LookupError, match="it takes longer"):
        await kept.current()
    assert idp.fetches == 3  # one more looks, much later
    idp.text = b"two"
    idp.open.set()
    await until(lambda: len(asyncio.all_tasks()) == 1)
    assert await kept.current() == "two"


async def test_a_file_that_hangs_from_the_first_is_said_to(idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_sources, "WAIT_S", 0.05)
    kept = idp.keep(FILE)
    idp.open.clear()
    async with asyncio.timeout(WAIT_S / 2):
        with pytest.raises(LookupError):
            await kept.current()
    await until(lambda: len(idp.said) == 1)
    with pytest.raises(LookupError, match="it takes longer"):
        await kept.current()
    kept.close()


async def test_what_changes_while_it_is_read_is_as_old_as_the_begin_of_that(idp: Idp) -> None:
    kept = idp.keep(FILE)
    idp.open.clear()
    first = asyncio.ensure_future(kept.current())
    await until(lambda: idp.fetches == 1)
    idp.now = FILE_S
    idp.open.set()
    assert await first == "one"
    idp.text = b"two"
    assert await kept.current() == "two"


async def test_what_says_the_same_stays_the_same_object(idp: Idp) -> None:
    kept = idp.keep(FILE)
    first = await kept.current()
    for age_s in (FILE_S, 2 * FILE_S):
        idp.now = age_s
        assert await kept.current() is first
    assert idp.fetches == 3
    for text, said in ((b"two", "two"), (b"bad", "two"), (b"one", "one")):
        idp.text, idp.now = text, idp.now + FILE_S
        assert await kept.current() == said


async def test_a_text_in_the_configuration_is_never_fetched(idp: Idp) -> None:
    kept = idp.keep(Source(inline=Hidden(b"inline")))
    idp.now = MAX_STALE_S * 2
    assert await kept.current() == await kept.renewed() == "inline"
    missing = idp.keep(Source(missing="Service default/idp not found"))
    for ask in (missing.current, missing.renewed):
        with pytest.raises(LookupError, match="Service default/idp not found"):
            await ask()
    assert idp.fetches == 0


async def test_closing_gives_up_what_is_being_fetched(idp: Idp) -> None:
    kept = idp.keep()
    idp.open.clear()
    waiting = asyncio.ensure_future(kept.current())
    await until(lambda: idp.fetches == 1)
    kept.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: len(asyncio.all_tasks()) == 1)
