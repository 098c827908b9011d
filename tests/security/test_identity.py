"""Who asks: what was verified once proves nothing else, and a refusal tells nothing about who there is."""

from base64 import b64encode

import bcrypt
import pytest

from sluice.config import Source, load
from sluice.errors import ConfigError, SluiceError
from sluice.policies import basic_auth
from sluice.policies.access import Access
from sluice.policies.basic_auth import Basic
from sluice.policies.hidden import Hidden
from sluice.policies.server import Source as Text
from sluice.standard import STANDARD
from tests.gateway.identity import Desk, desk_in, tokens
from tests.support.tokens import token
from tests.support.world import World


@pytest.fixture
async def desk(world: World) -> Desk:
    return await desk_in(world)


def users(**passwords: str) -> Access:
    lines = (f"{name}:{bcrypt.hashpw(text.encode(), bcrypt.gensalt(4)).decode()}" for name, text in passwords.items())
    return Access(basic=Basic(users=Text(inline=Hidden("\n".join(lines).encode()))))


def basic(name: str, password: str) -> str:
    return f"authorization: Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


async def test_a_token_is_remembered_as_a_whole(desk: Desk) -> None:
    access, good = tokens(), token()
    for _ in range(2):
        assert (await desk.admit(access, f"authorization: Bearer {good}")).principal.id == "user-id"
    head, claims, signature = good.split(".")
    wrong = signature[:-8] + signature[-8:].swapcase()
    assert wrong != signature
    for forged in (f"{head}.{claims}.{wrong}", f"{head}.{claims}.", good[:-1], good[:20], f"{good}A"):
        assert (await desk.refusal(access, f"authorization: Bearer {forged}")).status == 401
    other = token(sub="somebody else").split(".")
    assert (await desk.refusal(access, f"authorization: Bearer {head}.{other[1]}.{signature}")).status == 401


async def test_user_and_password_are_remembered_apart(desk: Desk) -> None:
    access = users(a="bc", ab="x")
    for _ in range(2):
        assert (await desk.admit(access, basic("a", "bc"))).principal.id == "a"
    for name, password in (("ab", "c"), ("ab", "bc"), ("", "abc"), ("a", "b"), ("a", "bcd")):
        assert (await desk.refusal(access, basic(name, password))).status == 401


async def test_an_unknown_user_is_told_what_a_wrong_password_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bytes] = []
    real = basic_auth._matches

    def counted(against: bytes, password: bytes) -> bool:
        hashed.append(against)
        return real(against, password)

    monkeypatch.setattr(basic_auth, "_matches", counted)
    access = users(alice="wonderland")

    def told(error: SluiceError) -> tuple[object, ...]:
        return error.status, error.reason, error.code, str(error), error.headers

    wrong = told(await desk.refusal(access, basic("alice", "wrong")))
    unknown = told(await desk.refusal(access, basic("bob", "wonderland")))
    assert wrong == unknown
    assert len(hashed) == 2, "each costs a hash"


@pytest.mark.parametrize("key", ["' '", "Bearer", "'Bearer '", "$EMPTY", "$SPACES"])
def test_an_empty_key_is_refused(key: str) -> None:
    text = f"llm: {{models: [{{name: m, provider: fake}}], policies: {{apiKey: {{keys: [{{key: {key}}}]}}}}}}"
    with pytest.raises(ConfigError, match=r"apiKey\.keys\[0\]"):
        load([Source("a.yaml", text)], {"EMPTY": "", "SPACES": "  "}, STANDARD)


def test_a_digest_of_nothing_is_no_key_either() -> None:
    nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    text = f"llm: {{models: [{{name: m, provider: fake}}], policies: {{apiKey: {{keys: [{{keyHash: '{nothing}'}}]}}}}}}"
    with pytest.raises(ConfigError, match="the key is empty"):
        load([Source("a.yaml", text)], {}, STANDARD)
