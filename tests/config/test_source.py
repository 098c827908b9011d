"""YAML to plain values: places, bounds, and no content in messages."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.config import source as source_module
from sluice.config.faults import Faults
from sluice.config.source import MAX_DEPTH, MAX_TEXT_BYTES, Document, Expand, Source, read
from sluice.errors import ConfigError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def documents(text: str) -> list[Document]:
    faults = Faults()
    found = read(Source("f.yaml", text), faults)
    faults.check()
    return found


def value(text: str) -> object:
    (document,) = documents(text)
    return document.value


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        documents(text)
    return str(caught.value)


def test_the_types_of_json() -> None:
    text = (
        "{a: 1, b: 1.5, c: true, d: null, e: x, f: [1], g: '1', h: 0x10, i: ~, j: 2026-01-01T00:00:00Z, 5: k, on: off}"
    )
    expected = {"a": 1, "b": 1.5, "c": True, "d": None, "e": "x", "f": [1], "g": "1", "h": 16, "i": None}
    assert value(text) == {**expected, "j": "2026-01-01T00:00:00Z", "5": "k", "on": False}


@given(JSON)
def test_json_is_read_as_json(given_value: object) -> None:
    assert value(msgspec.json.encode([given_value]).decode()) == [given_value]


def test_several_documents_and_empty_ones() -> None:
    assert [document.value for document in documents("---\n---\na: 1\n---\n# nothing\n---\n- 2\n")] == [{"a": 1}, [2]]


def test_places_have_the_line_of_the_key_and_the_path() -> None:
    (document,) = documents("a:\n  b:\n    - c\n    - d:\n        e\n")
    assert (document.place("a", "b", 1, "d").line, document.place("a", "b", 1, "d").path) == (4, "a.b[1].d")
    assert document.place("a", "b", 0).line == 3
    assert document.place("a", "nope", 5).line == 1
    assert document.place("a", "b", 7).line == 2
    assert document.place().line == 1


def test_a_part_of_a_document_keeps_its_places() -> None:
    (document,) = documents("x: 1\nitems:\n- a: 1\n- b: 2\n")
    part = document.part({"b": 2}, "items", 1)
    assert (part.place("b").line, part.place("b").path) == (4, "items[1].b")
    assert part.written("b") == "2"
    assert part.written() == ""


def test_anchors_aliases_and_merges() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {z: 3}\none: *b\ntwo: {<<: *b, y: 5}\nthree: {<<: [*b, *o], w: 1}\n"
    result = value(text)
    assert isinstance(result, dict)
    assert result["one"] == {"x": 1, "y": 2}
    assert result["two"] == {"x": 1, "y": 5}
    assert result["three"] == {"x": 1, "y": 2, "z": 3, "w": 1}


def test_what_is_merged_may_have_merged_something_itself() -> None:
    text = "a: &a {x: 1, y: 1, z: 1}\nb: &b {<<: *a, y: 2, w: 2}\nc: {<<: *b, z: 3}\nd: {<<: [{<<: *b}, *a]}\n"
    result = value(text)
    assert isinstance(result, dict)
    assert result["b"] == {"x": 1, "y": 2, "z": 1, "w": 2}
    assert result["c"] == {"x": 1, "y": 2, "z": 3, "w": 2}
    assert result["d"] == {"x": 1, "y": 2, "z": 1, "w": 2}
    (document,) = read(Source("f.yaml", text), Faults())
    assert document.place("c", "x").line == 1, "where it was written"


@pytest.mark.parametrize("merged", ["1", "[{x: 1}, y]", "~", "{<<: 1}"])
def test_what_is_no_mapping_cannot_be_merged(merged: str) -> None:
    assert "`<<` takes a mapping, or a list of mappings" in refusal(f"a: {{<<: {merged}}}\n")


def test_merging_what_merges_what_merges_stops() -> None:
    lines = ["- &a0 {}", *(f"- &a{n} {{<<: *a{n - 1}}}" for n in range(1, 20_000))]
    assert "expands to more than" in refusal("\n".join(lines))


def test_a_number_to_the_base_60_is_a_text() -> None:
    assert value("[1:30, 190:20:30, 1:30.5, -1:30]") == ["1:30", "190:20:30", "1:30.5", "-1:30"]


def test_duplicate_keys_are_refused_at_the_second() -> None:
    assert refusal("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n") == "f.yaml:5: b.c: the key stands here twice"


def test_a_billion_laughs_stop() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert "expands to more than" in refusal("\n".join(lines))


def test_merging_the_same_mapping_very_often_stops() -> None:
    entries = ", ".join(f"k{i}: 1" for i in range(2000))
    assert "expands to more than" in refusal(f"a: &a {{{entries}}}\nb: {{<<: [{', '.join(['*a'] * 5000)}]}}")


def test_an_alias_inside_itself_stops() -> None:
    assert "expands to more than" in refusal("a: &a [*a]")
    assert "expands to more than" in refusal("a: &a {b: *a}")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_before_it_can_crash_the_process(opening: str) -> None:
    assert f"nested deeper than {MAX_DEPTH} levels" in refusal(opening * 100_000)


def test_depth_up_to_the_bound_is_fine() -> None:
    assert value("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_a_large_file_is_refused() -> None:
    assert f"larger than {MAX_TEXT_BYTES} bytes" in refusal("#" * (MAX_TEXT_BYTES + 1))
    assert documents("#" * MAX_TEXT_BYTES) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: canary: x", 2),
        ("a: *canary", 1),
        ("a: 'canary", 1),
        ('a: "\\qcanary"', 1),
        ("a: 1\nb: @canary", 2),
        ("a: !canary!x y", 1),
        ("a: &canary 1\nb: [1,\n c: canary", 3),
        ("a: 1\nb: canary\x01", 2),
        ("a: 1\nb: canary\ud800", 2),
        ("a: !canary 5", 1),
        ("a: !canary [1]", 1),
        ("a: 1\n[canary]: 5", 2),
        ("a: !!int canary", 1),
        ("a: !!binary canary", 1),
        ("a: 0b_", 1),
        (f"a: {'9' * 5000}", 1),
        ("a:\n\tcanary: x", 2),
    ],
)
def test_malformed_text_is_refused_with_its_line_and_without_its_content(text: str, line: int) -> None:
    message = refusal(text)
    assert message.startswith(f"f.yaml:{line}: ")
    assert "canary" not in message


@settings(max_examples=300)
@given(st.text(alphabet=list("ab01:-{}[],&*<>!|'\"#%@`\n\t \\x\ud800\x00$?~")))
def test_any_text_gives_values_or_faults_and_nothing_else(text: str) -> None:
    faults = Faults()
    found = read(Source("f.yaml", text), faults)
    assert all(document.value is not None for document in found)


def test_expansion_reads_plain_scalars_again_and_leaves_quoted_ones_text() -> None:
    faults = Faults()
    replace = {"$N": "8080", "$S": "x: [1"}
    text = "a: $N\nb: '$N'\nc: $S\nd: plain\n"
    (document,) = read(
        Source("f", text),
        faults,
        lambda _: lambda scalar: (replace.get(scalar, scalar), {"V": replace.get(scalar, "")}),
    )
    assert document.value == {"a": 8080, "b": "8080", "c": "x: [1", "d": "plain"}
    assert [document.other(key) for key in "abcd"] == ["8080", 8080, None, None]
    assert document.part(None, "a").other() == "8080"


def test_each_object_has_the_variables_of_its_kind_also_in_a_list() -> None:
    def of_kind(kind: str | None) -> Expand | None:
        return None if kind == "Secret" else lambda scalar: (f"{kind} {scalar}", {"V": scalar})

    text = (
        "{kind: List, items: [{kind: Secret, a: $X}, {kind: A, to: [{kind: Secret, b: $X}]}]}\n"
        "---\n{apiVersion: v1, c: $X}\n---\n{d: $X}\n---\n{e: $X, kind: Secret}\n"
    )
    listed, *others = [document.value for document in read(Source("f", text), Faults(), of_kind)]
    assert listed == {
        "kind": "List",
        "items": [{"kind": "Secret", "a": "$X"}, {"kind": "A", "to": [{"kind": "Secret", "b": "A $X"}]}],
    }
    assert others == [{"apiVersion": "v1", "c": " $X"}, {"d": "None $X"}, {"e": "$X", "kind": "Secret"}]


def test_expansion_that_fails_is_a_fault_at_its_place() -> None:
    def fail(text: str) -> tuple[str, dict[str, str]]:
        raise LookupError("the variable X is not set")

    faults = Faults()
    assert read(Source("f", "a: 1\nb: {c: $X}"), faults, lambda _: fail) == []
    with pytest.raises(ConfigError, match=r"f:2: b\.c: the variable X is not set"):
        faults.check()


def test_no_fault_shows_what_was_inserted() -> None:
    faults = Faults()
    expand: Expand = lambda scalar: (scalar.replace("$K", "sk-Live.Secret"), {"K": "sk-Live.Secret"})  # noqa: E731
    (document,) = read(Source("f", "a: x $K\nb: {c: d}"), faults, lambda _: expand)
    faults.add(document.place("a"), "there is no `Secret`", "or `Live`")
    faults.add(document.place("b"), "the header `sk-live.secret` stands in it twice", "sk-Live.Secret")
    faults.add(document.place("b", "c"), "no secret of `sk-live`")
    with pytest.raises(ConfigError) as caught:
        faults.check()
    assert str(caught.value).split("\n") == [
        "f:1: a: what `x $K` comes to cannot be used here",
        "f:2: b: the header `$K` stands in it twice ($K)",
        "f:2: b.c: no secret of `sk-live`",
    ]


def test_the_bounds_are_what_the_documentation_says() -> None:
    assert (source_module.MAX_NODES, MAX_DEPTH, MAX_TEXT_BYTES) == (100_000, 64, 4 << 20)
