"""Publishes the contracts: from then on, whoever relies on them must not be broken.

`docs/openapi/` and `docs/asyncapi.json` follow the code; what is in `docs/published/` moves by this command alone, with
a release. It refuses to move over a change that breaks somebody, unless it is asked to.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from deploy.contracts import asyncapi, openapi
from deploy.contracts.schemas import Break
from shared.contracts.services import SERVICE_NAMES

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
DOCUMENTS: Final[Mapping[str, Callable[[Any, Any], list[Break]]]] = {
    **{f"openapi/{service}.json": openapi.breaking_changes for service in SERVICE_NAMES},
    "asyncapi.json": asyncapi.breaking_changes,
}
"""What is published, by its path in the docs, and what compares two of it."""


def published(docs: Path, name: str) -> Any:
    """What was published last; None before the first time."""
    file = docs / "published" / name
    return orjson.loads(file.read_bytes()) if file.exists() else None


def breaks(name: str, new: Any, docs: Path = DOCS) -> list[Break]:
    """What this document would break of the one published last."""
    old = published(docs, name)
    return [] if old is None else DOCUMENTS[name](old, new)


def publish(docs: Path, *, breaking: bool) -> list[str]:
    """Publish the documents as they are; answers what forbids it, and does nothing then."""
    found = [
        f"{name}: {each}" for name in DOCUMENTS for each in breaks(name, orjson.loads((docs / name).read_bytes()), docs)
    ]
    if found and not breaking:
        return found
    for name in DOCUMENTS:
        target = docs / "published" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((docs / name).read_bytes())
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--breaking", action="store_true", help="break whoever relies on what is published")
    found = publish(DOCS, breaking=parser.parse_args().breaking)
    if found:
        sys.exit("\n".join([*found, "These changes break somebody. If that is meant: --breaking"]))
    print(f"Published: {', '.join(DOCUMENTS)}")


if __name__ == "__main__":
    main()
