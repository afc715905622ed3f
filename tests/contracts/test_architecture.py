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


@pytest.mark.parametrize("readme", sorted(ROOT.glob("services/*/README.md")), ids=lambda path: path.parent.name)
def test_a_module_that_a_service_describes_exists(readme: Path) -> None:
    named = re.findall(
        r"`((?:api|compute|domain|exports|imports|media|operations|storage)/[\w/]+\.py)`", readme.read_text()
    )
    assert [path for path in named if not (readme.parent / path).exists()] == []


def test_the_way_of_a_record_is_described_with_its_functions() -> None:
    assert len(PATHS) > 30
    assert len(FUNCTIONS) > 8


def test_every_decision_is_in_the_index_under_a_number_of_its_own() -> None:
    folder = ROOT / "docs" / "decisions"
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert len({name[:4] for name in files}) == len(files)
    index = (folder / "README.md").read_text()
    assert [name for name in files if f"({name})" not in index] == []


OWN_IN_EACH_SERVICE = {
    **dict.fromkeys(("Project", "Record", "Prediction", "Model"), "the service's own copy of a thing of all"),
    "NewRecord": "a row of the service's own records",
    "Consumers": "the service's event edge",
    "ProjectCache": "what the service has parsed of its own copies of projects",
    **dict.fromkeys(("AnnotationOut", "RecordOut"), "a name in the service's published OpenAPI"),
    **dict.fromkeys(
        ("ProjectArchived", "UnknownSchemaVersion", "RecordErased"), "a problem's published type is named after it"
    ),
}
"""The names of classes that may be in several packages, each with its reason."""


def _public_classes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for root in ("services", "shared", "deploy"):
        for path in sorted((ROOT / root).rglob("*.py")):
            for name in re.findall(r"^class ([A-Z]\w*)", path.read_text(), re.MULTILINE):
                found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return found


def test_a_class_has_a_name_of_its_own_in_the_repository() -> None:
    shared = {name: paths for name, paths in _public_classes().items() if len(paths) > 1}
    assert {name: paths for name, paths in shared.items() if name not in OWN_IN_EACH_SERVICE} == {}
    assert sorted(OWN_IN_EACH_SERVICE.keys() - shared.keys()) == []


def test_no_statement_takes_a_filter_that_may_be_null() -> None:
    """A plan that PostgreSQL keeps for any parameters filters by it where it should seek: see `services.qa.storage.lists`."""
    for path in (ROOT / "services").rglob("*.py"):
        assert not re.search(r"\$\d+(::\w+(\[\])?)? IS NULL OR", path.read_text()), path
