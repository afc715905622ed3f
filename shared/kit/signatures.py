"""Ed25519 signatures (RFC 8032) whose keys have an id: the SHA-256 of the public key."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM: Final = "Ed25519"
_KEY = re.compile(r"[0-9a-f]{64}")


def _key_bytes(text: str) -> bytes:
    """Raises ValueError, without the text."""
    text = text.strip().lower()
    if not _KEY.fullmatch(text):
        raise ValueError("an Ed25519 key is written as 64 hexadecimal digits")
    return bytes.fromhex(text)


class PublicKey:
    """Verifies what the owner of its private key has signed."""

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.hex: Final = raw.hex()
        self.key_id: Final = hashlib.sha256(raw).hexdigest()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 64 hexadecimal digits; raises ValueError."""
        return cls(_key_bytes(text))

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether the signature is of this message by this key."""
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """Signs. Its text is 64 hexadecimal digits: the 32 random bytes that RFC 8032 calls the private key."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Final = PublicKey(self._key.public_key().public_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 64 hexadecimal digits; raises ValueError."""
        return cls(_key_bytes(text))

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class KeyRing:
    """One key that signs, and the public keys that are known: its own and those that signed before."""

    def __init__(self, signing: SigningKey, earlier: Iterable[PublicKey] = ()) -> None:
        self.signing: Final = signing
        self.known: Final[Mapping[str, PublicKey]] = {one.key_id: one for one in (signing.public, *earlier)}

    def verifies(self, key_id: str, signature: bytes, message: bytes) -> bool:
        """Return whether a key that is known made the signature."""
        key = self.known.get(key_id)
        return key is not None and key.verifies(signature, message)
