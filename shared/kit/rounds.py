"""Work of which there may be any amount, some of it at a time, each time in a transaction of its own."""

from collections.abc import Awaitable, Callable

from shared.kit.database import Session, Transaction


async def until_done(
    open_session: Callable[[], Transaction], step: Callable[[Session, int], Awaitable[int]], at_once: int
) -> None:
    """Take steps of at most `at_once` until one finds less to do than that.

    `open_session` is `Database.transaction` or `Database.autocommit`. `step` takes the session and the limit, and returns
    how many there were.
    """
    done = at_once
    while done >= at_once:
        async with open_session() as session:
            done = await step(session, at_once)
