"""One address, one store."""

from pathlib import Path

import pytest

from sluice.errors import ConfigError
from sluice.stores.runs import runs_of
from sluice.stores.runs_memory import MemoryRuns
from sluice.stores.runs_redis import RedisRuns
from sluice.stores.runs_sql import SqlRuns
from tests.stores.runs.filing import Wall, opened


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory:", MemoryRuns),
        ("sqlite:///sluice.db", SqlRuns),
        ("postgresql://u:p@h/d", SqlRuns),
        ("postgres://u:p@h:5/d", SqlRuns),
    ],
)
def test_an_address_names_its_store(url: str, kind: type, wall: Wall) -> None:
    assert type(runs_of(url, wall)) is kind


async def test_redis_is_one_too(wall: Wall) -> None:
    assert type(runs_of("redis://h:1/2", wall)) is RedisRuns
    assert type(runs_of("rediss://u:p@h", wall)) is RedisRuns


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:///sluice.db", "sluice.db"),
        ("sqlite:sluice.db", "sluice.db"),
        ("sqlite:folder/sluice.db", "folder/sluice.db"),
        ("sqlite://{here}/folder/whole.db", "folder/whole.db"),
        ("sqlite:///{here}/folder/whole.db", "folder/whole.db"),
    ],
)
async def test_a_bare_name_is_in_the_working_folder_and_a_path_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wall: Wall, url: str, place: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    async with opened(runs_of(url.format(here=tmp_path), wall)):
        assert (tmp_path / place).exists()


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite:///", "mysql://u:pa55@h/d", "redis://u:pa55@", "postgresql://u:pa55@h", "a.db"]
)
def test_what_is_no_address_is_refused_and_not_repeated(url: str, wall: Wall) -> None:
    with pytest.raises(ConfigError) as found:
        runs_of(url, wall)
    assert "pa55" not in str(found.value)
    assert "sqlite:///sluice.db" in str(found.value)
