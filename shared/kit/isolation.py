"""Work for many items, one after the other, in which one item's failure doesn't hold up the others."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import structlog

from shared.kit.database import DatabaseErrorKind, database_error_kind

log = structlog.get_logger()


@contextmanager
def isolated(work: str) -> Iterator[Callable[..., AbstractContextManager[None]]]:
    """Give a context manager for each item; the first failure is raised after the last item.

        with isolated("estimate") as item:
            for project_id in waiting:
                with item(project_id=project_id):
                    await estimate(project_id)

    The ids go to the log with the failure. A database that is away fails for all items: that is raised at once.
    """
    failures: list[Exception] = []

    @contextmanager
    def item(**ids: Any) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if database_error_kind(error) is DatabaseErrorKind.AWAY:
                raise
            log.warning("item_failed", work=work, **ids, exc_info=error)
            failures.append(error)

    yield item
    if failures:
        raise failures[0]
