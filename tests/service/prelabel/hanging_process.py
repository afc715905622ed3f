"""Prelabel in a process of its own that stops in the middle of scoring, as if it hung. When it goes on, its model has failed."""

import asyncio
import os
import signal
import sys
from typing import Any

from services.prelabel.exceptions import InferenceFailed
from tests.support.service import service_under_test


async def hang(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSTOP)
    raise InferenceFailed("it took longer than it may")


async def main(database_url: str, objects_url: str) -> None:
    async with service_under_test("prelabel", database_url=database_url, objects_url=objects_url) as service:
        service.runtime.resources.inference.predict = hang
        await service.run_loop("score")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
