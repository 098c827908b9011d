"""The dashboards of deploy/grafana/dashboards/, from Python: a query is typed once and reads as one line.

`python -m tools.dashboards` says which files are stale, and exits 1 if any is; `--write` writes them.
What a panel shows stands in `tools/panels_*.py`, one file a page or two; how Grafana is told in `tools/grafana.py`.
"""

import sys
from pathlib import Path

from tools import panels_money, panels_policies, panels_runtime, panels_streams, panels_traffic
from tools.grafana import Dashboard, render

FOLDER = Path("deploy/grafana/dashboards")
DASHBOARDS: tuple[Dashboard, ...] = (
    panels_traffic.OVERVIEW,
    panels_streams.STREAMING,
    panels_money.MODELS,
    panels_policies.GUARDS,
    panels_runtime.RUNTIME,
)


def files() -> dict[str, bytes]:
    """Return every dashboard's file by its name."""
    return {
        f"{dashboard.uid}.json": render(
            dashboard,
            tag="sluice",
            places_of="agentgateway_build_info",
            routes_of="agentgateway_requests_total",
            models_of="agentgateway_gen_ai_server_request_duration_count",
        )
        for dashboard in DASHBOARDS
    }


def stale(folder: Path) -> list[str]:
    """Return the names of files that are missing, out of date, or no dashboard of ours."""
    wanted = files()
    there = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    return sorted(name for name in wanted | there if wanted.get(name) != there.get(name))


def main() -> int:
    """Write the files if asked to, then say which are stale."""
    if "--write" in sys.argv[1:]:
        for name in stale(FOLDER):
            (FOLDER / name).unlink(missing_ok=True)
            if name in files():
                (FOLDER / name).write_bytes(files()[name])
                print(f"written {FOLDER / name}")
    found = stale(FOLDER)
    print("\n".join(f"{FOLDER / name}: stale: run `python -m tools.dashboards --write`" for name in found), end="")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
