"""The command line, without a service running."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import orjson
import pytest
from click.testing import CliRunner

from deploy.embedded.secret_files import key_folder
from services.cli import main
from shared.contracts.services import SERVICE_NAMES
from shared.contracts.values import Role
from shared.kit.token_keys import KeyFolder
from shared.kit.verification_keys import read_public_keys


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, env=environment)
    return result.exit_code, result.output


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    folder = KeyFolder(tmp_path / "keys")
    folder.rotate()
    return folder


def claims_of(token: str, keys: KeyFolder) -> dict[str, Any]:
    key = read_public_keys(keys.public_file)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="touchstone", issuer="touchstone-local"
    )
    return claims


def test_a_token_is_printed(tmp_path: Path, keys: KeyFolder) -> None:
    project = str(uuid4())
    code, output = run(
        "token", "--role", "manager", "--role", "product", "--subject", "ann", "--project", project, "--hours", "2",
        TOUCHSTONE_TOKEN_KEYS=str(tmp_path / "keys"),
    )  # fmt: skip
    assert code == 0, output
    claims = claims_of(output.strip(), keys)
    assert (claims["sub"], claims["roles"], claims["projects"]) == ("ann", ["manager", "product"], [project])
    assert claims["exp"] - claims["iat"] == 7200


@pytest.mark.parametrize("role", Role)
def test_a_token_may_have_any_role_that_services_know(tmp_path: Path, keys: KeyFolder, role: Role) -> None:
    code, output = run("token", "--role", role.value, "--keys", str(tmp_path / "keys"))
    assert code == 0, output
    assert claims_of(output.strip(), keys)["roles"] == [role]


@pytest.mark.parametrize("content", [None, "", "{}", '{"d": "c2hvcnQ"}', "[]"])
def test_no_token_is_made_without_a_proper_key(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "private").mkdir()
    if content is not None:
        (tmp_path / "private" / "token-key.json").write_text(content)
    code, output = run("token", "--role", "admin", "--keys", str(tmp_path))
    assert code == 1, output
    assert "token-key.json" in output


def test_a_token_is_made_with_the_key_of_an_embedded_suite(tmp_path: Path) -> None:
    key_folder(tmp_path).rotate()
    code, output = run("token", "--data", str(tmp_path), "--role", "annotator", "--subject", "ann")
    assert code == 0, output
    assert claims_of(output.strip(), key_folder(tmp_path))["sub"] == "ann"
    code, output = run("token", "--data", str(tmp_path / "nowhere"), "--role", "annotator")
    assert code == 1
    assert "touchstone up" in output


def test_only_the_private_key_is_closed_to_others_and_only_it_can_sign(tmp_path: Path) -> None:
    code, output = run("token-keys", "rotate", "--keys", str(tmp_path / "keys"))
    assert code == 0, output
    private, public = (tmp_path / "keys" / name for name in ("private/token-key.json", "public/token-keys.json"))
    assert (private.stat().st_mode & 0o777, private.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert public.stat().st_mode & 0o044 == 0o044
    assert orjson.loads(private.read_bytes())["d"] not in public.read_text()


def test_a_former_key_is_listed_until_it_is_removed(tmp_path: Path) -> None:
    first, second = (run("token-keys", "rotate", "--keys", str(tmp_path))[1].strip() for _ in range(2))
    assert run("token-keys", "list", "--keys", str(tmp_path))[1].splitlines() == [first, f"{second}  signs"]
    assert run("token-keys", "remove", "--keys", str(tmp_path), second) == (
        1, f"Error: {second} is the key that signs; rotate first.\n",
    )  # fmt: skip
    for unknown in ("unheard-of", "-Qs3vL0"):
        assert run("token-keys", "remove", "--keys", str(tmp_path), unknown) == (
            1, f"Error: {unknown} is not among the keys.\n",
        )  # fmt: skip
    assert run("token-keys", "remove", "--keys", str(tmp_path), first)[0] == 0
    assert run("token-keys", "list", "--keys", str(tmp_path))[1].splitlines() == [f"{second}  signs"]


def test_unknown_roles_and_services_are_refused() -> None:
    assert run("token", "--role", "emperor")[0] == 2
    assert run("serve", "teapot")[0] == 2


def test_a_database_is_named_by_a_variable_or_a_file_or_not_at_all(tmp_path: Path) -> None:
    code, output = run("migrate", "ingest")
    assert code == 2
    assert "TOUCHSTONE_DATABASE_URL" in output
    (tmp_path / "touchstone_database_url").write_text("postgresql://nobody@127.0.0.1:1/nothing\n")
    code, output = run("migrate", "ingest", TOUCHSTONE_SECRETS_DIR=str(tmp_path))
    assert code == 1
    assert "the database doesn't answer" in output


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
