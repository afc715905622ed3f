"""What can't read the registry of services agrees with it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contracts.services import CONTAINER_PORT, SERVICE_NAMES, SERVICES, package_of
from shared.contracts.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {package_of(name) for name in SERVICE_NAMES}


def text(path: str) -> str:
    return (ROOT / path).read_text()


def test_each_service_is_described_once() -> None:
    assert tuple(service.name for service in SERVICES) == SERVICE_NAMES


def test_a_service_is_a_package_with_a_main() -> None:
    found = {f"services.{path.parent.name}" for path in (ROOT / "services").glob("*/main.py")}
    assert found == PACKAGES


def test_the_makefile_has_the_services() -> None:
    line = re.search(r"^SERVICES := (.*)$", text("Makefile"), re.MULTILINE)
    assert line is not None
    assert tuple(line[1].split()) == SERVICE_NAMES


@pytest.mark.parametrize("key", ["modules", "containers"])
def test_the_import_contracts_hold_for_every_service(key: str) -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    named = [set(contract[key]) for contract in contracts if key in contract]
    assert named
    assert all(names == PACKAGES for names in named)


def test_every_domain_is_pure() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    pure = next(contract for contract in contracts if contract["name"].startswith("Domains are pure"))
    assert {f"{package}.domain" for package in PACKAGES} <= set(pure["source_modules"])


def test_each_service_has_a_lock_and_an_extra() -> None:
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    for name in SERVICE_NAMES:
        assert name in extras
        assert (ROOT / "requirements" / f"{name}.txt").exists()


def test_a_database_is_created_for_every_service() -> None:
    assert f"for service in {' '.join(SERVICE_NAMES)}; do" in text("deploy/docker/create-databases.sh")


def test_the_containers_are_those_of_the_registry() -> None:
    compose: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))["services"]
    built = {container["build"]["args"]["SERVICE"] for container in compose.values() if "build" in container}
    assert built == set(SERVICE_NAMES)
    assert {name for name in compose if name.startswith("migrate-")} == {f"migrate-{name}" for name in SERVICE_NAMES}


def test_the_gateway_and_prometheus_have_those_of_the_registry() -> None:
    proxied = re.findall(
        r"handle_path /(\S+)/\* \{\s+reverse_proxy \{[^}]*?dynamic a (\S+) (\d+) ", text("deploy/gateway/Caddyfile")
    )
    assert proxied == [(name, name, str(CONTAINER_PORT)) for name in SERVICE_NAMES]
    hidden = re.search(r"@metrics path (.*)", text("deploy/gateway/Caddyfile"))
    assert hidden is not None
    assert hidden[1].split() == ["*/metrics"], "of every service, also behind several prefixes"
    prometheus = yaml.safe_load(text("deploy/prometheus/prometheus.yml"))["scrape_configs"][0]
    [found] = prometheus["dns_sd_configs"]
    assert found["names"] == list(SERVICE_NAMES)


def test_topics_are_written_and_read_by_services_alone() -> None:
    assert {name for topic in TOPICS for name in (topic.producer, *topic.consumers)} <= set(SERVICE_NAMES)
