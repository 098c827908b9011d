"""net/files.py: what is read beside the configuration files themselves, what cannot be read, and when all of it is
looked at again."""

import asyncio
import errno
import json
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from unittest.mock import Mock

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sluice.config.plan import Plan
from sluice.errors import ConfigError
from sluice.net.files import SILENCE_S, WATCH_S, ConfigFiles
from sluice.standard import STANDARD
from tests.net.test_descriptors import exhausted
from tests.support.command import rewrite
from tests.support.waiting import PATIENCE_S, until

VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
GOOD = "llm: {models: [{name: m, provider: openAI, params: {apiKey: sk-1}}]}"
WRONG = "llm: ["
Named = Callable[[Path], str]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """In a folder of its own."""
    path = tmp_path / "watched" / "gateway.yaml"
    path.parent.mkdir()
    path.write_text(GOOD)
    return path


@pytest.fixture(params=[str, lambda file: str(file.parent)], ids=["a file", "a folder"])
def named(request: pytest.FixtureRequest, file: Path) -> str:
    """What the operator names: the file, or its folder."""
    chosen: Named = request.param
    return chosen(file)


def key_file(folder: Path) -> Path:
    """A service account's key file, as the vendor's console writes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "k",
        "private_key": pem,
        "client_email": "a@p-1.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:1/token",
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return path


def test_a_service_accounts_file_makes_its_provider_answer(tmp_path: Path) -> None:
    env = {VARIABLE: str(key_file(tmp_path)), "GOOGLE_CLOUD_LOCATION": "us-east5"}
    plan = ConfigFiles([], env, STANDARD).load()
    targets = [entry.rule.backends[0].backend for entry in plan.listeners[0].entries if entry.rule.backends]
    assert "us-east5-aiplatform.googleapis.com" in str(targets)
    assert "PRIVATE KEY" not in str(plan)


def test_a_file_that_cannot_be_read_is_named_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=VARIABLE) as caught:
        ConfigFiles([], {VARIABLE: str(tmp_path / "nothing.json")}, STANDARD).load()
    assert "nothing.json" in str(caught.value)


def test_models_without_a_price_are_noted_with_the_prices_of_files_counted_in(tmp_path: Path) -> None:
    config, prices = tmp_path / "config.yaml", tmp_path / "prices.json"
    config.write_text(f"""
config: {{modelCatalog: [{{file: {prices}}}]}}
llm:
  policies: {{budgets: [{{name: b, amountUsd: 1, period: Day}}]}}
  models: [{{name: dark, provider: openAI, params: {{apiKey: sk-1}}}}]
""")
    said = []
    for models in ({}, {"dark": {"rates": {"input": "1"}}}):
        prices.write_text(json.dumps({"providers": {"openai": {"models": models}}}))
        notes = ConfigFiles([str(config)], {}, STANDARD).load().notes
        said.append(any("openai/dark" in note for note in notes))
    assert said == [True, False]
    prices.write_text("{")
    with pytest.raises(ConfigError, match=r"prices\.json"):
        ConfigFiles([str(config)], {}, STANDARD).load()


# -- what cannot be read -----------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_named(named: str) -> None:
    """Out of descriptors neither a file can be opened nor a folder be listed."""
    with exhausted(), pytest.raises(ConfigError) as caught:
        ConfigFiles([named], {}, STANDARD).load()
    assert str(caught.value) == f"{named}: cannot be read: Too many open files"


def test_a_name_that_the_system_refuses_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        ConfigFiles(["n" * 5000], {}, STANDARD).load()


def test_what_could_not_be_read_is_tried_again_until_it_can_be(file: Path, named: str) -> None:
    files = ConfigFiles([named], {}, STANDARD)
    files.load()
    assert not files.changed()
    rewrite(file, GOOD.replace("name: m", "name: other"))
    for _ in range(2):
        with exhausted():
            assert files.changed()
            with pytest.raises(ConfigError, match="cannot be read"):
                files.load()
    assert files.changed(), "nothing about the file says that it can be read now"
    assert [route.pattern for route in files.load().models] == ["other"]
    assert not files.changed()


def test_a_price_catalogue_that_could_not_be_read_is_tried_again(file: Path, tmp_path: Path) -> None:
    files = ConfigFiles([str(file)], {}, STANDARD)
    files.load()
    prices = tmp_path / "prices.json"
    rewrite(file, f"config: {{modelCatalog: [{{file: {prices}}}]}}\n{GOOD}")
    with pytest.raises(ConfigError, match="catalogue cannot be read"):
        files.load()
    assert files.changed()
    prices.write_text("{}")
    files.load()
    assert not files.changed()
    prices.unlink()
    with pytest.raises(ConfigError, match="catalogue cannot be read"):
        files.load()  # as somebody asks
    assert files.changed(), "the files that are watched are as before, and yet not all was read"


def test_a_folder_that_is_listed_again_and_is_as_it_was_is_not_loaded_again(file: Path) -> None:
    """Or whoever takes the last descriptors, and lets them go, could make us compile all the time."""
    files = ConfigFiles([str(file.parent)], {}, STANDARD)
    files.load()
    with exhausted():
        assert files.changed()
        with pytest.raises(ConfigError):
            files.load()
    assert not files.changed()


def test_what_is_wrong_waits_for_a_change(file: Path, named: str) -> None:
    files = ConfigFiles([named], {}, STANDARD)
    files.load()
    rewrite(file, WRONG)
    for _ in range(2):  # who wrote the same mistake again is told so again
        assert files.changed()
        with pytest.raises(ConfigError):
            files.load()
        assert not files.said_before
        assert not files.changed()
        rewrite(file, f"{WRONG} ")


def refusal(cause: Exception) -> ConfigError:
    try:
        raise ConfigError("it cannot be had") from cause
    except ConfigError as error:
        return error


@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (OSError(errno.EMFILE, "Too many open files"), True),
        (PermissionError(errno.EACCES, "Permission denied", "prices.json"), True),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (TimeoutError(), True),
        (OSError(errno.EADDRINUSE, "Address already in use"), False),
        (OSError(errno.EAGAIN, "no thread can be started"), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (ssl.SSLError(errno.EMFILE, "its number is one of OpenSSL's"), False),
        (ValueError("wrong"), False),
    ],
    ids=str,
)
def test_what_was_read_and_could_not_be_taken_is_tried_again_if_that_may_pass(
    file: Path, cause: Exception, again: bool
) -> None:
    now = 0.0
    files = ConfigFiles([str(file)], {}, STANDARD, clock=lambda: now)
    files.load()
    for known in (False, again):
        files.refuse(refusal(cause))
        assert (files.changed(), files.said_before) == (again, known)
        files.load()
        assert not files.changed()
        assert not files.said_before
    now += SILENCE_S
    files.refuse(refusal(cause))
    assert not files.said_before, "it was away for long"


def test_the_same_trouble_is_said_once_as_long_as_it_lasts(file: Path) -> None:
    now = 0.0
    files = ConfigFiles([str(file.parent)], {}, STANDARD, clock=lambda: now)
    files.load()

    def said_before() -> bool:
        with exhausted(), pytest.raises(ConfigError):
            files.load()
        return files.said_before

    assert not said_before()
    for now in (1.0, SILENCE_S, 2 * SILENCE_S - 0.1):  # noqa: B007 - the clock's
        assert said_before()
    now += SILENCE_S
    assert not said_before(), "it was away for long"
    assert said_before()
    files.load()
    assert not files.said_before
    assert not said_before(), "it was over"
    file.unlink()
    with pytest.raises(ConfigError, match="no configuration file there"):
        files.load()
    assert not files.said_before, "another trouble"


# -- news --------------------------------------------------------------------------------------------------------------


async def test_news_are_a_file_that_has_changed_and_somebody_who_asks(file: Path) -> None:
    files, asked = ConfigFiles([str(file)], {}, STANDARD), asyncio.Event()
    files.load()
    waiting = asyncio.create_task(files.news(asked))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2.5 * WATCH_S):
            await asyncio.shield(waiting)
    rewrite(file, WRONG)
    async with asyncio.timeout(5):
        await waiting
        asked.set()
        await files.news(asked)
    assert not asked.is_set()


async def test_what_somebody_asked_for_is_owed_until_it_could_be_read(file: Path) -> None:
    """Prices, and Google's account: nobody watches these, which is why somebody asks."""
    files, asked = ConfigFiles([str(file.parent)], {}, STANDARD), asyncio.Event()
    files.load()
    asked.set()
    await files.news(asked)
    with exhausted(), pytest.raises(ConfigError):
        files.load()
    assert files.changed()
    files.load()
    assert not files.changed()


async def test_without_a_file_it_is_owed_as_well(tmp_path: Path) -> None:
    account, asked = tmp_path / "account.json", asyncio.Event()
    account.write_text("{}")
    files = ConfigFiles([], {"GOOGLE_APPLICATION_CREDENTIALS": str(account), "OPENAI_API_KEY": "sk-1"}, STANDARD)
    asked.set()
    await files.news(asked)
    with exhausted(), pytest.raises(ConfigError, match="cannot be read"):
        files.load()
    assert files.changed()
    with suppress(ConfigError):  # it is no account
        files.load()
    assert not files.changed()


@asynccontextmanager
async def reading_hangs(
    files: ConfigFiles, asked: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator["asyncio.Task[Plan]"]:
    """The configuration is being read, and a file of it hangs; in the end that read fails, much too late."""
    monkeypatch.setattr("sluice.net.files.LATE_S", 0.05)
    compiled, late, hanging = files._compiled, Mock(), threading.Event()

    def hangs() -> Plan:
        monkeypatch.setattr(files, "_compiled", compiled)
        assert hanging.wait(PATIENCE_S)
        raise ConfigError("late")

    monkeypatch.setattr(files, "_compiled", hangs)
    reading = asyncio.create_task(files.read(asked, late))
    await until(lambda: late.called)
    assert not reading.done()
    yield reading
    hanging.set()
    await until(lambda: not any(thread.name == "sluice-apart" for thread in threading.enumerate()))


async def test_who_asks_while_a_file_hangs_has_all_read_anew(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mount is there again, but who reads what was there before never ends."""
    files, asked = ConfigFiles([str(file)], {}, STANDARD), asyncio.Event()
    files.load()
    async with reading_hangs(files, asked, monkeypatch) as reading:
        asked.set()
        async with asyncio.timeout(PATIENCE_S):
            assert (await reading).listeners
        assert not asked.is_set()
    assert not files.changed(), "what hung counts no more"


async def test_what_was_asked_for_while_a_file_hung_is_owed_when_its_folder_comes_back(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount hangs, is taken away, somebody asks, and it is mounted again with what it held."""
    files, asked, away = ConfigFiles([str(file)], {}, STANDARD), asyncio.Event(), file.parent.with_suffix(".away")
    files.load()
    rewrite(file, GOOD.replace("sk-1", "sk-2"))
    async with reading_hangs(files, asked, monkeypatch) as reading:
        file.parent.rename(away)  # of the file itself nothing changes by that
        asked.set()
        with pytest.raises(ConfigError, match="cannot be read"):
            await reading
        away.rename(file.parent)
        assert files.changed()
    assert files.changed()


def test_what_is_written_as_if_long_ago_is_news(file: Path) -> None:
    """As an archive is unpacked, or `cp -p` copies: in place, and no byte longer."""
    files = ConfigFiles([str(file)], {}, STANDARD)
    stat = file.stat()
    files.load()
    file.write_text(GOOD.replace("sk-1", "sk-2"))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert files.changed()


async def test_a_folder_that_hangs_holds_up_nobody(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, over = ConfigFiles([str(file)], {}, STANDARD), threading.Event()
    monkeypatch.setattr(files, "changed", over.wait)
    watching = asyncio.create_task(files.news(asyncio.Event()))
    try:
        async with asyncio.timeout(5):
            await asyncio.sleep(2 * WATCH_S)
        assert not watching.done()
    finally:
        over.set()
        async with asyncio.timeout(5):
            await watching


async def test_files_are_looked_at_as_soon_as_there_is_room_for_a_thread(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, starting = ConfigFiles([str(file)], {}, STANDARD), threading.Thread.start
    files.load()
    rewrite(file, WRONG)
    refusing = Mock(side_effect=RuntimeError("can't start new thread"))
    monkeypatch.setattr(threading.Thread, "start", refusing)
    news = asyncio.create_task(files.news(asyncio.Event()))
    await until(lambda: refusing.call_count == 2)
    assert not news.done()
    monkeypatch.setattr(threading.Thread, "start", starting)
    async with asyncio.timeout(5):
        await news


async def test_who_asks_is_told_what_was_said_before(file: Path) -> None:
    files, asked = ConfigFiles([str(file)], {}, STANDARD), asyncio.Event()
    file.unlink()
    for known in (False, True):
        with pytest.raises(ConfigError):
            files.load()
        assert files.said_before is known
    asked.set()
    await files.news(asked)
    with pytest.raises(ConfigError):
        files.load()
    assert not files.said_before
