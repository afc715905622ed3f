"""What is asked for and is not here."""

from uuid import UUID


class NotKnownHere(Exception):
    """This service has not heard of it (yet)."""

    retry_after_s = 1

    def __init__(self, what: str, entity_id: UUID) -> None:
        super().__init__(f"No {what} {entity_id} is known here.")
