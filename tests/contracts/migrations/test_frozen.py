"""Migrations stand by themselves, never change once landed, and leave the previous release what it needs."""

import ast
import re
from pathlib import Path

import pytest

from deploy.contracts import migrations
from shared import __version__
from shared.contracts.services import SERVICE_NAMES

FILES = [migrations.ROOT / path for path in migrations.migrations()]
TAKES_AWAY = re.compile(
    r"\bDROP\s+(TABLE|COLUMN|VIEW)|\bRENAME\s+(COLUMN\s+)?\w+\s+TO|\bSET\s+NOT\s+NULL"
    r"|\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b",
    re.IGNORECASE,
)
RENAMED_TABLE = re.compile(r"\bALTER\s+TABLE\s+(\w+)\s+RENAME\s+TO", re.IGNORECASE)
# What a table that is there takes no more from the previous release, or gives it that it never gave.
ALTERED = re.compile(r"\bALTER\s+TABLE\s+(?:ONLY\s+)?(\w+)\s(.*?)(?:;|\"\"\"|\"[,)\n])", re.IGNORECASE | re.DOTALL)
UNIQUE_INDEX = re.compile(r"\bCREATE\s+UNIQUE\s+INDEX\s+\w+\s+ON\s+(\w+)", re.IGNORECASE)
NARROWS = {
    "a new rule": re.compile(r"\bADD\s+(CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b", re.IGNORECASE),
    "a rule less": re.compile(r"\bDROP\s+CONSTRAINT\b", re.IGNORECASE),
    "a column to be given": re.compile(
        r"\bADD\s+(?:COLUMN\s+)?(?!CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)(?:(?!\bDEFAULT\b|\bGENERATED\b)[^,])*\bNOT\s+NULL\b"
        r"(?![^,]*\b(?:DEFAULT|GENERATED)\b)",
        re.IGNORECASE,
    ),
    "null where there was none": re.compile(r"\bDROP\s+NOT\s+NULL\b", re.IGNORECASE),
}
LIVED_WITH = {
    "shared/kit/migrations/kit_0004.py": "an old relay sends nothing more, and what old replicas publish is sent by a new one",
    "services/prelabel/migrations/versions/0007_contents_alone.py": "nothing deletes records, so no content loses its own",
}
"""Revisions that narrow, and how the previous release lives with them all the same."""


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
    if gone or TAKES_AWAY.search(text):
        declared = re.search(r'^contracts_after = "([^"]+)"', text, re.MULTILINE)
        assert declared, (
            'a revision that takes away declares since when nothing needs it: contracts_after = "<version>"'
        )
        assert _numbers(declared[1]) < _numbers(__version__)


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_a_migration_that_narrows_says_how_old_replicas_live_with_it(file: Path) -> None:
    """Or that they have to be stopped: `needs_stop` in the `env.py` of the service, or of each where it is the kit's."""
    if found := narrowing(file.read_text()):
        assert _name(file) in LIVED_WITH or all(_stops_for(file, service) for service in _services_of(file)), found


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("ALTER TABLE a ADD COLUMN b int NOT NULL", ["a: a column to be given"]),
        ("ALTER TABLE a ADD b int NOT NULL, ADD COLUMN c int DEFAULT 0", ["a: a column to be given"]),
        ("ALTER TABLE a ADD COLUMN b int NOT NULL DEFAULT 0, ADD COLUMN c text", []),
        ("ALTER TABLE a ADD COLUMN b bigint GENERATED ALWAYS AS IDENTITY", []),
        ("ALTER TABLE a ADD CHECK (b > 0)", ["a: a new rule"]),
        ("ALTER TABLE a ADD CONSTRAINT positive CHECK (b > 0)", ["a: a new rule"]),
        ("ALTER TABLE a DROP CONSTRAINT a_pkey, ADD PRIMARY KEY (b, c)", ["a: a new rule", "a: a rule less"]),
        ("ALTER TABLE a ALTER COLUMN b DROP NOT NULL", ["a: null where there was none"]),
        ("CREATE UNIQUE INDEX a_once ON a (b)", ["a: a new rule"]),
        ("CREATE TABLE a (b int NOT NULL); ALTER TABLE a ADD CHECK (b > 0)", []),
        ("CREATE INDEX a_by_b ON a (b)", []),
    ],
)
def test_what_narrows_is_found(sql: str, found: list[str]) -> None:
    assert narrowing(f'op.execute("{sql}")\n') == found


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_operators_read_which_revisions_need_a_stop(service: str) -> None:
    listed = re.findall(
        rf"^\| {service} \| (\d+) \|", (migrations.ROOT / "docs" / "upgrades.md").read_text(), re.MULTILINE
    )
    assert listed == sorted(migrations.needs_stop(service))
    revisions = {file.name[:4] for file in FILES if file.parts[-4] == service}
    assert set(listed) <= revisions


def narrowing(text: str) -> list[str]:
    """What a migration's text does to tables that were there before, and the previous release may not live with."""
    found = set[str]()
    for table, actions in ALTERED.findall(text):
        found |= {f"{table}: {what}" for what, pattern in NARROWS.items() if pattern.search(actions)}
    found |= {f"{table}: a new rule" for table in UNIQUE_INDEX.findall(text)}
    return sorted(each for each in found if f"CREATE TABLE {each.split(':')[0]} " not in text)


def _services_of(file: Path) -> list[str]:
    return list(SERVICE_NAMES) if file.name.startswith("kit_") else [file.parts[-4]]


def _stops_for(file: Path, service: str) -> bool:
    """Whether the service's replicas are stopped for this revision, or for the one that applies it."""
    applied = [
        each.name[:4] for each in FILES if each.parts[-4] == service and (each == file or file.stem in each.read_text())
    ]
    return bool(set(applied) & set(migrations.needs_stop(service)))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]
