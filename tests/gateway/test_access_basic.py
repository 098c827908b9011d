"""gateway.access_basic: passwords that are right and wrong, and what it costs to try many."""

import asyncio
import base64
import threading
from pathlib import Path

import bcrypt
import pytest

from sluice.errors import Overloaded, Unauthenticated
from sluice.gateway import access_basic
from sluice.gateway.ending import outcome_of
from sluice.policies.access import Access
from sluice.policies.basic_auth import Basic
from sluice.policies.hidden import Hidden
from sluice.policies.principal import NOBODY
from sluice.policies.server import Source
from sluice.policies.value import Value
from tests.gateway.identity import Desk, desk_in
from tests.support.waiting import until
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


def basic(name: str, password: str) -> str:
    return f"authorization: Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def users(**passwords: str) -> Source:
    lines = (f"{name}:{bcrypt.hashpw(text.encode(), bcrypt.gensalt(4)).decode()}" for name, text in passwords.items())
    return Source(inline=Hidden("\n".join(lines).encode()))


async def why(desk: Desk, access: Access, *headers: str) -> tuple[int, str, str]:
    error = await desk.refusal(access, *headers)
    return error.status, error.reason, str(error)


async def test_the_right_password_says_who_asks_and_is_taken_off(desk: Desk) -> None:
    access = Access(basic=Basic(users=users(alice="wonderland")))
    admitted = await desk.admit(access, basic("alice", "wonderland"))
    assert (admitted.principal.kind, admitted.principal.id) == ("basic", "alice")
    assert admitted.request.header(b"authorization") is None
    assert admitted.request.credential is None
    assert Value("basicAuth.username").value(desk.scene) == "alice"


@pytest.mark.parametrize(
    "header", [basic("alice", "wrong"), basic("bob", "wonderland"), "authorization: Basic %%%", basic("", "")]
)
async def test_a_wrong_password_is_refused_with_a_challenge(desk: Desk, header: str) -> None:
    for mode in ("strict", "optional"):
        access = Access(basic=Basic(mode=mode, realm='The "realm"', users=users(alice="wonderland")))  # type: ignore[arg-type]
        error = await desk.refusal(access, header)
        assert isinstance(error, Unauthenticated)
        assert (error.status, error.reason) == (401, "BasicAuth")
        assert str(error) == "basic authentication failure: invalid credentials"
        assert error.headers == ((b"www-authenticate", b'Basic realm="The \\"realm\\"", charset="UTF-8"'),)


async def test_no_password_is_refused_where_one_is_needed(desk: Desk) -> None:
    strict = Access(basic=Basic(users=users(alice="wonderland")))
    said = (401, "BasicAuth", "basic authentication failure: no basic authentication credentials found")
    assert await why(desk, strict) == said
    assert await why(desk, strict, "authorization: Bearer x") == said
    optional = Access(basic=Basic(mode="optional", users=users(alice="wonderland")))
    assert (await desk.admit(optional)).principal is NOBODY


async def test_a_right_password_is_verified_once_in_five_minutes_and_never_on_the_loop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    where: list[int] = []
    is_right = access_basic.is_right

    def watched(*given: object) -> bool:
        where.append(threading.get_ident())
        return is_right(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(access_basic, "is_right", watched)
    access = Access(basic=Basic(users=users(alice="wonderland")))
    for _ in range(5):
        await desk.admit(access, basic("alice", "wonderland"))
    assert len(where) == 1
    await why(desk, access, basic("alice", "wrong"))
    await why(desk, access, basic("alice", "wrong"))
    assert len(where) == 3
    desk.passes(300)
    await desk.admit(access, basic("alice", "wonderland"))
    assert len(where) == 4
    assert threading.get_ident() not in where


async def test_a_flood_of_passwords_is_refused_instead_of_taking_the_machine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, at_once, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def slow(*given: object) -> bool:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        assert go.wait(5)
        with lock:
            at_once -= 1
        return False

    monkeypatch.setattr(access_basic, "is_right", slow)
    access = Access(basic=Basic(users=users(alice="wonderland")))
    flood = [asyncio.ensure_future(desk.refusal(access, basic("alice", str(n)))) for n in range(100)]
    await until(lambda: sum(task.done() for task in flood) == 100 - access_basic.MAX_WAITING)
    go.set()
    errors = await asyncio.gather(*flood)
    shed = [error for error in errors if isinstance(error, Overloaded)]
    assert len(shed) == 100 - access_basic.MAX_WAITING
    assert {(outcome_of(error).kind, error.status, error.retry_after_s) for error in shed} == {("shed", 503, 1)}
    assert most == access_basic.AT_ONCE


def password_file(folder: Path) -> tuple[Path, bytes]:
    """Alice's, and its text."""
    file, inline = folder / "users", users(alice="wonderland").inline
    assert inline is not None
    file.write_bytes(inline.value)
    return file, inline.value


@pytest.mark.parametrize("silence_s", [1, 6, 12 * 3600])
async def test_a_user_who_is_taken_out_of_the_file_is_let_in_no_more(
    desk: Desk, tmp_path: Path, silence_s: float
) -> None:
    file, text = password_file(tmp_path)
    access = Access(basic=Basic(users=Source(path=str(file))))
    assert (await desk.admit(access, basic("alice", "wonderland"))).principal.id == "alice"
    file.write_text("# nobody\n")
    desk.passes(silence_s)
    assert (await why(desk, access, basic("alice", "wonderland")))[0] == 401
    file.write_bytes(text)
    desk.passes(silence_s)
    assert (await desk.admit(access, basic("alice", "wonderland"))).principal.id == "alice"
    missing = Access(basic=Basic(users=Source(path=str(tmp_path / "none"))))
    assert (await why(desk, missing, basic("alice", "wonderland")))[:2] == (503, "BasicAuth")


async def test_a_password_is_remembered_while_its_file_says_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified = 0
    is_right = access_basic.is_right

    def counted(*given: object) -> bool:
        nonlocal verified
        verified += 1
        return is_right(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(access_basic, "is_right", counted)
    file, text = password_file(tmp_path)
    access = Access(basic=Basic(users=Source(path=str(file))))
    for _ in range(5):
        await desk.admit(access, basic("alice", "wonderland"))
        desk.passes(1)
    assert verified == 1
    file.write_bytes(text + b"\n# as before, but who knows\n")
    desk.passes(1)
    await desk.admit(access, basic("alice", "wonderland"))
    assert verified == 2
