"""What the kit raises; `shared.kit.problem_mapping` says which status the edge gives to each."""

from uuid import UUID


class NotKnownHere(Exception):
    """This service has no copy of it (yet)."""

    retry_after_s = 1

    def __init__(self, what: str, id: UUID) -> None:  # noqa: A002  the natural word
        super().__init__(f"No {what} {id} is known here.")
        self.what = what
        self.id = id


class BusUnavailable(Exception):
    """The bus does not answer; what was asked may or may not have happened."""


class BusRefused(BusUnavailable):
    """The bus answers and refuses: the password, its certificate to us, or a right. `refused` says what, for logs."""

    def __init__(self, refused: str) -> None:
        super().__init__(refused)
        self.refused = refused


class MemberLost(BusUnavailable):
    """The client that consumes can't go on, whatever the bus does: a new one has to join the group."""


class WriterSuperseded(BusUnavailable):
    """Another process publishes in this name now: what this one holds back is that one's to send."""


class EventTooLarge(ValueError):
    """The event is larger than a topic takes."""


class JobFailed(Exception):
    """Raised by a handler to end its job at once; the message is shown to whoever asked."""


class KeyMissing(TypeError):
    """Neither the arguments nor the payload name the entity that the event is about."""


class KeysMalformed(ValueError):
    """A file of keys can't be used; the text says why and shows no key."""


class KeysUnavailable(Exception):
    """The issuer's keys can't be fetched."""

    retry_after_s = 5


class JobLeaseLost(Exception):
    """Another worker has the job now."""


class MalformedJson(ValueError):
    """The body is not JSON (RFC 8259)."""


class NoFreeConnection(Exception):
    """All of the process's connections to the database were in use for too long."""


class NothingToRepublish(Exception):
    """The service has no state that others keep."""


class ObjectMissing(Exception):
    """There is no such object."""


class ReplicasRunning(Exception):
    """Replicas of a service are connected, and a revision of its schema needs them stopped."""


class SchemaOutdated(Exception):
    """The database's schema is older than the one this version needs."""


class SignatureRefused(Exception):
    """The URL is not one that was given out, or its time is over."""


class TooMuchInHand(Exception):
    """The service has as much in hand as it can hold."""

    retry_after_s = 2


class UnsafeKey(ValueError):
    """An object's key consists of plain segments."""
