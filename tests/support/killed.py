"""Programs that tests start and that end by SIGKILL."""

import asyncio
import signal
import sys

_TIMEOUT_S = 60.0


async def run_until_killed(module: str, *arguments: object) -> None:
    """Run a module as a program of its own until it is killed, which is how it must end."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *map(str, arguments))
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            assert await process.wait() == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
