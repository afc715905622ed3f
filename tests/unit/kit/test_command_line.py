"""`touchstone` as it is installed."""

import importlib
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from deploy.cli import main

ROOT = Path(__file__).parents[3]


def test_the_installed_program_is_this_one() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, name = scripts["touchstone"].split(":")
    assert getattr(importlib.import_module(module), name) is main


@pytest.mark.parametrize("command", ["demo", "up", "down", "env", "token", "serve", "migrate", "replay", "topics"])
def test_a_command_is_listed_and_describes_itself(command: str) -> None:
    listed = CliRunner().invoke(main, ["--help"]).output
    assert f"\n  {command}" in listed
    described = CliRunner().invoke(main, [command, "--help"])
    assert described.exit_code == 0, described.output


def test_a_command_that_lacks_a_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name="rich")

    monkeypatch.setattr("deploy.cli.importlib.import_module", missing)
    result = CliRunner().invoke(main, ["demo", "--seed", "2"])
    assert result.exit_code == 1
    assert "pip install 'touchstone[all]'" in result.output
    assert isinstance(main.get_command(click.Context(main), "serve"), click.Command), (
        "the services' commands need nothing"
    )
