"""Resolves requirements/*.in into requirements/*.lock: every version pinned, every file hashed, no registry named.

`make lock` runs it with any Python >= 3.11; pip-tools lives in a throw-away environment, so it imports nothing of ours.
Both locks are resolved from nothing, the development one under the runtime one, so that what is tested is what is run.
Older clients that tests install in environments of their own have a lock each.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "requirements"

CLIENTS = ("a2a-0.2", "a2a-0.3")
"""Locks of older clients; tests/support/a2a_older.py installs them."""
OPTIONS = (
    *("--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-emit-index-url", "--no-emit-trusted-host"),
    *("--no-emit-find-links", "--no-header", "--no-annotate", "--quiet"),
)

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_LINE = re.compile(r"[A-Za-z0-9._-]+==[^\s;\\]+( *;[^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(lock: str) -> dict[str, str]:
    """Return the version of each distribution that a lock file pins."""
    return dict(_PIN.findall(lock))


def faults(name: str, lock: str) -> list[str]:
    """Return what is wrong with a lock file: any line beside pins and hashes could name a host or skip a check."""
    lines = [line for line in lock.split("\n") if line and not line.startswith("#")]
    found = [f"{name}: neither a pin nor a hash: {line.strip()}" for line in lines if not _LINE.fullmatch(line)]
    return found if pins(lock) else [*found, f"{name}: pins nothing"]


def disagreements(runtime: str, dev: str) -> list[str]:
    """Return the distributions that the development lock does not pin to the version the runtime lock pins."""
    tested = pins(dev)
    return [
        f"dev.lock: {name} is {tested.get(name, 'missing')}, runtime.lock has {version}"
        for name, version in pins(runtime).items()
        if tested.get(name) != version
    ]


def _compile(python: Path, name: str, *options: str) -> str:
    """Resolve `name`.in anew and return the lock, written to `name`.lock as well."""
    command = [
        str(python),
        "-m",
        "piptools",
        "compile",
        *OPTIONS,
        *options,
        "--output-file",
        f"{name}.lock",
        f"{name}.in",
    ]
    (FOLDER / f"{name}.lock").unlink(missing_ok=True)
    subprocess.run(command, cwd=FOLDER, check=True)
    return (FOLDER / f"{name}.lock").read_text(encoding="utf-8")


def main() -> int:
    """Write both locks and say what is wrong with them."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-tools"], check=True)
        runtime = _compile(python, "runtime")
        dev = _compile(python, "dev", "--constraint", "runtime.lock")
        clients = {name: _compile(python, name) for name in CLIENTS}
    found = [*faults("runtime.lock", runtime), *faults("dev.lock", dev), *disagreements(runtime, dev)]
    found += [fault for name, lock in clients.items() for fault in faults(f"{name}.lock", lock)]
    print(
        "\n".join(found)
        if found
        else f"pinned {len(pins(runtime))} distributions to run and {len(pins(dev))} to develop"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
