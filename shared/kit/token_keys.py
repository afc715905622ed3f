"""Local tokens are minted here, with a private key that no service has: `touchstone token` and the embedded suite do.

A folder of keys holds `private/token-key.json` (a JWK, for its owner alone), which signs, and `public/token-keys.json`
(a JWKS), which services verify with. Only the second folder is given to services. To rotate is to put a new private key
in place of the old one and its public half beside the others; the old one is removed when its last token has ended.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from shared.kit.auth import LOCAL_ISSUER
from shared.kit.exceptions import KeysMalformed
from shared.kit.verification_keys import LOCAL_ALGORITHM

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class TokenKey:
    """An Ed25519 key pair. `kid` is the thumbprint of its public half (RFC 7638)."""

    private: Ed25519PrivateKey

    @classmethod
    def create(cls) -> "TokenKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_jwk(cls, jwk: dict[str, Any]) -> "TokenKey":
        """Raises KeysMalformed."""
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(_decode(jwk["d"])))
        except (KeyError, TypeError, ValueError, UnsupportedAlgorithm) as error:
            raise KeysMalformed("not a private Ed25519 key") from error

    @property
    def kid(self) -> str:
        thumbprint = f'{{"crv":"Ed25519","kty":"OKP","x":"{self._x}"}}'
        return _encode(hashlib.sha256(thumbprint.encode()).digest())

    @property
    def _x(self) -> str:
        return _encode(self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def public_jwk(self) -> dict[str, str]:
        return {
            "kty": "OKP", "crv": "Ed25519", "alg": LOCAL_ALGORITHM, "use": "sig", "kid": self.kid, "x": self._x,
        }  # fmt: skip

    def private_jwk(self) -> dict[str, str]:
        secret = self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return {**self.public_jwk(), "d": _encode(secret)}


def mint_token(
    key: TokenKey,
    subject: str,
    roles: Collection[str],
    projects: Collection[UUID] | None = None,
    ttl_s: float = DAY_S,
    audience: str = "touchstone",
) -> str:
    """A local token, for development and machines without an issuer; `projects` None: all."""
    now = time.time()
    claims: dict[str, Any] = {
        "iss": LOCAL_ISSUER,
        "aud": audience,
        "sub": subject,
        "roles": sorted(str(role) for role in roles),
        "iat": int(now),
        "exp": int(now + ttl_s),
    }
    if projects is not None:
        claims["projects"] = sorted(str(project) for project in projects)
    return jwt.encode(claims, key.private, algorithm=LOCAL_ALGORITHM, headers={"kid": key.kid})


class KeyFolder:
    """The private key of local tokens and the public keys that services accept, in files."""

    def __init__(self, folder: Path) -> None:
        self.private_file = folder / "private" / "token-key.json"
        self.public_file = folder / "public" / "token-keys.json"

    def load(self) -> TokenKey:
        """The key that signs; raises KeysMalformed, also when there is none."""
        try:
            return TokenKey.from_jwk(json.loads(self.private_file.read_bytes()))
        except OSError as error:
            raise KeysMalformed(f"{self.private_file}: {error.strerror}") from error
        except (ValueError, KeysMalformed) as error:
            raise KeysMalformed(f"{self.private_file}: not a private Ed25519 key") from error

    def load_or_create(self) -> TokenKey:
        return self.load() if self.private_file.exists() else self.rotate()

    def rotate(self) -> TokenKey:
        """Make a new key that signs from now on; what the ones before it signed stays good until `remove`."""
        key = TokenKey.create()
        self._write_public([*self.public_jwks(), key.public_jwk()])  # first: nothing is signed that nobody can verify
        _write(self.private_file, key.private_jwk(), secret=True)
        return key

    def remove(self, kid: str) -> None:
        """End what a former key signed. Raises LookupError: it isn't there, or is the one that signs."""
        keys = self.public_jwks()
        if kid not in {key["kid"] for key in keys}:
            raise LookupError(f"{kid} is not among the keys")
        if kid == self.load().kid:
            raise LookupError(f"{kid} is the key that signs; rotate first")
        self._write_public([key for key in keys if key["kid"] != kid])

    def public_jwks(self) -> list[dict[str, str]]:
        """Every public key, the newest last."""
        if not self.public_file.exists():
            return []
        keys: list[dict[str, str]] = json.loads(self.public_file.read_bytes())["keys"]
        return keys

    def _write_public(self, keys: list[dict[str, str]]) -> None:
        _write(self.public_file, {"keys": keys}, secret=False)


def _write(path: Path, content: object, *, secret: bool) -> None:
    """Whole or not at all. A secret and its folder are for their owner alone, the other file and folder for all to read."""
    mode = 0o600 if secret else 0o644
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700 if secret else 0o755)  # whatever the umask says
    unfinished = path.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        json.dump(content, file, indent=1)
    unfinished.chmod(mode)
    unfinished.replace(path)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
