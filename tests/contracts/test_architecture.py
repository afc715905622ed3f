"""What ARCHITECTURE.md names is there: a newcomer follows a record through the code by it."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text()
PATHS = sorted(set(re.findall(r"`((?:services|shared|deploy|tests|docs)/[\w/.]+)`", TEXT)))
FUNCTIONS = sorted(set(re.findall(r"`((?:services|shared)/[\w/]+\.py)` \(`(\w+)`", TEXT)))


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("path", "name"), FUNCTIONS)
def test_a_function_that_is_named_is_in_its_file(path: str, name: str) -> None:
    assert re.search(rf"\b(?:def|class) {name}\b", (ROOT / path).read_text())


def test_the_way_of_a_record_is_told_with_its_functions() -> None:
    assert len(PATHS) > 30
    assert len(FUNCTIONS) > 8


def test_every_decision_is_in_the_index_under_a_number_of_its_own() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert len({name[:4] for name in files}) == len(files)
    index = (folder / "README.md").read_text()
    assert [name for name in files if f"({name})" not in index] == []
