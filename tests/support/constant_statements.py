"""The constant statements of the code, as text."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

from shared.kit.statements import Statement

_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s", re.IGNORECASE)
_OF_OTHER_DATABASES = ("shared.kit.bus.", "shared.kit.migrations.")


def statements_of(service: str) -> Iterator[tuple[str, str]]:
    """(where, SQL) of every constant statement in the storage package of a service."""
    return _statements_in(f"services.{service}.storage")


def statements_of_kit() -> Iterator[tuple[str, str]]:
    """(where, SQL) of the kit's constant statements on the tables that every service has."""
    return (found for found in _statements_in("shared.kit") if not found[0].startswith(_OF_OTHER_DATABASES))


def _statements_in(name: str) -> Iterator[tuple[str, str]]:
    """What is a module's text, or in a tuple or mapping of texts, and begins as a statement does."""
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{name}."):
        module = importlib.import_module(found.name)
        for constant, value in vars(module).items():
            several = value if isinstance(value, tuple) else (value,)
            for one in value.values() if isinstance(value, dict) else several:
                sql = one.sql if isinstance(one, Statement) else one
                if isinstance(sql, str) and _STATEMENT.match(sql) and not _is_part(sql):
                    yield f"{found.name}.{constant}", sql


def _is_part(text: str) -> bool:
    """Whether the text is a part of other statements: it has names to be filled in."""
    return "{" in text.replace("'{}'", "") or bool(Statement(text).names)
