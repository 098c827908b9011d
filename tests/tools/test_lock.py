"""The lock files name no host, pin with hashes, and agree; and the check of that notices when they do not."""

import pytest

from tools.lock import CLIENTS, FOLDER, disagreements, faults, pins

HASH = "    --hash=sha256:" + "0" * 64
GOOD = f"anyio==4.1 \\\n{HASH} \\\n{HASH}\nuvloop==0.21 ; sys_platform != 'win32' \\\n{HASH}\n"


def test_the_locks_of_this_tree_are_sound() -> None:
    runtime, dev = ((FOLDER / name).read_text(encoding="utf-8") for name in ("runtime.lock", "dev.lock"))
    assert faults("runtime.lock", runtime) == []
    assert faults("dev.lock", dev) == []
    assert disagreements(runtime, dev) == []
    clients = [f"{name}.lock" for name in CLIENTS]
    assert [fault for name in clients for fault in faults(name, (FOLDER / name).read_text(encoding="utf-8"))] == []


def test_reads_the_pins() -> None:
    assert pins(GOOD) == {"anyio": "4.1", "uvloop": "0.21"}
    assert faults("x.lock", GOOD) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://registry.example/simple",
        "--find-links somewhere",
        "anyio @ https://registry.example/anyio.whl",
        "anyio==4.1",
        "anyio>=4.1 \\",
        "    --hash=sha256:abc",
    ],
)
def test_refuses_a_line_that_names_a_host_or_skips_a_check(line: str) -> None:
    assert faults("x.lock", GOOD + line + "\n") == [f"x.lock: neither a pin nor a hash: {line.strip()}"]


def test_refuses_a_lock_that_pins_nothing() -> None:
    assert faults("x.lock", "# empty\n") == ["x.lock: pins nothing"]


def test_tells_where_the_two_locks_disagree() -> None:
    dev = f"anyio==4.0 \\\n{HASH}\n"
    assert disagreements(GOOD, dev) == [
        "dev.lock: anyio is 4.0, runtime.lock has 4.1",
        "dev.lock: uvloop is missing, runtime.lock has 0.21",
    ]
