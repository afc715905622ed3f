"""Every module of every service stands in exactly one layer of the import contract: what stands in none is checked by nobody."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.services import SERVICE_NAMES

ROOT = Path(__file__).resolve().parents[2]
NAME = "One way down inside a service"
NOT_IMPORTED = {"migrations"}
"""Alembic runs them by their path; once landed they are frozen."""


def contract() -> dict[str, Any]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [found] = [each for each in contracts if each["name"] == NAME]
    return dict(found)


def layered() -> list[str]:
    return [name.strip(" ()") for layer in contract()["layers"] for name in layer.split("|")]


def modules_of(service: str) -> set[str]:
    """The names of what lies directly in the service's package: modules, and folders that hold any."""
    folder = ROOT / "services" / service
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    packages = {path.name for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    return modules | packages


def test_no_layer_has_a_name_of_another() -> None:
    names = layered()
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_module_of_a_service_stands_in_a_layer(service: str) -> None:
    unlayered = modules_of(service) - NOT_IMPORTED - set(layered())
    assert unlayered == set(), f"enter them under `{NAME}` in pyproject.toml"


def test_every_layer_is_some_services() -> None:
    assert set(layered()) <= {name for service in SERVICE_NAMES for name in modules_of(service)}


def test_import_linter_refuses_a_module_in_no_layer() -> None:
    assert contract()["exhaustive"] is True
