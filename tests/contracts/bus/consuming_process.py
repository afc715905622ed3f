"""A service in a process of its own, which ends at once, as by SIGKILL, when it handles one of some events.

It runs until it is killed.
"""

import asyncio
import json
import os
from typing import Any

from shared.contracts.envelope import Event
from shared.contracts.events import RecordAccepted, RecordErased
from shared.kit.bus import connect_bus
from shared.kit.consuming import attach
from shared.kit.database import Database, Session
from shared.kit.runner import Runner
from shared.kit.settings import Settings
from tests.service.kit_events.conftest import Effects
from tests.support.service import settings_for


def consume(*arguments: str) -> None:
    asyncio.run(main(*arguments))


async def main(bus_url: str, bus_settings: str, database_url: str, *fatal: str) -> None:
    """Handle events until one comes whose id is in `fatal`."""
    database = Database(settings_for(Settings, database_url))
    effects = Effects(database)
    attach(database, effects.handlers)

    async def end_the_process(_: Session, event: Event[Any]) -> None:
        if str(event.id) in fatal:
            os._exit(137)

    effects.hooks = {RecordAccepted: end_the_process, RecordErased: end_the_process}
    await Runner(database, connect_bus(bus_url, **json.loads(bus_settings)), effects.handlers, lanes=3).run()
