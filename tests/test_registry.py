"""registry.py and standard.py: one list of modules, and what stands in it."""

import pytest

from sluice.dialects.dialect import Dialect
from sluice.dialects.openai_chat import OPENAI_CHAT
from sluice.providers.provider import Provider
from sluice.registry import Registry
from sluice.standard import STANDARD

A = Provider(key="a", telemetry_name="a", serves=())


def test_a_module_is_found_by_id_and_kind() -> None:
    registry = Registry([A, OPENAI_CHAT])
    assert registry.get("provider.a", Provider) is A
    assert registry.get("dialect.openai_chat", Dialect) is OPENAI_CHAT  # type: ignore[type-abstract]


@pytest.mark.parametrize("module_id", ["provider.b", "provider", "", "dialect.openai_chat"])
def test_no_such_module_and_the_wrong_kind_are_refused_with_what_there_is(module_id: str) -> None:
    with pytest.raises(KeyError) as caught:
        Registry([A, OPENAI_CHAT]).get(module_id, Provider)
    assert repr(module_id) in str(caught.value)
    assert ("provider.a" in str(caught.value)) is module_id.startswith("provider")


def test_two_modules_cannot_claim_one_id() -> None:
    with pytest.raises(ValueError, match=r"provider\.a"):
        Registry([A, Provider(key="a", telemetry_name="other", serves=())])


def test_ids_are_sorted_and_of_one_namespace() -> None:
    rows = [Provider(key=key, telemetry_name=key, serves=()) for key in "cab"]
    assert list(Registry([*rows, OPENAI_CHAT]).ids("provider")) == ["provider.a", "provider.b", "provider.c"]
    assert list(Registry(rows).ids("prov")) == []


def test_every_provider_of_the_list_speaks_a_dialect_of_the_list() -> None:
    assert list(STANDARD.ids("provider"))
    for module_id in STANDARD.ids("provider"):
        provider = STANDARD.get(module_id, Provider)
        rows = [*provider.serves, *(row for variant in provider.variants for row in variant.serves or ())]
        assert rows or provider.key == "custom", "an operator says what a custom provider speaks"
        for row in rows:
            STANDARD.get(row.dialect, Dialect)  # type: ignore[type-abstract]
