"""Throw random and twisted streams at the SSE parser and the relay: `python -m tools.fuzz_sse --seconds 30 --seed 1`.

Each input is decoded whole and cut at random and compared with the WHATWG rules as tests/wire/whatwg.py writes them
down; then relays of every kind are fed with it: they may send, and have to end exactly once, without an exception.
Prints the first input that breaks a rule as hex and exits 1; the same seed finds it again.
"""

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

from sluice.relay.actions import End, Send
from sluice.testing.cuts import random_cuts
from tests.relay.relays import ALL, DONE
from tests.wire.sse_cases import INTERESTING, decode, seen
from tests.wire.whatwg import dispatched

EOLS = [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\r\r"]
MAX_BYTES = 20_000
"""Of one input: longer ones find nothing that shorter ones do not, and take longer."""


class Broken(Exception):
    """A rule does not hold for an input."""


def corpus() -> list[bytes]:
    """Where mutation begins: the recorded streams and every interesting line as an event."""
    recorded = [path.read_bytes() for path in sorted(Path("tests/streams").glob("*.sse"))]
    return recorded + [line + eol for line in INTERESTING for eol in EOLS[3:]]


def generated(dice: random.Random) -> bytes:
    """A stream of interesting and random lines with all kinds of line ends."""
    rows = []
    for _ in range(dice.randrange(20)):
        line = dice.choice(INTERESTING) if dice.random() < 0.8 else dice.randbytes(dice.randrange(12))
        rows.append(line + dice.choice(EOLS))
    return dice.choice([b"", b"", b"\xef\xbb\xbf"]) + b"".join(rows)


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds, or two spliced, with a few bytes changed, doubled, dropped or put in."""
    data = bytearray(dice.choice(seeds))
    if dice.random() < 0.3:
        data[dice.randrange(len(data) + 1) :] = dice.choice(seeds)
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0:
                data[at : at + 1] = dice.randbytes(1)
            case 1:
                data[at:at] = dice.choice([*EOLS, b"\xef\xbb\xbf", b":", b"\0", b'"', b"}"])
            case 2:
                del data[at : at + dice.randrange(1, 40)]
            case _:
                data[at:at] = data[at : at + dice.randrange(1, 200)]
    return bytes(data[:MAX_BYTES])


def check(data: bytes, seed: int) -> None:
    """Hold one input against every rule.

    Raises:
        Broken: one does not hold; the message names it.
    """
    want = dispatched(data)
    for pieces in [[data], *random_cuts(data, seed, 3)]:
        frames = decode(pieces)
        if seen(frames) != want:
            raise Broken(f"the parser sees {seen(frames)[:5]} and the standard {want[:5]} in {len(pieces)} pieces")
        raw = b"".join(frame.raw for frame in frames)
        if not data.startswith(raw) or dispatched(data[len(raw) :]):
            raise Broken("the frames' own bytes are not those that were fed")
        check_relays(pieces)


def check_relays(pieces: list[bytes]) -> None:
    """Feed relays of every kind; see `check`."""
    for name, make in ALL.items():
        relay = make()
        actions = [action for now, piece in enumerate(pieces) for action in relay.feed(piece, float(now))]
        actions += relay.eof(float(len(pieces)))
        ends = [action for action in actions if isinstance(action, End)]
        if len(ends) != 1 or actions[-1] is not ends[0]:
            raise Broken(f"the relay {name!r} ended {len(ends)} times")
        if relay.feed(b"data: 1\n\n", 1e6) or relay.eof(1e6) or relay.tick(1e6):
            raise Broken(f"the relay {name!r} did something after its end")
        sent = b"".join([action.data for action in actions if isinstance(action, Send)])
        if name != "opaque" and sent.endswith(DONE) and ends[0].outcome.kind != "completed":
            raise Broken(f"the relay {name!r} sent a success marker and ended {ends[0].outcome.kind}")


def fuzz(seconds: float, seed: int) -> tuple[int, bytes | None, str]:
    """Run for that long; return how many inputs were tried, and the one that broke a rule with what happened."""
    dice, seeds, tried = random.Random(seed), corpus(), 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = generated(dice) if dice.random() < 0.5 else mutated(dice, seeds)
        tried += 1
        try:
            check(data, tried)
        except Exception:  # whatever it is: a parser of foreign bytes must not raise it
            return tried, data, traceback.format_exc()
    return tried, None, ""


def main() -> int:
    """Read the command line, fuzz, report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tried, data, why = fuzz(given.seconds, given.seed)
    if data is None:
        print(f"{tried} inputs, none broke a rule (seed {given.seed})")
        return 0
    print(f"{why}\ninput {tried} of seed {given.seed} broke a rule; in hex:\n{data.hex()}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
