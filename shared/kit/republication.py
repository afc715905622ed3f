"""`touchstone republish`: a service publishes its present state again as ordinary events with the same revisions."""

from shared.kit import erasures
from shared.kit.exceptions import NothingToRepublish
from shared.kit.outbox import Outgoing, publish_many
from shared.kit.runtime import Runtime

_CHUNK = 500


async def republish(runtime: Runtime) -> int:
    """Publish everything in one transaction; return how many events.

    What a compacted topic keeps must be read `FOR SHARE` by the service, so that no older state comes after a newer one.
    """
    source = runtime.spec.republish
    if source is None:
        raise NothingToRepublish(runtime.spec.name)
    published = 0
    try:
        async with runtime.database.transaction() as session:
            chunk: list[Outgoing] = []
            for current in (source(session), erasures.current(session, runtime.spec.erasure)):
                async for outgoing in current:
                    chunk.append(outgoing)
                    if len(chunk) >= _CHUNK:
                        published += len(await publish_many(session, chunk))
                        chunk = []
            published += len(await publish_many(session, chunk))
    finally:
        await runtime.database.close()
    return published
