"""The golden corpus: however the network cuts a provider's bytes, each client is sent the same, and the record is the
same.

Every cut into two is made, byte by byte. What a relay does with a cut depends on the frames that are whole before it
and on nothing else, so two things are held: the frames are the same for every cut; and the cuts at each frame's edges
are played to every client, streaming and not, all others to one of them in turn. `make golden ARGS=--cuts` plays all of
them to all.
"""

import pytest

from sluice.testing import cuts
from sluice.wire.sse import Frame
from tests.golden.wires import wire
from tools.golden_cases import Case, cases
from tools.golden_play import play, players

CASES = {case.name: case for case in cases()}
EDGE = 2
"""Bytes around the end of a frame at which every client is asked."""


def frames(case: Case, pieces: list[bytes]) -> tuple[list[Frame], str]:
    """The frames of a stream that is cut like this, and what is wrong with the rest of it."""
    decoder = wire(case)
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    return found + decoder.finish(), str(decoder.fault)


def edges(found: list[Frame]) -> set[int]:
    """Where frames end, and the places beside that."""
    at, near = 0, set(range(EDGE + 1))
    for frame in found:
        at += len(frame.raw)
        near |= set(range(at - EDGE, at + EDGE + 1))
    return near


@pytest.mark.parametrize("name", CASES)
def test_no_cut_into_two_shows(name: str) -> None:
    case = CASES[name]
    everyone = players(case)
    uncut = {player: play(case, player[0], stream=player[1]).seen for player in everyone}
    whole = frames(case, [case.stream])
    near = edges(whole[0])
    for at, pieces in enumerate(cuts.every_single_cut(case.stream)):
        assert frames(case, pieces) == whole, at
        for player in everyone if at in near else [everyone[at % len(everyone)]]:
            assert play(case, player[0], stream=player[1], pieces=pieces).seen == uncut[player], (at, player)


@pytest.mark.parametrize("name", CASES)
def test_no_cut_into_many_shows(name: str) -> None:
    case = CASES[name]
    partitions = [*cuts.random_cuts(case.stream, len(case.stream), 3), cuts.one_byte_at_a_time(case.stream)]
    for client, stream in players(case):
        uncut = play(case, client, stream=stream).seen
        for pieces in partitions:
            assert play(case, client, stream=stream, pieces=pieces).seen == uncut, client.module_id
