"""The embedded suite's secrets: made once, kept in one file that only its owner may read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Secrets:
    """`seal_key` signs qa's seals and releases; the others are shared by the services."""

    jwt_key: str
    objects_secret: str
    seal_key: str

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the secrets; one that is missing, as in a folder of an earlier version, is made."""
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        made = cls(
            jwt_key=kept.get("jwt_key") or secrets.token_urlsafe(48),
            objects_secret=kept.get("objects_secret") or secrets.token_urlsafe(48),
            seal_key=kept.get("seal_key") or secrets.token_hex(32),
        )
        if asdict(made) != kept:
            made._write(path)
        return made

    def _write(self, path: Path) -> None:
        unfinished = path.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        unfinished.rename(path)
