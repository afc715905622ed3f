"""A member of a group in a process of its own, to be killed or frozen.

It reads as many messages as it is asked to, sends their positions, and acknowledges them all when it is sent anything.
"""

import asyncio
import json
from multiprocessing.connection import Connection

from shared.kit.bus import Partition, connect_bus


def join(url: str, settings: str, group: str, count: int, connection: Connection) -> None:
    asyncio.run(main(url, settings, group, count, connection))


async def main(url: str, settings: str, group: str, count: int, connection: Connection) -> None:
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
    connection.send(positions)
    held = set(done)
    await asyncio.to_thread(connection.recv)
    refused = await consumer.acknowledge(dict(done)) | (held - done.keys())
    connection.send(sorted(refused))
