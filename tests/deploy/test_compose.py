"""The compose file, its services' configurations, the image and the Kubernetes example, as far as files can tell.

No Docker daemon is needed, so none of this shows that the containers start: it shows that what they are told fits.
"""

import re
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from sluice.config import Source, load
from sluice.standard import STANDARD
from tests.docs.pages import ROOT
from tests.support.prometheus_server import prometheus_binary

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COLLECTOR = yaml.safe_load((DEPLOY / "compose/otel-collector.yaml").read_text())
SOURCES = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/sluice.yaml").read_text())["datasources"]


def mounts(service: dict[str, Any]) -> list[list[str]]:
    return [volume.split(":") for volume in service.get("volumes", [])]


def test_every_mounted_file_is_there_and_only_read() -> None:
    seen = 0
    for name, service in SERVICES.items():
        for source, _, *mode in mounts(service):
            if source.startswith("."):
                seen += 1
                assert (DEPLOY / "compose" / source).resolve().exists(), (name, source)
                assert mode == ["ro"], (name, source)
            else:
                assert source in COMPOSE["volumes"], (name, source)
    assert seen > 6


def test_every_image_is_pinned_and_every_port_is_of_this_machine() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[\w./-]+:(local|v?\d+\.\d+\.\d+(-\w+)?)", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert not service.get("privileged")
        assert "docker.sock" not in str(service)


def test_a_service_waits_only_for_those_that_say_when_they_are_well() -> None:
    for name, service in SERVICES.items():
        waited = service.get("depends_on", {})
        for other in waited:
            assert other in SERVICES, (name, other)
            if isinstance(waited, dict) and waited[other]["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other] or SERVICES[other]["image"] == "sluice:local"
    assert "HEALTHCHECK" in DOCKERFILE


def test_no_file_here_holds_a_secret() -> None:
    words = re.compile(r"(password|secret|token|api[-_]?key)\w*[\"']?\s*[:=]\s*[\"']?[\w-]{6,}", re.IGNORECASE)
    found = {
        str(path.relative_to(ROOT)): words.findall(path.read_text())
        for path in DEPLOY.rglob("*")
        if path.is_file() and path.suffix != ".json" and words.search(path.read_text())
    }
    assert found == {"deploy/demo/gateway.yaml": ["api-key"]}
    assert "stringData: {api-key: sk-demo}" in (DEPLOY / "demo/gateway.yaml").read_text()


def test_what_asks_whom_fits_together() -> None:
    """Names and ports of the services, in every file that names one."""
    listens = {
        "gateway": {"8080", "15020"},
        "redis": {"6379"},
        "prometheus": {"9090"},
        "tempo": {"3200", "4317"},
        "loki": {"3100"},
        "collector": {"4317", "4318"},
    }
    named = []
    for path in DEPLOY.rglob("*.y*ml"):
        if path.parts[-2] != "kubernetes":
            named += re.findall(rf"\b({'|'.join(listens)}):(\d{{4,5}})\b", path.read_text())
    assert len(named) >= 7
    assert [(host, port) for host, port in named if port not in listens[host]] == []
    assert {source["uid"]: source["type"] for source in SOURCES} == {n: n for n in ("prometheus", "tempo", "loki")}


def test_grafana_finds_the_dashboards_where_they_are_mounted() -> None:
    (provider,) = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/sluice.yaml").read_text())["providers"]
    mounted = {place: source for source, place, *_ in mounts(SERVICES["grafana"])}
    folder = (DEPLOY / "compose" / mounted[provider["options"]["path"]]).resolve()
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert (folder / home.name).exists()
    for source in SOURCES:
        links = str(source["jsonData"])
        assert set(re.findall(r"'datasourceUid': '(\w+)'", links)) <= {other["uid"] for other in SOURCES}


def test_the_collectors_pipelines_are_made_of_what_it_has() -> None:
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(COLLECTOR[kind])
    read = {mount[1] for mount in mounts(SERVICES["collector"])}
    assert all(str(Path(place).parent) in read for place in COLLECTOR["receivers"]["filelog"]["include"])


def test_prometheus_reads_its_configuration_and_finds_the_rules() -> None:
    text = (DEPLOY / "prometheus/prometheus.yml").read_text()
    words = [prometheus_binary("promtool"), "check", "config", "--syntax-only", "/dev/stdin"]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(text)
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "sluice"
    assert job["static_configs"][0]["labels"]["namespace"]
    mounted = {place for _, place, *_ in mounts(SERVICES["prometheus"])}
    assert {str(Path(rule).parent) for rule in config["rule_files"]} <= mounted


@pytest.mark.parametrize("name", ["gateway", "fake"])
def test_the_commands_are_ones_that_sluice_has(name: str) -> None:
    words = re.findall(r"exec sluice (.*) >>", SERVICES[name]["entrypoint"][-1]) if name == "gateway" else []
    command = words[0].split() if words else SERVICES[name]["command"]
    options = [word for word in command if word.startswith("--")]
    shown = subprocess.run(
        [str(ROOT / ".venv/bin/sluice"), command[0], "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert options
    assert [option for option in options if option not in shown] == []


def test_the_image_is_built_of_files_that_docker_gets() -> None:
    copied = [word for line in re.findall(r"^COPY (?!--)(.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "*" in ignored
    for name in copied:
        assert (ROOT / name).exists()
        assert any(Path(name).match(pattern.removeprefix("!")) for pattern in ignored if pattern.startswith("!")), name
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


def test_the_image_has_a_place_for_a_ledger_that_its_user_may_write() -> None:
    (state,) = re.findall(r"^ENV .*XDG_STATE_HOME=(\S+)$", DOCKERFILE, re.MULTILINE)
    (owned,) = re.findall(r"install -d -o sluice -g sluice (.*)$", DOCKERFILE, re.MULTILINE)
    assert f"{state}/sluice" in owned.split()
    assert any(place.startswith(f"{state}/sluice:") for place in SERVICES["gateway"]["tmpfs"])


def test_the_image_has_all_that_tracing_and_postgres_need() -> None:
    """pip checks hashes there, so nothing that is missing from the list could be installed beside it."""
    pattern = re.search(r"wanted = /(.*)/\}", DOCKERFILE)
    assert pattern is not None
    lock = (ROOT / "requirements/dev.lock").read_text()
    pinned = re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)
    taken = {name for name in pinned if re.match(pattern[1], f"{name}==")}
    runtime = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements/runtime.lock").read_text(), re.MULTILINE))
    assert not taken & runtime  # pip refuses what is asked for twice
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = [Requirement(text).name for extra in ("tracing", "postgres") for text in extras[extra]]
    needed: set[str] = set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name not in needed:
            needed.add(name)
            found = [Requirement(text) for text in requires(name) or []]
            wanted += [each.name for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]
    assert needed <= taken | runtime
    assert taken <= needed


def test_the_configurations_are_served() -> None:
    kubernetes = list(yaml.safe_load_all((DEPLOY / "kubernetes/sluice.yaml").read_text()))
    (routes,) = [each["data"]["gateway.yaml"] for each in kubernetes if each["kind"] == "ConfigMap"]
    for text in ((DEPLOY / "demo/gateway.yaml").read_text(), routes):
        plan = load([Source("gateway.yaml", text)], {}, STANDARD)
        assert plan.listeners
        assert [c for status in plan.statuses for c in status.conditions if not c.status] == []


def test_the_kubernetes_objects_name_each_other() -> None:
    by_kind = {each["kind"]: each for each in yaml.safe_load_all((DEPLOY / "kubernetes/sluice.yaml").read_text())}
    pod = by_kind["Deployment"]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert by_kind["Deployment"]["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert by_kind["Service"]["spec"]["selector"] == pod["metadata"]["labels"]
    assert {port["targetPort"] for port in by_kind["Service"]["spec"]["ports"]} <= ports
    monitor = by_kind["PodMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert {end["port"] for end in monitor["podMetricsEndpoints"]} <= ports
    assert container["readinessProbe"]["httpGet"]["port"] in ports
