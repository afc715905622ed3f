"""The migrations that have landed are frozen: `docs/published/migrations.txt` has the SHA-256 of each.

`python -m deploy.contracts.migrations` adds those that are new; it never changes a line. Whoever still works on a
revision that has not landed deletes its line and runs it again.
"""

import ast
import hashlib
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LIST: Final = ROOT / "docs" / "published" / "migrations.txt"
FOLDERS: Final = ("shared/kit/migrations/kit_*.py", "services/*/migrations/versions/*.py")


def migrations(root: Path = ROOT) -> dict[str, str]:
    """The SHA-256 of each migration's file, by its path."""
    files = [file for pattern in FOLDERS for file in root.glob(pattern)]
    return {file.relative_to(root).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def needs_stop(service: str, root: Path = ROOT) -> dict[str, str]:
    """The revisions for which the replicas of a service are stopped, each with its reason, as its `env.py` gives them."""
    tree = ast.parse((root / "services" / service / "migrations" / "env.py").read_text())
    given = [word.value for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords]
    return {revision: why for value in given for revision, why in ast.literal_eval(value).items()}


def frozen(listed: Path = LIST) -> dict[str, str]:
    """The SHA-256 of each migration that has landed, by its path."""
    lines = listed.read_text().splitlines() if listed.exists() else []
    return {path: digest for digest, path in (line.split("  ", 1) for line in lines)}


def changed(found: dict[str, str], landed: dict[str, str]) -> list[str]:
    """The landed migrations whose file is gone or another one."""
    return sorted(path for path, digest in landed.items() if found.get(path) != digest)


def main() -> None:
    found, landed = migrations(), frozen()
    if broken := changed(found, landed):
        sys.exit("\n".join([*broken, "These have landed: put them back, and make a new revision of the change."]))
    LIST.write_text("".join(f"{digest}  {path}\n" for path, digest in sorted((found | landed).items())))
    print(f"Frozen: {len(found)} migrations, {len(found) - len(landed)} of them now")


if __name__ == "__main__":
    main()
