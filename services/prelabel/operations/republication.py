"""prelabel's current state as ordinary events, for services that joined late."""

from collections.abc import AsyncIterator

from services.prelabel.storage import models, predictions
from shared.kit.database import Session
from shared.kit.outbox import Outgoing


async def everything(session: Session) -> AsyncIterator[Outgoing]:
    """Every model, then every prediction; ids and revisions are those they had."""
    async for item in models.current(session):
        yield item
    async for item in predictions.current(session):
        yield item
