"""Work for many, one after the other: what fails for one must not hold up those after it, today and every time."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import structlog

from shared.kit.database import DatabaseErrorKind, database_error_kind

log = structlog.get_logger()


class Turns:
    """Everybody has a turn; the first failure is raised after the last one.

        with Turns("estimate") as turns:
            for project_id in waiting:
                with turns.of(project_id=project_id):
                    await estimate(project_id)

    A database that is away fails for all of them: that is raised at once.
    """

    def __init__(self, work: str) -> None:
        self._work = work
        self._failed: Exception | None = None

    @contextmanager
    def of(self, **ids: Any) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if database_error_kind(error) is DatabaseErrorKind.AWAY:
                raise
            log.warning("turn_failed", work=self._work, **ids, exc_info=error)
            self._failed = self._failed or error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None and self._failed is not None:
            raise self._failed
