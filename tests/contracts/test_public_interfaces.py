"""Of FastAPI, Starlette and pydantic the code uses what they offer publicly: the rest may change in any version."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = ("fastapi", "starlette", "pydantic")
INTERNAL = {"dependant", "body_field", "body_params", "response_field"}
"""Attributes of routes that are no part of what FastAPI documents."""
FILES = sorted(path for root in ("services", "shared", "deploy") for path in (ROOT / root).rglob("*.py"))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_internal(name: str) -> bool:
    library, *parts = name.split(".")
    return library in LIBRARIES and (any(part.startswith("_") for part in parts) or "dependencies" in parts)


@pytest.mark.parametrize("root", ["services", "shared", "deploy"])
def test_nothing_internal_is_imported_or_touched(root: str) -> None:
    found = []
    for path in FILES:
        if path.is_relative_to(ROOT / root):
            tree = ast.parse(path.read_text())
            found += [f"{path.relative_to(ROOT)}: {name}" for name in _imported(tree) if _is_internal(name)]
            found += [
                f"{path.relative_to(ROOT)}: .{node.attr}"
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and node.attr in INTERNAL
            ]
    assert found == []
