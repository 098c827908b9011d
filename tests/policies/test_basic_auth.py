"""policies.basic_auth: hashes as `htpasswd` and `openssl` write them, right and wrong passwords."""

import base64
import hashlib
import itertools

import bcrypt
import pytest

from sluice.policies import basic_auth
from sluice.policies.basic_auth import MAX_CHARS, credentials, is_right, read, read_line

BCRYPT = "alice:" + bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
SHA = "carol:{SHA}" + base64.b64encode(hashlib.sha1(b"carol's").digest()).decode()
APR1 = {
    "builder": "$apr1$Kd.qWZyN$h2nbJUrQpVc/jGLU8ZSIM/",
    "": "$apr1$Kd.qWZyN$yUjp/kq9.9yQ3XbEK7Pln1",
    "x": "$apr1$Kd.qWZyN$yvZtC09g9oKp0cbyY5HlU1",
    "0123456789abcdef0123456789abcdef": "$apr1$Kd.qWZyN$29GKNORtwPCYbBQ/k7HZc1",
    "p": "$apr1$a$ynJhQ3NY093p7lWegQT8O1",
    "päss": "$apr1$abcdefgh$1gfeCu.b8nGkbEBOmanEu0",
}
"""Made with `openssl passwd -apr1`."""


@pytest.mark.parametrize("password", APR1)
def test_apaches_own_hash_is_computed_as_others_compute_it(password: str) -> None:
    users = (read_line(f"bob:{APR1[password]}"),)
    assert is_right(users, "bob", password)
    assert not is_right(users, "bob", f"{password}!")


def test_the_right_password_of_each_kind_of_hash_is_right() -> None:
    users = read(f"# users\n\n{BCRYPT}\r\n{SHA}\n")
    assert [user.name for user in users] == ["alice", "carol"]
    assert is_right(users, "alice", "wonderland")
    assert is_right(users, "carol", "carol's")
    for name, password in (
        ("alice", "carol's"),
        ("carol", "wonderland"),
        ("alice", ""),
        ("dave", "wonderland"),
        ("", ""),
    ):
        assert not is_right(users, name, password)
    assert not is_right((), "alice", "wonderland")


@pytest.mark.parametrize("variant", ["2a", "2b", "2y"])
def test_every_variant_of_bcrypt_is_accepted(variant: str) -> None:
    users = (read_line(BCRYPT.replace("$2b$", f"${variant}$")),)
    assert is_right(users, "alice", "wonderland")
    assert not is_right(users, "alice", "wonder")


def test_a_password_longer_than_bcrypt_looks_at_counts_as_htpasswd_counts_it() -> None:
    users = (read_line("a:" + bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()),)
    assert is_right(users, "a", "x" * 100)
    assert not is_right(users, "a", "x" * 71)
    assert not is_right(users, "a", "\0")


@pytest.mark.parametrize(
    "line",
    [
        "alice",
        ":hash",
        "alice:",
        "alice:secret-in-the-clear",
        "alice:rl.3StKT.4T8M",
        "alice:$1$abcdefgh$irWbblnpmw.5z7wgBnprh0",
        "alice:$6$salt$hash",
        "alice:$2b$03$" + "a" * 53,
        "alice:$2b$16$" + "a" * 53,
        "alice:$apr1$$" + "a" * 22,
        "alice:{SHA}short",
    ],
)
def test_a_hash_of_another_kind_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_line(line)
    assert "secret" not in str(caught.value)
    assert "aaaa" not in str(caught.value)
    with pytest.raises(ValueError, match=r"^line 3: "):
        read(f"{BCRYPT}\n#\n{line}")


def test_a_password_file_is_bounded_and_may_hold_any_bytes_in_names() -> None:
    with pytest.raises(ValueError, match="1 MiB"):
        read("\n" * (1 << 20) + "\n")
    (user,) = read(b"\xff\xfe" + BCRYPT.encode()[5:])
    assert is_right((user,), user.name, "wonderland")


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("alice:wonderland", ("alice", "wonderland")),
        ("alice:", ("alice", "")),
        (":x", ("", "x")),
        ("a:b:c", ("a", "b:c")),
        ("é:ü", ("é", "ü")),
        ("no colon", None),
        ("a:" + "x" * MAX_CHARS, None),
    ],
)
def test_user_and_password_stand_before_and_after_the_first_colon(text: str, given: tuple[str, str] | None) -> None:
    assert credentials(base64.b64encode(text.encode()).decode()) == given


@pytest.mark.parametrize("encoded", ["", "%%%", "YTpi\n", "YTpi!", "gICAOg==", "a" * 5000])
def test_what_is_no_base64_of_a_text_is_nothing(encoded: str) -> None:
    assert credentials(encoded) is None


def test_hashes_tell_nothing_of_themselves() -> None:
    user = read_line(BCRYPT)
    assert BCRYPT[6:] not in f"{user!r}{user}"


COSTLY = "eve:" + bcrypt.hashpw(b"eve's", bcrypt.gensalt(5)).decode()
BOB = f"bob:{APR1['x']}"


@pytest.mark.parametrize("lines", list(itertools.permutations([SHA, BCRYPT, COSTLY, BOB])))
def test_whoever_asks_the_same_work_is_done(lines: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Names could be told by time otherwise."""
    users = read("\n".join(lines))
    asked: list[tuple[str, str]] = []
    checked, digested = bcrypt.checkpw, basic_auth._apr1
    monkeypatch.setattr(bcrypt, "checkpw", lambda p, h: asked.append(("bcrypt", h[4:6].decode())) or checked(p, h))
    monkeypatch.setattr(basic_auth, "_apr1", lambda p, s: asked.append(("apr1", "")) or digested(p, s))
    for name in ("alice", "bob", "carol", "eve", "mallory", ""):
        assert not is_right(users, name, "wrong")
        assert sorted(asked) == [("apr1", ""), ("bcrypt", "04"), ("bcrypt", "05")]
        asked.clear()
    assert is_right(users, "alice", "wonderland")
    assert is_right(users, "carol", "carol's")
