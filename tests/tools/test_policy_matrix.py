"""tools/policy_matrix.py: the table of docs/reference/policy-matrix.md has every policy and every kind of request."""

import re

from sluice.config.matrix import POLICIES, cell, rows
from tools.policy_matrix import matrix_table


def test_every_policy_has_its_row_and_every_kind_of_request_its_column() -> None:
    head, _, *lines = matrix_table().partition("\n\n")[0].split("\n")
    kinds = list(dict.fromkeys(row for row, _ in rows()))
    assert [word.strip(" `") for word in head.strip("|").split("|")] == ["policy", *kinds]
    assert [line.split("|")[1].strip(" `") for line in lines] == list(POLICIES)
    assert all(len(line.strip("|").split("|")) == 1 + len(kinds) for line in lines)


def test_every_reason_is_told_once_and_every_number_leads_to_one() -> None:
    table, _, notes = matrix_table().partition("\n\nReasons:\n\n")
    reasons = re.findall(r"^(\d+)\. (.+)$", notes, re.MULTILINE)
    wanted = {cell(row, streams=streams, policy=policy).why for row, streams in rows() for policy in POLICIES} - {""}
    assert [int(number) for number, _ in reasons] == list(range(1, len(wanted) + 1))
    assert {why for _, why in reasons} == wanted
    assert set(re.findall(r"\((\d+)\)", table)) == {number for number, _ in reasons}


def test_where_streaming_makes_a_difference_both_are_told() -> None:
    (line,) = [line for line in matrix_table().split("\n") if "cutStream" in line]
    assert line.split("|")[2].strip().endswith("; stream: runs")
