"""A relay in a process of its own, which is killed when the bus has taken so many messages and nobody has noted it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence

from shared.kit.bus import Bus, Outbound, Published, Writer, connect_bus
from shared.kit.database import Database
from shared.kit.relay import Relay
from shared.kit.settings import Settings
from tests.support.service import settings_for


async def main(bus_url: str, bus_settings: str, database_url: str, most: int) -> None:
    bus: Bus = connect_bus(bus_url, **json.loads(bus_settings))
    publish = bus.publish

    async def publish_some(messages: Sequence[Outbound], writer: Writer | None = None) -> Published:
        await publish(messages[:most], writer)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    bus.publish = publish_some  # type: ignore[method-assign]
    await Relay(Database(settings_for(Settings, database_url)), bus, "tiny").run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
