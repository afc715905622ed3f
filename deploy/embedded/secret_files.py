"""The embedded suite's secrets: made once, kept in one file that only its owner may read."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Secrets:
    jwt_key: str
    objects_secret: str

    @classmethod
    def load_or_create(cls, path: Path) -> "Secrets":
        if path.exists():
            return cls(**json.loads(path.read_text()))
        made = cls(jwt_key=secrets.token_urlsafe(48), objects_secret=secrets.token_urlsafe(48))
        unfinished = path.with_suffix(".new")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(made), file)
        unfinished.rename(path)
        return made
