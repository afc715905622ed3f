"""What `make up`, `make env` and `make token` stand on."""

import fcntl
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner

from deploy.demo.__main__ import main as demo
from deploy.embedded.__main__ import main
from deploy.embedded.secret_files import Secrets, key_folder
from deploy.embedded.supervisor import PortTaken, choose_ports
from shared.kit.verification_keys import read_public_keys

URLS = {"ingest": "http://127.0.0.1:9001", "prelabel": "http://127.0.0.1:9002"}


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture(autouse=True)
def _called_as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not through `make`, though these tests may be."""
    monkeypatch.delenv("MAKELEVEL", raising=False)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A data folder as a running suite keeps it."""
    Secrets.load_or_create(tmp_path / "secrets.json")
    (tmp_path / "state.json").write_text(json.dumps({"urls": URLS, "pids": {}, "broker": None, "ready": True}))
    with (tmp_path / "supervisor.pid").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield tmp_path


def test_four_other_ports_are_taken_where_one_is_not_free_and_they_are_printed(taken: int) -> None:
    ports, busy = choose_ports(taken - 1, others=True)
    assert taken in busy
    assert not set(ports) & {taken - 1, taken, taken + 1, taken + 2}
    assert len(set(ports)) == 4


def test_ports_that_were_asked_for_are_taken_or_none(taken: int) -> None:
    with pytest.raises(PortTaken, match=str(taken)):
        choose_ports(taken, others=False)


def test_env_prints_lines_for_a_shell(running: Path) -> None:
    result = CliRunner().invoke(main, ["env", "--data", str(running)])
    assert result.exit_code == 0, result.output
    *urls, token = result.stdout.splitlines()
    assert urls == ["export INGEST=http://127.0.0.1:9001", "export PRELABEL=http://127.0.0.1:9002"]
    [key] = read_public_keys(key_folder(running).public_file).values()
    claims = jwt.decode(token.removeprefix("export TOKEN="), key, algorithms=["EdDSA"], audience="touchstone")
    assert (claims["sub"], claims["roles"]) == ("developer", ["admin"])


def test_env_of_what_does_not_run_is_an_error(running: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    killed = tmp_path_factory.mktemp("killed")
    for name in ("state.json", "secrets.json", "supervisor.pid"):
        (killed / name).write_bytes((running / name).read_bytes())
    for folder in (killed, killed / "nowhere"):
        result = CliRunner().invoke(main, ["env", "--data", str(folder)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "touchstone up" in result.stderr


def test_env_of_what_is_starting_says_so(running: Path) -> None:
    for state in ({"urls": URLS, "pids": {}, "broker": None, "ready": False}, None):
        (running / "state.json").unlink()
        if state is not None:
            (running / "state.json").write_text(json.dumps(state))
        result = CliRunner().invoke(main, ["env", "--data", str(running)])
        assert (result.exit_code, result.stdout) == (1, "")
        assert "still starting" in result.stderr
        (running / "state.json").touch()


def test_what_runs_already_is_named_with_the_commands_that_reach_it(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(main, ["up", "--data", str(running)])
    assert result.exit_code == 1
    assert f"`touchstone down --data {running}` stops it" in result.stderr
    assert f"`touchstone env --data {running}` prints where" in result.stderr
    monkeypatch.setenv("MAKELEVEL", "1")
    assert f"`make down DATA={running}`" in CliRunner().invoke(main, ["up", "--data", str(running)]).stderr


def test_a_data_folder_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for command, data_dir in ((main, file), (main, file / "below"), (demo, file), (demo, file / "below")):
        arguments = ["--data", str(data_dir)]
        result = CliRunner().invoke(command, ["up", *arguments] if command is main else arguments)
        assert result.exit_code == 1, result.output
        assert f"{data_dir} can't be used" in result.stderr


def test_the_demo_deletes_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("years of work")
    result = CliRunner().invoke(demo, ["--data", str(tmp_path)])
    assert result.exit_code == 1
    assert "not of a demo" in result.stderr
    assert mine.read_text() == "years of work"


def test_the_demo_leaves_alone_what_runs(running: Path) -> None:
    (running / "made-by-demo").touch()
    result = CliRunner().invoke(demo, ["--data", str(running)])
    assert result.exit_code == 1
    assert "stop it first" in result.stderr
    assert (running / "secrets.json").exists()


@pytest.mark.parametrize("pace", ["0", "-1"])
def test_the_demo_has_a_pace(pace: str, tmp_path: Path) -> None:
    assert CliRunner().invoke(demo, ["--pace", pace, "--data", str(tmp_path / "new")]).exit_code == 2
