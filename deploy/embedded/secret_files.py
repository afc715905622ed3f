"""The embedded suite's secrets: made once, kept in files that only their owner may read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from shared.kit.token_keys import KeyFolder


@dataclass(frozen=True, slots=True)
class Secrets:
    """`seal_key` signs qa's seals and releases; the others are shared by the services."""

    actor_secret: str
    objects_secret: str
    seal_key: str

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """What the file holds; what it lacks is made, and what is a secret no longer goes."""
        held: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        made = cls(
            actor_secret=held.get("actor_secret") or secrets.token_urlsafe(48),
            objects_secret=held.get("objects_secret") or secrets.token_urlsafe(48),
            seal_key=held.get("seal_key") or secrets.token_hex(32),
        )
        if asdict(made) != held:
            made._write(path)
        return made

    def _write(self, path: Path) -> None:
        unfinished = path.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        unfinished.replace(path)


def key_folder(data_dir: Path) -> KeyFolder:
    """The keys of the suite's tokens: the private one mints, services know the public ones."""
    return KeyFolder(data_dir / "token-keys")
