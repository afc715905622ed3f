"""Migrations stand by themselves, never change once landed, and leave the previous release what it needs."""

import ast
import re
from pathlib import Path

import pytest

from deploy.contracts import migrations
from shared import __version__

FILES = [migrations.ROOT / path for path in migrations.migrations()]
CONTRACTING = re.compile(
    r"\bDROP\s+(TABLE|COLUMN|VIEW)|\bRENAME\s+(COLUMN\s+)?\w+\s+TO|\bSET\s+NOT\s+NULL|\bALTER\s+(COLUMN\s+)?\w+\s+TYPE\b",
    re.IGNORECASE,
)
RENAMED_TABLE = re.compile(r"\bALTER\s+TABLE\s+(\w+)\s+RENAME\s+TO", re.IGNORECASE)


def _name(file: Path) -> str:
    return file.relative_to(migrations.ROOT).as_posix()


def test_every_migration_is_as_it_landed() -> None:
    found, landed = migrations.migrations(), migrations.frozen()
    assert migrations.changed(found, landed) == [], "a landed migration never changes: make a new revision"
    assert sorted(found) == sorted(landed), "a new migration lands with its hash: make freeze-migrations"


def test_a_changed_or_removed_migration_is_named() -> None:
    landed = {"a.py": "1", "b.py": "2", "c.py": "3"}
    assert migrations.changed({"a.py": "1", "b.py": "another", "d.py": "4"}, landed) == ["b.py", "c.py"]


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_migration_imports_nothing_that_changes(file: Path) -> None:
    imported = set[str]()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    others = {
        name for name in imported
        if not re.fullmatch(r"alembic\.op|typing\.\w+|collections\.abc\.\w+|shared\.kit\.migrations\.kit_\d{4}", name)
    }  # fmt: skip
    assert others == set()


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_migration_takes_away_only_what_no_release_needs(file: Path) -> None:
    text = file.read_text()
    gone = [name for name in RENAMED_TABLE.findall(text) if f"CREATE TABLE {name} " not in text]
    if gone or CONTRACTING.search(text):
        declared = re.search(r'^contracts_after = "([^"]+)"', text, re.MULTILINE)
        assert declared, (
            'a revision that takes away declares since when nothing needs it: contracts_after = "<version>"'
        )
        assert _numbers(declared[1]) < _numbers(__version__)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
