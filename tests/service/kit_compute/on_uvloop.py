"""A pool on the event loop that services run on: `python -m tests.service.kit_compute.on_uvloop`."""

import asyncio
import contextlib
import json
import sys
from typing import Any

import uvloop

from shared.kit.compute.exceptions import ComputeTimeout
from shared.kit.compute.pool import ComputePool
from tests.service.kit_compute import computations


async def compute() -> list[Any]:
    pool = ComputePool(workers=1, timeout_s=20, preload=[computations.__name__])
    try:
        with contextlib.suppress(ComputeTimeout):
            await pool.run(computations.loop_for_ever, timeout_s=0.1)
        running = asyncio.create_task(pool.run(computations.loop_for_ever))
        await asyncio.sleep(0.05)
        running.cancel()
        return [await pool.run(computations.add, 1, 1), await pool.run(computations.echo, "x", untrusted=True)]
    finally:
        await pool.close()


if __name__ == "__main__":
    json.dump(uvloop.run(compute()), sys.stderr)
