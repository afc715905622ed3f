"""`make secrets`: every secret of the containers as a file of its own, made once.

The folder is for its owner alone. The files in it can be read by all, since Compose mounts them as they are and the users
in the containers are others; only the private key of tokens, which no service gets, is closed in itself, too.
"""

import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.kafka.security import ADMIN, BrokerSecurity, make_certificates
from shared.contracts.services import SERVICE_NAMES, database_of
from shared.kit.token_keys import KeyFolder

_MOUNTED: Final = Path("/run/secrets")
_DATA: Final = "/var/lib/kafka/data"
_CONTROLLER: Final = "127.0.0.1:9093"


def make_secrets(folder: Path) -> bool:
    """Whether they were made: a folder that is there stays as it is."""
    if folder.exists():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as unfinished:
        made = Path(unfinished) / "made"
        made.mkdir(mode=0o700)
        KeyFolder(made / "token-keys").rotate()
        certificate, authority = make_certificates(made, ["kafka", "localhost", "127.0.0.1"])
        certificate.rename(made / "kafka_certificate")
        authority.rename(made / "kafka_ca")
        for name, content in _contents():
            (made / name).write_text(content)
        for file in made.iterdir():
            if file.is_file():
                file.chmod(0o444)
        made.rename(folder)
    return True


def _contents() -> Iterator[tuple[str, str]]:
    for name in ("postgres_password", "grafana_password", "actor_secret", "seal_key"):
        yield name, secrets.token_hex(32)
    yield from ((f"{service}_objects_secret", secrets.token_hex(32)) for service in ("ingest", "prelabel", "qa"))
    for service in SERVICE_NAMES:
        password = secrets.token_hex(32)
        yield f"{service}_database_password", password
        yield f"{service}_database_url", f"postgresql://{service}:{password}@postgres/{database_of(service)}"
    passwords = {user: secrets.token_hex(32) for user in (ADMIN, *SERVICE_NAMES)}
    for user, password in passwords.items():
        yield f"{user}_bus_url", f"kafka://{user}:{password}@kafka:9092?cafile={_MOUNTED / 'kafka_ca'}"
    security = BrokerSecurity(_MOUNTED / "kafka_certificate", _MOUNTED / "kafka_ca", passwords)
    yield "kafka_users", "".join(f"{each}\n" for each in security.format_arguments() if each != "--add-scram")
    properties = _BROKER | security.properties(":9092", "kafka:9092", _CONTROLLER)
    yield "kafka_properties", "".join(f"{name}={value}\n" for name, value in properties.items())


_BROKER: Final = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": f"1@{_CONTROLLER}",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": _DATA,
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
}

if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "secrets")
    print(f"Wrote {target}/." if make_secrets(target) else f"{target}/ is there already and stays as it is.")
