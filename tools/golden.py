"""Plays every answer of the golden corpus to every client, and compares what comes out with the files beside it.

`make golden` checks and shows what differs; `make golden ARGS=--accept` writes what comes out now; `ARGS=--cuts` also
plays every cut of the bytes to every client (minutes). Names of cases (`openai_chat/text`) or of dialects may follow.
Nothing here opens a socket: a relay is put together as the gateway does it and fed with the provider's bytes. The files
of a case, beside those that tools/golden_cases.py tells of:

    expected.<client>.sse     what a client is sent who streams. There is none if that is the provider's stream byte for
                              byte, and none if the answer failed before its first token: then it was a real HTTP error
    expected.<client>.json    what a client is sent who does not stream: the stream folded, or an error; pretty-printed,
                              otherwise as it leaves
    expected.record.json      what the access log says of it; in `but` the clients for whom that is different
"""

import difflib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from sluice.testing.cuts import every_single_cut
from sluice.wire.sse import SseDecoder
from tools.golden_cases import ROOT, Case, cases, complete_hex, short_name
from tools.golden_play import Json, Played, play, players

# -- files -------------------------------------------------------------------------------------------------------------


def expected(case: Case) -> dict[str, bytes]:
    """Return the files `expected.*` of a case, as the code has it now."""
    files: dict[str, bytes] = {}
    streamed: dict[str, Played] = {}
    folded: dict[str, Played] = {}
    for client, stream in players(case):
        (streamed if stream else folded)[short_name(client)] = play(case, client, stream=stream)
    for name, played in streamed.items():
        if played.status == 200 and played.data != case.stream:
            files[f"expected.{name}.sse"] = played.data
    for name, played in folded.items():
        files[f"expected.{name}.json"] = msgspec.json.format(played.data, indent=2) + b"\n"
    files["expected.record.json"] = _pretty(_joined(streamed, folded))
    return files


def _joined(streamed: dict[str, Played], folded: dict[str, Played]) -> Json:
    """One record for all: what most clients who stream have, then who has something else."""
    usual = _most([played.record for played in streamed.values()])
    whole = _most([usual | played.record for played in folded.values()])
    but: dict[str, Json] = {}
    if differs := _beside(whole, usual):
        but["whole"] = differs
    for name, played in streamed.items():
        if differs := _beside(played.record, usual):
            but[name] = differs
    for name, played in folded.items():
        if differs := _beside(usual | played.record, whole):
            but[f"{name}, whole"] = differs
    return usual | {"but": but}


def _most(rows: Sequence[Json]) -> Json:
    """The row that most agree on."""
    ((text, _),) = Counter(json.dumps(row) for row in rows).most_common(1)
    row: Json = json.loads(text)
    return row


def _beside(row: Json, usual: Json) -> Json:
    return {name: value for name, value in row.items() if value != usual[name]}


def _pretty(value: Json) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def on_disk(case: Case) -> dict[str, bytes]:
    """The files `expected.*` as they were accepted."""
    return {path.name: path.read_bytes() for path in sorted(case.folder.glob("expected.*"))}


# -- differences -------------------------------------------------------------------------------------------------------


def differences(case: Case, before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[str]:
    """Yield what differs, file by file, as a unified diff that a person can read."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        label = f"{case.name}/{name}"
        if old is None or new is None:
            yield f"{label}: {'is new' if old is None else 'has gone'}"
            continue
        a, b = _readable(name, old), _readable(name, new)
        if a == b:  # it differs only in what makes it readable
            a, b = ascii(old).split("\\n"), ascii(new).split("\\n")
        yield from difflib.unified_diff(a, b, f"{label} accepted", f"{label} now", lineterm="", n=2)


def _readable(name: str, data: bytes) -> list[str]:
    """A file as lines; of events each member is a line."""
    if not name.endswith(".sse"):
        return data.decode("utf-8", "replace").split("\n")
    lines: list[str] = []
    for frame in SseDecoder().feed(data):
        lines.append(f"event: {frame.event}")
        try:
            lines += msgspec.json.format(frame.data or b"", indent=2).decode("utf-8", "replace").split("\n")
        except msgspec.DecodeError:
            lines.append((frame.data or frame.raw).decode("utf-8", "replace"))
    return lines


# -- the command -------------------------------------------------------------------------------------------------------


def accept(case: Case) -> bool:
    """Write what the code produces now; return whether anything changed."""
    before, after = on_disk(case), expected(case)
    for name in before.keys() - after.keys():
        (case.folder / name).unlink()
    for name, data in after.items():
        if before.get(name) != data:
            (case.folder / name).write_bytes(data)
    return before != after


def cut(case: Case) -> Iterator[str]:
    """Yield every cut of a stream into two that some client can see, and who: every byte, every client."""
    for client, stream in players(case):
        uncut = play(case, client, stream=stream).seen
        for at, pieces in enumerate(every_single_cut(case.stream)):
            if play(case, client, stream=stream, pieces=pieces).seen != uncut:
                yield f"{case.name}: {short_name(client)}{'' if stream else ', whole'} sees a cut at byte {at}"


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Check, or accept. Exit status 1 = something differs, 2 = a case or a name is wrong."""
    accepting, cutting = "--accept" in arguments, "--cuts" in arguments
    names = [word for word in arguments if not word.startswith("--")]
    if accepting:
        for file in root.glob("*/*/provider.hex"):
            file.write_text(complete_hex(file.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        chosen = [case for case in cases(root) if not names or {case.name, case.folder.parent.name} & set(names)]
    except (ValueError, KeyError) as error:
        print(f"make golden: {error}", file=sys.stderr)
        return 2
    if not chosen:
        print(f"make golden: no case is called {' or '.join(names)}", file=sys.stderr)
        return 2
    if accepting:
        changed = [case.name for case in chosen if accept(case)]
        print("\n".join([*changed, f"{len(changed)} of {len(chosen)} cases changed"]))
        return 0
    lines = [line for case in chosen for line in differences(case, on_disk(case), expected(case))]
    lines += [line for case in chosen if cutting for line in cut(case)]
    print("\n".join(lines) if lines else f"{len(chosen)} cases: every byte as accepted")
    if lines:
        print("make golden: to accept this, read it first, then `make golden ARGS=--accept`", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
