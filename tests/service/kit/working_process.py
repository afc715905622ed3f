"""A worker of jobs in a process of its own: a job `fatal` ends it at once, a job `slow` takes a moment."""

import asyncio
import os
import sys
from typing import Any

from shared.kit import jobs
from shared.kit.jobs import Job, JobWorker
from shared.kit.runtime import Runtime
from tests.service.kit.tiny import main as tiny
from tests.support.service import service_under_test


async def fatal(_: Runtime[Any], __: Job) -> dict[str, Any]:
    await asyncio.sleep(0.2)
    os._exit(137)


async def slow(_: Runtime[Any], __: Job) -> dict[str, Any]:
    await asyncio.sleep(0.8)
    return {}


async def main(database_url: str) -> None:
    jobs.LEASE_S = 1.0
    jobs._HEARTBEAT_S = 0.3
    tiny.JOBS.update(fatal=fatal, slow=slow)
    async with service_under_test("tests.service.kit.tiny", database_url=database_url) as service:
        JobWorker(service.runtime, poll_s=0.2).start()
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
