"""Does the jobs that wait in one service's database, in a process of its own that can be measured and killed.

`python -m bench._jobs qa` takes its settings from the environment, as the service does, and ends with one JSON line.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path

from shared.kit.jobs import JobWorker


def environment(database_url: str, objects: Path) -> dict[str, str]:
    """Return the environment in which such a process finds its database and object store."""
    return os.environ | {
        "TOUCHSTONE_ENVIRONMENT": "embedded",
        "TOUCHSTONE_DATABASE_URL": database_url,
        "TOUCHSTONE_BUS_URL": database_url,
        "TOUCHSTONE_OBJECTS_URL": objects.as_uri(),
        "TOUCHSTONE_OBJECTS_SECRET": "no URL is signed here, but one is asked for",
        "TOUCHSTONE_SEAL_KEY": "0" * 64,
        "TOUCHSTONE_OIDC_ISSUER": "https://nobody.invalid",
        "TOUCHSTONE_ACTOR_SECRET": "nobody acts here, but a secret is asked for",
        "TOUCHSTONE_LOG_LEVEL": "error",
    }


async def work(service: str) -> None:
    """Do every job that waits; print what it took."""
    app = importlib.import_module(f"services.{service}.main").create_app()
    app.state.background = False
    async with app.router.lifespan_context(app):
        worker = JobWorker(app.state.runtime)
        started, cpu_s = time.perf_counter(), time.process_time()
        done = 0
        while await worker.run_one():
            done += 1
        took = {"jobs": done, "s": time.perf_counter() - started, "cpu_s": time.process_time() - cpu_s}
    print(json.dumps(took | {"rss_mb": largest_rss_mb()}), flush=True)


def largest_rss_mb() -> float:
    """The most memory this process had at any moment; `getrusage` would count its parent's before exec, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
