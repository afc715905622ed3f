"""What may come with a later event."""

from uuid import UUID


class NotKnownHere(Exception):
    """This service has not heard of it (yet)."""

    retry_after_s = 1

    def __init__(self, what: str, id: UUID) -> None:  # noqa: A002  the natural word
        super().__init__(f"No {what} {id} is known here.")
        self.what = what
        self.id = id
