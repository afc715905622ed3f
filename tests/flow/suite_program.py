"""A program that holds a suite, as a bench or a trial does: one service, PostgreSQL and Kafka, until it is ended."""

import asyncio
import sys
from pathlib import Path

from deploy.embedded.supervisor import Suite, SuiteSettings


async def main(data_dir: Path) -> None:
    async with Suite(SuiteSettings(data_dir, bus="kafka", first_port=0, durable=False, services=["queue"])):
        (data_dir / "ready").touch()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
