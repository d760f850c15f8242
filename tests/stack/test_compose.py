"""docker-compose.yml, Dockerfile and what they mount: every name in one of them means something in another."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from spanledger import settings as sdk_settings
from spanledger_examples.collector import CONFIGURATION, WEIGHTS_GATE
from spanledger_examples.go_program import NotBuiltError
from spanledger_server import settings
from tests.interop.compose_parser import PROGRAM
from tests.support.server import ROOT, environment

FILE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PROMETHEUS = yaml.safe_load((CONFIGURATION / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))
GRAFANA = ROOT / "dashboards/grafana"
SOURCES = yaml.safe_load((GRAFANA / "provisioning/datasources/spanledger.yaml").read_text(encoding="utf-8"))
KEYS = {
    *("build", "cap_drop", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image"),
    *("logging", "network_mode", "ports", "profiles", "read_only", "restart", "security_opt", "stop_grace_period"),
    *("tmpfs", "volumes"),
}
# where each listens, inside its container
LISTENS = {
    "backend": {8321, 4317, 4318},
    "gateway": {14317, 14318, 9464, 8889},
    "agent": {4317, 4318, 8888},
    "bookshop": {8322},
    "provider": {8323},
    "jaeger": {4317, 13133, 16686},
    "prometheus": {9090},
    "grafana": {3000},
}
OVER = "${GATEWAY_OVER:-gateway.yaml}"
ADDRESS = re.compile(r"\b([a-z]+):(\d{4,5})\b")
VARIABLE = re.compile(r"\$\{(\w+)(:-[^${}]*)?\}")


def each_service() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", SERVICES)


def resolved(value: str) -> str:
    """As Compose reads it where nobody set a variable."""
    while (inner := VARIABLE.sub(lambda found: (found[2] or "")[2:], value)) != value:
        value = inner
    return value.replace("$$", "$")


def known_variables(name: str) -> set[str]:
    """What the program in this service reads from its environment."""
    if name in ("agent", "gateway"):
        text = "".join(path.read_text(encoding="utf-8") for path in CONFIGURATION.glob("*.yaml"))
        return set(re.findall(r"\$\{env:(\w+)", text))
    if name == "backend":
        return {f"SPANLEDGER_{field.name.upper()}" for field in fields(settings.Settings)}
    if name == "prometheus":
        return set(re.findall(r"\$\$(\w+)", SERVICES[name]["entrypoint"][2]))
    if name == "grafana":
        read = set(re.findall(r"\$\{(\w+)\}", str(SOURCES)))
        return read | {key for key in SERVICES[name]["environment"] if key.startswith("GF_")}
    ours = {row.env for row in sdk_settings.TABLE}
    return ours | {"PROVIDER_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"}


@each_service()
def test_a_service_says_only_what_compose_knows_and_all_that_keeps_it_small(name: str) -> None:
    service = SERVICES[name]
    assert service.keys() <= KEYS
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert re.fullmatch(r"[a-z/-]+:(?!latest)[\w.]+", service["image"])


def test_compose_itself_takes_the_file_and_reads_it_as_we_do() -> None:
    try:
        parser = PROGRAM.found()
    except NotBuiltError as reason:
        pytest.skip(str(reason))
    done = subprocess.run(
        [parser, "--format", "json", "docker-compose.yml"], cwd=ROOT, env={"HOME": "/"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert services.keys() == SERVICES.keys()
    for name, service in SERVICES.items():
        ours = {key: resolved(str(value)) for key, value in service.get("environment", {}).items()}
        assert (services[name].get("environment") or {}) == ours
        assert services[name]["image"] == service["image"]
        assert services[name]["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}


@each_service()
def test_what_is_published_is_published_on_loopback_and_somebody_listens_there(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        address, outside, inside = port.split(":")
        assert (address, outside) == ("127.0.0.1", inside)
        assert int(inside) in LISTENS[name]
    wanted = [int(port) for port in re.findall(r"0\.0\.0\.0:(\d+)", str(SERVICES[name].get("environment", {})))]
    assert set(wanted) <= LISTENS[name]


@each_service()
def test_what_a_service_waits_for_is_there_and_tells_its_health(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[other] or "HEALTHCHECK" in stage(SERVICES[other]["build"]["target"])
        profiles = set(SERVICES[other].get("profiles", []))
        assert not profiles or set(SERVICES[name]["profiles"]) <= profiles


@each_service()
def test_every_address_is_that_of_a_service_and_of_a_port_where_it_listens(name: str) -> None:
    texts = [str(value) for value in SERVICES[name].get("environment", {}).values()]
    for host, port in ADDRESS.findall(" ".join(texts)):
        assert int(port) in LISTENS[host], f"{host}:{port}"


@pytest.mark.parametrize("name", ["backend", "gateway", "agent", "bookshop", "prometheus", "grafana"])
def test_every_variable_that_is_set_is_read(name: str) -> None:
    assert SERVICES[name]["environment"].keys() <= known_variables(name)
    if name in ("prometheus", "grafana"):
        assert known_variables(name) <= SERVICES[name]["environment"].keys()


def test_every_variable_that_compose_wants_has_a_default() -> None:
    assert "${" not in resolved(FILE.replace("$$", ""))
    assert not re.search(r"\$\{\w+\}", FILE)


def test_every_volume_is_declared_and_used_and_every_mounted_path_is_there() -> None:
    named: set[str] = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_dir()
            else:
                named.add(source)
    assert named == COMPOSE["volumes"].keys()


def stage(target: str) -> str:
    """The part of the Dockerfile that makes this target."""
    found = re.search(rf"^FROM \S+ AS {target}\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert found, f"no stage {target}"
    return found[1]


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if "build" in service])
def test_what_is_built_has_a_stage_without_rights_and_a_volume_of_its_own(name: str) -> None:
    made = stage(SERVICES[name]["build"]["target"])
    assert re.search(r"^USER \d{5}$", made, re.MULTILINE)
    (volume,) = re.findall(r"^VOLUME (\S+)$", made, re.MULTILINE)
    assert [mounted.split(":")[1] for mounted in SERVICES[name]["volumes"]] == [volume]
    assert volume in re.search(r"install -d .*", made)[0]  # type: ignore[index]  # else it would be root's


def test_every_file_that_is_copied_into_an_image_is_there() -> None:
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert list(ROOT.glob(source)), source
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert not {"sdk", "backend", "examples", "dashboards", "collector-config"} & set(ignored)


@pytest.mark.parametrize(("name", "over"), [("agent", ""), ("gateway", ""), ("gateway", "jaeger.yaml")])
def test_the_collectors_validate_as_compose_starts_them(name: str, over: str, binary: Path) -> None:
    command = [option.replace(OVER, over or OVER) for option in SERVICES[name]["command"]]
    options = [resolved(option).replace("/etc/spanledger", str(CONFIGURATION)) for option in command]
    variables = {key: resolved(str(value)) for key, value in SERVICES[name]["environment"].items()}
    done = subprocess.run(
        [binary, WEIGHTS_GATE, "validate", *options], env=environment(**variables), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert WEIGHTS_GATE in stage("collector")


def test_the_backend_starts_with_the_settings_that_compose_gives_it() -> None:
    made = dict(re.findall(r"(SPANLEDGER_\w+)=(\S+)", stage("backend")))
    given = {key: resolved(value) for key, value in SERVICES["backend"]["environment"].items()}
    found = settings.load({}, made | given)
    assert not found.loopback
    assert {8321, found.otlp_grpc_port, found.otlp_http_port} == LISTENS["backend"]
    for name in ("gateway", "prometheus", "grafana"):
        assert resolved(SERVICES[name]["environment"]["BACKEND_TOKEN"]) == given["SPANLEDGER_ADMIN_TOKEN"]


def test_prometheus_and_grafana_ask_where_somebody_answers() -> None:
    jobs = PROMETHEUS["scrape_configs"]
    receivers = PROMETHEUS["alerting"]["alertmanagers"]
    targets = [target for job in (*jobs, *receivers) for group in job["static_configs"] for target in group["targets"]]
    urls = [source["url"] for source in SOURCES["datasources"]]
    assert "backend:8321" in targets
    for host, port in ADDRESS.findall(" ".join(targets + urls)):
        assert int(port) in LISTENS[host]
    assert all((CONFIGURATION / "prometheus" / file).is_file() for file in PROMETHEUS["rule_files"])


def test_prometheus_finds_its_tokens_and_knows_its_options(tmp_path: Path) -> None:
    service = SERVICES["prometheus"]
    assert "/tmp" in service["tmpfs"]
    line = resolved(service["entrypoint"][2]).replace("/tmp/", f"{tmp_path}/").replace("exec /bin/prometheus", "echo")
    tokens = {key: f"{key} of the test" for key in service["environment"]}
    shell = [*service["entrypoint"][:2], line]
    said = subprocess.run(shell, env=tokens, capture_output=True, text=True, check=True).stdout
    named = [job["authorization"]["credentials_file"] for job in PROMETHEUS["scrape_configs"] if "authorization" in job]
    named += [each["authorization"]["credentials_file"] for each in PROMETHEUS["alerting"]["alertmanagers"]]
    found = {name: (tmp_path / Path(name).name).read_text() for name in named}
    assert found == {
        "/tmp/backend-token": "BACKEND_TOKEN of the test",
        "/tmp/alerts-token": "ALERTS_TOKEN of the test",
    }
    assert (tmp_path / "alerts-token").stat().st_mode & 0o077 == 0
    mounted = {volume.split(":")[1] for volume in service["volumes"]}
    options = dict(option.removeprefix("--").split("=") for option in said.split())
    assert str(Path(options["config.file"]).parent) in mounted
    assert options["storage.tsdb.path"] in mounted
    program = shutil.which("prometheus")
    if program is not None:
        told = subprocess.run([program, "--help"], capture_output=True, text=True)
        assert all(f"--{option}" in told.stdout + told.stderr for option in options)


def test_the_prometheus_that_compose_starts_is_the_one_that_is_tested() -> None:
    built = (CONFIGURATION / "prometheus/go.mod").read_text(encoding="utf-8")
    (minor, patch) = re.findall(r"prometheus/prometheus v0\.3(\d\d)\.(\d+)", built)[0]
    assert SERVICES["prometheus"]["image"] == f"prom/prometheus:v3.{int(minor)}.{patch}"


def test_grafana_finds_what_is_provisioned_where_it_is_mounted() -> None:
    (mounted,) = (volume for volume in SERVICES["grafana"]["volumes"] if volume.startswith("."))
    outside, inside, how = mounted.split(":")
    assert (ROOT / outside, how) == (GRAFANA, "ro")
    environment = SERVICES["grafana"]["environment"]
    for path in (environment["GF_PATHS_PROVISIONING"], environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]):
        assert (GRAFANA / path.removeprefix(inside).lstrip("/")).exists()
    providers = yaml.safe_load((GRAFANA / "provisioning/dashboards/spanledger.yaml").read_text(encoding="utf-8"))
    assert [provider["options"]["path"] for provider in providers["providers"]] == [inside]
    plugins = {source["type"] for source in SOURCES["datasources"]} - {"prometheus", "jaeger"}
    assert {each.split("@")[0] for each in environment["GF_PLUGINS_PREINSTALL_SYNC"].split(",")} == plugins
