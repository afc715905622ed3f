"""Events that were given up: they go to `<group>.dead` with the reason, and come back when they are replayed."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from pydantic import ValidationError

from shared.kit.outbox import NewEvent, headers_text

_NAMESPACE: Final = UUID("6f6c7a1e-6f0e-5c37-9d51-2b1f2f8f7c52")
_REASON_LENGTH: Final = 500


def dead_topic(group: str) -> str:
    return f"{group}.dead"


def retry_topic(group: str) -> str:
    """Where replayed dead letters go: only this group reads it, so no other group gets the event twice."""
    return f"{group}.retry"


def reason_of(error: BaseException) -> str:
    """Describe what was wrong; of malformed input the place and the rule, never the value."""
    if isinstance(error, ValidationError):
        faults = [
            f"/{'/'.join(str(part) for part in fault['loc'])}: {fault['type']}"
            for fault in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        return f"ValidationError: {', '.join(faults)}"[:_REASON_LENGTH]
    first_line = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first_line}"[:_REASON_LENGTH]


def dead_letter(group: str, topic: str, key: bytes, raw: bytes, error: BaseException, now: datetime) -> NewEvent:
    """An event for the outbox: the event byte for byte, its story in the headers."""
    headers = {"reason": reason_of(error), "group": group, "topic": topic, "failed_at": now.isoformat()}
    return NewEvent(
        topic=dead_topic(group),
        key=UUID(bytes=key) if len(key) == 16 else uuid5(_NAMESPACE, key.hex()),  # noqa: PLR2004  a UUID's bytes
        project_id=None,
        envelope=raw,
        headers=headers_text(headers),
    )
