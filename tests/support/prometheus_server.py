"""Where Prometheus and promtool of this machine are, for tests: Debian's package, without its service."""

import os
import shutil
import subprocess

import pytest


def prometheus_binary(name: str = "prometheus") -> str:
    """Return the path of `prometheus` or `promtool`. Where there is none it is installed if that may be done; if not,
    the test is skipped, and fails in CI: what it proves is then not proven."""
    found = shutil.which(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        words = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "prometheus"]
        done = subprocess.run(words, env=env, capture_output=True, check=False)
        if done.returncode:  # a list of packages that is too old, or none
            subprocess.run(["apt-get", "update", "-q"], env=env, capture_output=True, check=False)
            subprocess.run(words, env=env, capture_output=True, check=False)
        if shutil.which("systemctl"):
            subprocess.run(["systemctl", "disable", "--now", "prometheus"], capture_output=True, check=False)
        found = shutil.which(name)
    if found is None:
        why = f"NOT PROVEN: there is no {name} on this machine (Debian: apt-get install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found
