"""What `make up`, `make env` and `make token` stand on."""

import fcntl
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner

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


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A data folder as a running suite keeps it."""
    Secrets.load_or_create(tmp_path / "secrets.json")
    (tmp_path / "state.json").write_text(json.dumps({"urls": URLS, "pids": {}, "broker": None}))
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
