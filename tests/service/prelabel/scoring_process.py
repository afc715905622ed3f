"""Prelabel in a process of its own, which scores what is due and is killed when the first set of a page is committed."""

import asyncio
import os
import signal
import sys
from typing import Any

from services.prelabel.operations import scoring
from tests.support.service import service_under_test


async def main(database_url: str, objects_url: str, a_set: int) -> None:
    committed = asyncio.Event()
    score, begun = scoring._score, 0

    async def score_some(*arguments: Any) -> tuple[int, int]:
        nonlocal begun
        begun += 1
        if begun > 1:
            await committed.wait()
            os.kill(os.getpid(), signal.SIGKILL)
        done = await score(*arguments)
        committed.set()
        return done

    scoring._score = score_some  # type: ignore[assignment]
    async with service_under_test("prelabel", database_url=database_url, objects_url=objects_url) as service:
        service.runtime.resources.pace.size = a_set
        await service.run_loop("score")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
