"""A member of a group in a process of its own, to be killed or frozen.

It reads as many messages as it is asked to, prints their positions, and acknowledges them all when it is sent a line.
"""

import asyncio
import json
import sys

from shared.kit.bus import Partition, connect_bus


async def main(url: str, settings: str, group: str, count: int) -> None:
    bus = connect_bus(url, **json.loads(settings))
    done: dict[Partition, int] = {}

    async def revoked(partitions: frozenset[Partition]) -> None:
        for each in partitions:
            done.pop(each, None)  # as whoever honours the port does

    consumer = bus.consumer(group, ["things"], revoked)
    await consumer.start()
    positions: list[int] = []
    while len(positions) < count:
        for message in await consumer.fetch(500, 0.5):
            done[Partition(message.topic, message.partition)] = message.position
            positions.append(message.position)
    print(json.dumps(positions), flush=True)  # noqa: T201  the test reads it
    held = set(done)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    refused = await consumer.acknowledge(dict(done)) | (held - done.keys())
    print(json.dumps(sorted(refused)), flush=True)  # noqa: T201  the test reads it


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
