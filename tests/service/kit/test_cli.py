"""The command line, without a service running."""

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import jwt
import orjson
import pytest
from click.testing import CliRunner

from services.cli import main
from shared.contracts.services import SERVICE_NAMES

KEY = "a local key that has at least thirty-two bytes"


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, env=environment)
    return result.exit_code, result.output


def test_a_token_is_printed() -> None:
    project = str(uuid4())
    code, output = run(
        "token", "--role", "manager", "--role", "product", "--subject", "ann", "--project", project, "--hours", "2",
        TOUCHSTONE_JWT_KEY=KEY,
    )  # fmt: skip
    assert code == 0
    claims = jwt.decode(output.strip(), KEY, algorithms=["HS256"], audience="touchstone", issuer="touchstone-local")
    assert (claims["sub"], claims["roles"], claims["projects"]) == ("ann", ["manager", "product"], [project])
    assert claims["exp"] - claims["iat"] == 7200


@pytest.mark.parametrize("key", ["", "short"])
def test_no_token_is_made_without_a_proper_key(key: str) -> None:
    code, output = run("token", "--role", "admin", TOUCHSTONE_JWT_KEY=key)
    assert code == 1
    assert "TOUCHSTONE_JWT_KEY" in output


def test_a_token_is_made_with_the_key_of_an_embedded_suite(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text(orjson.dumps({"jwt_key": KEY, "objects_secret": "x"}).decode())
    code, output = run(
        "token", "--data", str(tmp_path), "--role", "annotator", "--subject", "ann", TOUCHSTONE_JWT_KEY=""
    )
    assert code == 0, output
    assert jwt.decode(output.strip(), KEY, algorithms=["HS256"], audience="touchstone")["sub"] == "ann"
    code, output = run("token", "--data", str(tmp_path / "nowhere"), "--role", "annotator")
    assert code == 1
    assert "secrets.json" in output


def test_unknown_roles_and_services_are_refused() -> None:
    assert run("token", "--role", "emperor", TOUCHSTONE_JWT_KEY=KEY)[0] == 2
    assert run("serve", "teapot")[0] == 2


def test_all_services_are_migrated_only_with_a_database_each() -> None:
    code, output = run("migrate", "all", TOUCHSTONE_DATABASE_URL="postgresql://u@h/one")
    assert code == 2
    assert "{service}" in output


def test_the_openapi_documents_need_no_settings(tmp_path: Path) -> None:
    code, output = run("openapi", "--folder", str(tmp_path))
    assert code == 0, output
    for service in SERVICE_NAMES:
        document = orjson.loads((tmp_path / f"{service}.json").read_bytes())
        assert document["openapi"].startswith("3.1")
        assert "/v1/events" in document["paths"]


def test_the_asyncapi_document_is_written(tmp_path: Path) -> None:
    code, output = run("asyncapi", "--file", str(tmp_path / "asyncapi.json"))
    assert code == 0, output
    assert orjson.loads((tmp_path / "asyncapi.json").read_bytes())["asyncapi"] == "3.0.0"


def test_a_service_imports_nothing_that_it_does_not_need() -> None:
    program = (
        "import sys; from shared.kit.settings import placeholder_settings; from services.queue.main import create_app;"
        "create_app(placeholder_settings('services.queue'));"
        "print([name for name in ('alembic', 'mako', 'numpy', 'scipy', 'PIL', 'onnxruntime', 'sklearn') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
