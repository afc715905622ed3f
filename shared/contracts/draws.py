"""Every die is a keyed hash, so redelivery and re-scoring give the same draw and the logged probability is true."""

import hashlib
import hmac
from typing import Literal
from uuid import UUID

Purpose = Literal["split", "audit", "blind", "explore", "serve", "select", "gold"]


def draw(salt: str, purpose: Purpose, subject: UUID, nonce: int = 0) -> float:
    """A number in [0, 1), fixed by its arguments: the first 53 bits of HMAC-SHA-256 keyed by the project's salt."""
    message = b"%s:%s:%d" % (purpose.encode(), subject.bytes, nonce)
    digest = hmac.digest(salt.encode(), message, hashlib.sha256)
    return (int.from_bytes(digest[:8], "big") >> 11) / (1 << 53)
