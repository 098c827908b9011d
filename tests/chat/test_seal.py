"""chat/seal.py: proofs of reasoning come back byte for byte, through any member that clients send back."""

import base64
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.chat.seal import (
    MARK,
    MAX_UNPACKED_BYTES,
    MAX_UNPACKED_PARTS,
    Reasoning,
    Seal,
    join_id,
    pack,
    split_id,
    unpack,
    unwrap,
    wrap,
)

texts = st.text(st.characters(codec="utf-8"), max_size=40)
seals = st.builds(Seal, texts, st.sampled_from(["reasoning", "redacted", "call", "text"]), texts, texts)
sealed = st.lists(st.builds(Reasoning, texts, seals), min_size=1, max_size=3).map(tuple)
PROOF = Reasoning("hm", Seal("dialect.x", "reasoning", "proof=="))


@given(sealed)
def test_a_token_gives_back_what_was_packed_and_is_base64_to_every_reader(parts: tuple[Reasoning, ...]) -> None:
    token = pack(parts)
    assert unpack(token) == parts
    assert token.startswith(MARK)
    assert re.fullmatch("[A-Za-z0-9_-]+", token)
    assert base64.b64encode(base64.urlsafe_b64decode(token)).decode().rstrip("=") == token.translate({45: "+", 95: "/"})


@given(sealed, st.text("ab_-", max_size=9))
def test_an_id_carries_reasoning_and_gives_both_back(parts: tuple[Reasoning, ...], call_id: str) -> None:
    assert split_id(join_id(call_id, parts)) == (call_id, parts)


def test_a_token_in_the_standard_alphabet_is_read_too() -> None:
    parts = tuple(Reasoning(chr(n) * n, Seal("o", "reasoning", "~?>" * n)) for n in range(1, 60))
    standard = pack(parts).replace("-", "+").replace("_", "/")
    assert {"+", "/"} <= set(standard)
    assert unpack(standard) == parts


def test_reasoning_without_a_proof_is_not_carried() -> None:
    assert join_id("t", [Reasoning("hm")]) == "t"
    assert split_id(join_id("t", [Reasoning("a"), PROOF, Reasoning("b")])) == ("t", (PROOF,))


@given(st.text())
def test_any_text_is_an_id_and_a_proof(text: str) -> None:
    split_id(text)
    unpack(MARK + text)
    assert unwrap(text, "dialect.x").data is not None


@pytest.mark.parametrize("call_id", ["t", "", f"t__{MARK}", f"t__{MARK}AAAA", f"t__{MARK}\u00e9", f"x{MARK}"])
def test_what_is_no_token_stays_a_part_of_the_id(call_id: str) -> None:
    assert split_id(call_id) == (call_id, ())


def test_a_token_that_grows_beyond_all_bounds_is_nobodys() -> None:
    bomb = b"sluice/1." + zlib.compress(b" " * (MAX_UNPACKED_BYTES + 1))
    assert unpack(base64.urlsafe_b64encode(bomb + b" " * (-len(bomb) % 3)).decode()) is None


def test_a_proof_stays_as_it_is_at_home_and_is_wrapped_abroad() -> None:
    own, foreign = Seal("dialect.x", "reasoning", "a"), Seal("dialect.y", "redacted", "b", "item")
    assert wrap(own, "dialect.x") == "a"
    assert unwrap("a", "dialect.x") == own
    assert wrap(foreign, "dialect.x").startswith(MARK)
    assert unwrap(wrap(foreign, "dialect.x"), "dialect.x") == foreign
    assert unwrap("c", "dialect.x", "call") == Seal("dialect.x", "call", "c")


def test_a_token_holds_no_more_than_was_thought_in_one_answer() -> None:
    assert unpack(pack([PROOF] * MAX_UNPACKED_PARTS)) == (PROOF,) * MAX_UNPACKED_PARTS
    assert unpack(pack([PROOF] * (MAX_UNPACKED_PARTS + 1))) is None


def test_a_long_text_comes_back_and_a_small_token_does_not_swell() -> None:
    for text in ("so I think " * 1000, "".join(f"step {number}: {number * 7}\n" for number in range(20_000))):
        said = (Reasoning(text, PROOF.seal),)
        assert unpack(pack(said)) == said
    assert unpack(pack([Reasoning("0" * 1_000_000, PROOF.seal)])) is None
