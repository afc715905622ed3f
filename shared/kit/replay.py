"""`touchstone replay`: events that a service gave up come back to it, and to nobody else."""

from typing import Final

from shared.kit.bus import Bus, Inbound, Outbound, Partition
from shared.kit.dead_letters import dead_topic, retry_topic
from shared.kit.exceptions import BusUnavailable

_CHUNK: Final = 200
_WAIT_S: Final = 1.0
_EMPTY_ROUNDS: Final = 3  # a member that has just joined may have to wait for its partitions


def replay_group(group: str) -> str:
    """The consumer group that reads a group's dead letters."""
    return f"{group}.replay"


async def replay_dead_letters(bus: Bus, group: str) -> int:
    """Move the group's dead letters to its retry topic, where its consumer takes them; return how many.

    A letter is acknowledged after it is sent, so it may come twice; its effect comes once. Raises BusUnavailable.
    """

    async def revoked(_: frozenset[Partition]) -> None:
        """Nothing is in hand between two fetches."""

    consumer = bus.consumer(replay_group(group), [dead_topic(group)], revoked)
    moved = empty = 0
    try:
        await consumer.start()
        while empty < _EMPTY_ROUNDS:
            letters = await consumer.fetch(_CHUNK, _WAIT_S)
            empty = 0 if letters else empty + 1
            if letters:
                await _move(bus, group, letters)
                await consumer.acknowledge(_last_of_each(letters))
                moved += len(letters)
    finally:
        await consumer.stop()
    return moved


async def _move(bus: Bus, group: str, letters: list[Inbound]) -> None:
    topic = retry_topic(group)
    outgoing = [Outbound(topic, letter.key, letter.value, letter.headers) for letter in letters]
    published = await bus.publish(outgoing)
    if len(published.sent) != len(outgoing):
        raise BusUnavailable(f"only {len(published.sent)} of {len(outgoing)} dead letters could be sent")


def _last_of_each(letters: list[Inbound]) -> dict[Partition, int]:
    return {Partition(letter.topic, letter.partition): letter.position for letter in letters}
