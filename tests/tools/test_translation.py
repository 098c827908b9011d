"""tools/translation.py: the tables of docs/reference/translation.md say what the code runs on."""

from sluice.chat.carry import FEATURES
from sluice.standard import STANDARD
from tools import docs, translation


def test_every_dialect_and_every_feature_is_in_the_table() -> None:
    head, _, *rows = translation.carries_table().split("\n")
    titles = [cell.strip() for cell in head.strip("| ").split(" | ")][1:]
    assert len(titles) == len(list(STANDARD.ids("dialect")))
    assert "OpenAI chat completions" in titles
    assert [row.split(" | ")[0].strip("| ") for row in rows] == [feature.title for feature in FEATURES.values()]
    cells = [cell.strip(" |") for row in rows for cell in row.strip("|").split(" | ")[1:]]
    assert all(cell.startswith(("yes", "left out: ", "400: ")) for cell in cells)


def test_every_member_is_in_the_table_of_its_dialect_with_what_becomes_of_it() -> None:
    text = translation.fields_tables()
    for facts in translation.dialects():
        section = text.partition(f"### {facts.title}\n")[2].partition("\n### ")[0]
        assert section.count("\n| `") == len(facts.fields)
        for name in facts.fields:
            assert f"\n| `{name}` | " in section
    assert "| `store` | left out | no other provider keeps answers for its dashboard |" in text
    assert "| `n` | read | see: several choices |" in text
    assert "| `moderation` | 400 | no other provider would moderate |" in text


def test_finish_reasons_are_told_both_ways() -> None:
    (row,) = [row for row in translation.finish_table().split("\n") if row.startswith("| `length` |")]
    assert "read: `length`, `model_length`; written: `length`" in row


def test_the_blocks_are_hooked_into_the_pages() -> None:
    names = [name for name in docs.GENERATORS if name.startswith("translation-")]
    assert len(names) == 3
    assert all(docs.GENERATORS[name]().startswith(("|", "###")) for name in names)
