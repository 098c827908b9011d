"""chat/seal.py: proofs of reasoning come back byte for byte, through any member that clients send back."""

import base64
import json
import re
import time
import zlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.chat.seal import (
    MARK,
    MAX_HELD_BYTES,
    MAX_HELD_PARTS,
    MAX_UNPACKED_BYTES,
    Reasoning,
    Seal,
    escaped,
    hold_too_much,
    join_id,
    pack,
    split_id,
    unpack,
    unwrap,
    wrap,
)
from tests.support.measuring import slowness, undisturbed

texts = st.text(st.characters(codec="utf-8"), max_size=40)
long_texts = st.builds(lambda text, times: text * times, texts, st.integers(1, 5000))
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


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(Reasoning, long_texts, seals), min_size=1, max_size=4), st.integers(1, 200))
def test_what_was_packed_is_unpacked_however_well_it_packs_and_however_many_parts_it_is(
    parts: list[Reasoning], times: int
) -> None:
    many = tuple(parts) * max(1, min(times, 3_000_000 // sum(len(repr(part)) * 6 for part in parts)))
    token = pack(many)
    same = unpack(token) == many, split_id(join_id("t", many)) == ("t", many)
    assert all(same)  # not compared here: pytest would explain a difference of megabytes for hours
    assert not escaped(token.encode())


@pytest.mark.parametrize("text", ["0" * 1_000_000, "so I think " * 300_000, "\u4e2d" * 1_000_000])
def test_a_long_text_comes_back_however_well_it_packs(text: str) -> None:
    said = (Reasoning(text, PROOF.seal),)
    same = unpack(pack(said)) == said
    assert same
    assert unpack(pack([PROOF] * 1000)) == (PROOF,) * 1000


def test_a_token_may_be_as_long_as_the_bound_and_no_longer() -> None:
    around = len('[["","dialect.x","reasoning","proof==",""]]')
    longest = (Reasoning("0" * (MAX_UNPACKED_BYTES - around), PROOF.seal),)
    same = unpack(pack(longest)) == longest
    assert same
    assert unpack(pack([Reasoning(f"{longest[0].text}0", PROOF.seal)])) is None


@pytest.mark.parametrize("odd", [" ", "\n", "!", "\u00e9", "\x00", "=A", "==="])
def test_a_token_with_other_letters_in_it_is_nobodys(odd: str) -> None:
    token = pack([PROOF])
    assert unpack(token[:-1] + odd + token[-1]) is None
    assert unpack(f"{token}{odd}") is None


# -- the tokens of one request ----------------------------------------------------------------------------------------


def texts_with(tokens: list[str]) -> bytes:
    return b'["' + '","x__'.join(tokens).encode() + b'"]'


@pytest.mark.parametrize("each", [1, 100, MAX_HELD_PARTS])
def test_the_parts_of_all_tokens_are_counted(each: int) -> None:
    tokens = [pack([PROOF] * each)] * (MAX_HELD_PARTS // each)
    assert not hold_too_much(texts_with(tokens))
    assert hold_too_much(texts_with([*tokens, pack([PROOF])]))


@pytest.mark.parametrize("text", ["0", "[{,", '"', "\u4e2d", "\\", "],["])
def test_the_bytes_of_all_tokens_are_counted(text: str) -> None:
    size = len(json.dumps(text, ensure_ascii=False).encode()) - 2
    token = pack([Reasoning(text * (MAX_HELD_BYTES // 5 // size), PROOF.seal)])
    assert not hold_too_much(texts_with([token] * 4))
    assert hold_too_much(texts_with([token] * 5))


def test_what_does_not_pack_is_counted_too() -> None:
    noise = base64.b64encode(Random(7).randbytes(MAX_HELD_BYTES // 5)).decode()
    token = pack([Reasoning(noise, PROOF.seal)])
    assert not hold_too_much(texts_with([token] * 3))
    assert hold_too_much(texts_with([token] * 4))


def test_no_token_hides_behind_what_looks_like_another() -> None:
    """An id is split at the first joint, wherever a token seems to begin."""
    big = pack([PROOF] * 100)
    for before in (MARK, f"{MARK}AAAA", pack([PROOF])):
        ids = [f"{before}__{big}"] * (MAX_HELD_PARTS // 50)
        assert split_id(ids[0])[1] == (PROOF,) * 100
        assert hold_too_much(texts_with(ids))


def test_a_token_that_cannot_be_unpacked_counts_for_what_it_costs_to_see_it() -> None:
    good = zlib.compress(b" " * MAX_UNPACKED_BYTES)
    for packed in (good[:-1] + b"x", good[:-9], good + good, zlib.compress(b" " * (MAX_UNPACKED_BYTES + 1))):
        token = base64.urlsafe_b64encode(b"sluice/1." + packed).decode().rstrip("=")
        assert unpack(token) is None
        assert hold_too_much(texts_with([token] * 3))
    assert not hold_too_much(texts_with([f"{MARK}AAAA", f"{MARK}A", MARK, f"{MARK}==="]))


@pytest.mark.timed
def test_to_look_for_tokens_takes_no_longer_than_the_body_is_long() -> None:
    for body in (MARK.encode() * 1_000_000, f'"{MARK}"'.encode() * 1_000_000, MARK.encode() + b"A" * (31 << 20)):
        with undisturbed():
            began = time.thread_time()
            assert hold_too_much(body)
            assert time.thread_time() - began < 0.25 * slowness()


def test_a_letter_that_is_written_as_an_escape_is_seen() -> None:
    token = pack([PROOF])
    for at in range(len(token)):
        assert escaped(f'"x__{token[:at]}\\u{ord(token[at]):04x}{token[at + 1 :]}"'.encode())
        assert escaped(f'"x__{token[:at]}\\u{ord(token[at]):04X}{token[at + 1 :]}"'.encode())
    assert escaped(f'"{token}\\/AA"'.encode())
    for other in (token, f'"{token}\\n"', f'{{\\"id\\":\\"{token}\\"}}', "caf\\u00e9 \\u003cb\\u003e \\/ \\u0027"):
        assert not escaped(other.encode())
