"""Schemas of shaping: both ways to write headers, and the bounds of lists."""

import msgspec
import pytest

from sluice.config.shaping_api import CorsSettings, HeaderModifier, PromptCachingSettings, TransformationSettings


def test_headers_are_a_list_or_a_mapping() -> None:
    as_list = msgspec.convert({"set": [{"name": "X-A", "value": "1"}]}, HeaderModifier)
    as_mapping = msgspec.convert({"set": {"X-A": "1"}}, HeaderModifier)
    assert [(item.name, item.value) for item in as_list.set] == list(as_mapping.set.items())  # type: ignore[union-attr]


@pytest.mark.parametrize("member", ["set", "add"])
def test_a_modifier_has_sixteen_headers_of_a_kind(member: str) -> None:
    many = {f"x-{number}": "1" for number in range(17)}
    for entries in (many, [{"name": name, "value": "1"} for name in many]):
        with pytest.raises(msgspec.ValidationError, match="<= 16"):
            msgspec.convert({member: entries}, HeaderModifier)


@pytest.mark.parametrize(("text", "seconds"), [(7, 7), ("24h", 86400), ("1500ms", 1)])
def test_a_preflight_is_remembered_for_whole_seconds(text: object, seconds: int) -> None:
    assert msgspec.convert({"maxAge": text}, CorsSettings).max_age_s == seconds


@pytest.mark.parametrize("name", ["a b", "a:b", "", "ä", "a\r\nb"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"remove": [name]}, HeaderModifier)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"request": {"set": {name: "1"}}}, TransformationSettings)


def test_cache_marks_are_where_the_documentation_says() -> None:
    assert msgspec.to_builtins(PromptCachingSettings()) == {
        "cacheSystem": True,
        "cacheMessages": True,
        "cacheTools": False,
        "minTokens": 1024,
        "cacheMessageOffset": 0,
    }
