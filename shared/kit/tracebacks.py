"""Exceptions that have been dealt with, and what they would still hold."""


def forget_origin(error: BaseException) -> None:
    """Take from an exception, and from all that it was raised from, where each was raised.

    A traceback holds the local variables of every function that the exception came through. One of them often leads back
    to the exception (a task that failed, the exception itself before it was raised), and then a body of many MiB is left
    to the collector of cycles, which counts objects and not bytes. Who has dealt with an exception calls this.
    """
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        one.__traceback__ = one.__cause__ = one.__context__ = None
