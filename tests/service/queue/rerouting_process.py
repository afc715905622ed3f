"""Queue in a process of its own, which routes again what a change concerns and is killed within a page of it.

As soon as so many of the page's sets are committed: with all of them it is killed before it notes the page's place.
"""

import asyncio
import os
import signal
import sys
from typing import Any
from uuid import UUID

from services.queue.operations import routing
from services.queue.storage.project_changes import PendingProjectChange
from services.queue.storage.thresholds import ThresholdChange
from shared.kit.clock import utc_now
from shared.kit.database import Session
from tests.support.service import service_under_test

SETS = 6
"""More than are routed side by side."""


async def main(database_url: str, committed: int, a_set: int) -> None:
    begun, done = 0, asyncio.Semaphore(0)
    route_again = routing._route_again

    async def killed(*_arguments: object) -> None:
        for _ in range(committed):
            await done.acquire()
        os.kill(os.getpid(), signal.SIGKILL)

    async def route_some(session: Session, projects: Any, record_ids: list[UUID], now: Any) -> None:
        nonlocal begun
        begun += 1
        if begun > committed:
            await killed()
        session.on_commit(done.release)
        await route_again(session, projects, record_ids, now)

    routing._route_again = route_some
    for change in (ThresholdChange, PendingProjectChange):
        change.go_on = killed  # type: ignore[assignment, method-assign]
    async with service_under_test("queue", database_url=database_url) as service:
        await routing.reroute(service.database, service.runtime.resources.projects, utc_now(), a_set)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
