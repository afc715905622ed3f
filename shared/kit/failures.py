"""Why an attempt at something failed, in words that may be stored and shown."""

from shared.kit.compute.exceptions import ComputeFailed
from shared.kit.database import database_error_kind


def failure_of(error: BaseException) -> str:
    """A sentence on what went wrong, without any content."""
    if isinstance(error, ComputeFailed):
        message = str(error)
        return f"{message[:1].upper()}{message[1:]}."
    kind = database_error_kind(error)
    return f"A fault of the service ({type(error).__name__})." if kind is None else f"The database failed ({kind})."
