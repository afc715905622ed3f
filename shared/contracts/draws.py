"""Every die is a keyed hash, so redelivery and re-scoring give the same draw and the logged probability is true."""

import hmac
from functools import lru_cache
from typing import Literal
from uuid import UUID

Purpose = Literal["split", "audit", "blind", "explore", "serve", "select", "gold", "check"]


def draw(salt: str, purpose: Purpose, subject: UUID, nonce: int = 0) -> float:
    """A number in [0, 1), fixed by its arguments: the first 53 bits of HMAC-SHA-256 keyed by the project's salt."""
    keyed = _keyed(salt).copy()
    keyed.update(b"%s:%s:%d" % (purpose.encode(), subject.bytes, nonce))
    return (int.from_bytes(keyed.digest()[:8], "big") >> 11) / (1 << 53)


@lru_cache(maxsize=1024)
def _keyed(salt: str) -> hmac.HMAC:
    """Keyed once. And `hmac.digest` would let go of the GIL at each call: a busy thread takes milliseconds to give back."""
    return hmac.new(salt.encode(), digestmod="sha256")
