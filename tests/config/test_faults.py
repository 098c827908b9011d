"""Every place that is wrong is told, once, in the order of the files."""

import pytest

from sluice.config.faults import MAX_FAULTS, Faults, Place, path_text
from sluice.errors import ConfigError


def test_nothing_wrong_nothing_raised() -> None:
    faults = Faults()
    faults.check()
    assert not faults


def test_one_fault_keeps_its_parts() -> None:
    faults = Faults()
    faults.add(Place("a.yaml", 3, "spec.x"), "unknown field", "did you mean `y`?")
    with pytest.raises(ConfigError) as caught:
        faults.check()
    error = caught.value
    assert (error.file, error.line, error.path, error.hint) == ("a.yaml", 3, "spec.x", "did you mean `y`?")
    assert str(error) == "a.yaml:3: spec.x: unknown field (did you mean `y`?)"


def test_several_faults_are_one_error_with_a_line_each_in_order() -> None:
    faults = Faults()
    for line in (9, 2, 9):
        faults.add(Place("a.yaml", line), "wrong")
    faults.add(Place("A.yaml"), "worse")
    with pytest.raises(ConfigError) as caught:
        faults.check()
    assert str(caught.value).split("\n") == ["A.yaml: worse", "a.yaml:2: wrong", "a.yaml:9: wrong"]


def test_a_flood_of_faults_is_cut() -> None:
    faults = Faults()
    for line in range(MAX_FAULTS + 7):
        faults.add(Place("a.yaml", line + 1), "wrong")
    with pytest.raises(ConfigError) as caught:
        faults.check()
    lines = str(caught.value).split("\n")
    assert len(lines) == MAX_FAULTS + 1
    assert lines[-1] == "and 7 more"


def test_paths_are_written_as_json_paths() -> None:
    assert path_text(("spec", "rules", 0, "matches", 12, "path")) == "spec.rules[0].matches[12].path"
    assert path_text(()) == ""
