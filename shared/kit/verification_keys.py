"""The public keys that tokens are verified with: an OIDC issuer's, and those of local tokens in a file."""

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import structlog

from shared.kit.exceptions import KeysMalformed, KeysUnavailable

log = structlog.get_logger()

LOCAL_ALGORITHM: Final = "EdDSA"
KEYS_FRESH_S = 600.0
KEYS_REFETCH_S = 10.0
LOOK_AGAIN_S = 1.0
_FETCH_TIMEOUT_S: Final = 5.0


class LocalKeys:
    """The public Ed25519 keys of a JWKS file, by `kid`; the file is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Raises KeysMalformed."""
        self._path = path
        self._looked_at = time.monotonic()
        self._stamp = self._stamp_of_file()
        self._keys = read_public_keys(path)

    def find(self, key_id: str | None) -> jwt.PyJWK | None:
        return None if key_id is None else self._keys.get(key_id)

    def reload(self) -> bool:
        """Whether the keys have changed; looks at the file at most once a second.

        A file that can't be read leaves the keys as they were.
        """
        now = time.monotonic()
        if now - self._looked_at < LOOK_AGAIN_S:
            return False
        self._looked_at = now
        stamp = self._stamp_of_file()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self._keys = read_public_keys(self._path)
        except KeysMalformed as error:
            log.warning("token_keys_unreadable", reason=str(error))
            return False
        log.info("token_keys_read", keys=sorted(self._keys))
        return True

    def _stamp_of_file(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def read_public_keys(path: Path) -> dict[str, jwt.PyJWK]:
    """The keys of a JWKS file by their `kid`; raises KeysMalformed, also where a private key is among them."""
    try:
        listed = json.loads(path.read_bytes())["keys"]
    except OSError as error:
        raise KeysMalformed(f"{path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeysMalformed(f'{path}: not a JWKS ({{"keys": […]}})') from error
    keys: dict[str, jwt.PyJWK] = {}
    for key in listed:
        if not _is_ed25519(key):
            raise KeysMalformed(f"{path}: a key is not an Ed25519 one with a kid")
        if "d" in key:
            raise KeysMalformed(f"{path}: a private key is among them; services take public keys alone")
        if key["kid"] in keys:
            raise KeysMalformed(f"{path}: two keys have one kid")
        try:
            keys[key["kid"]] = jwt.PyJWK.from_dict(key, LOCAL_ALGORITHM)
        except jwt.PyJWTError as error:
            raise KeysMalformed(f"{path}: {error}") from error
    if not keys:
        raise KeysMalformed(f"{path}: no key is in it")
    return keys


def _is_ed25519(key: object) -> bool:
    return (
        isinstance(key, Mapping)
        and (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")
        and isinstance(key.get("kid"), str)
    )


class IssuerKeys:
    """An OIDC issuer's signing keys, fetched when first needed, kept for a while, fetched again for an unknown key."""

    def __init__(self, issuer: str, client: httpx.AsyncClient | None = None) -> None:
        self._issuer = issuer.rstrip("/")
        self._client = client or httpx.AsyncClient(timeout=_FETCH_TIMEOUT_S)
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The key of that id; raises KeysUnavailable when none was ever fetched."""
        now = time.monotonic()
        if key_id not in self._keys or now - self._fetched_at > KEYS_FRESH_S:
            async with self._lock:
                if time.monotonic() - self._tried_at > KEYS_REFETCH_S:
                    await self._fetch()
        if not self._keys:
            raise KeysUnavailable("The issuer doesn't answer.")
        return self._keys.get(key_id)

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        try:
            found = await self._get(f"{self._issuer}/.well-known/openid-configuration")
            if str(found["issuer"]).rstrip("/") != self._issuer:
                raise KeysUnavailable("The issuer calls itself by another name.")
            keys = (await self._get(str(found["jwks_uri"])))["keys"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, KeysUnavailable):
            return  # what we have stays good; with nothing, `find` raises
        usable: dict[str | None, jwt.PyJWK] = {}
        for key in keys:
            if isinstance(key, dict) and key.get("use", "sig") == "sig" and key.get("kty") != "oct":
                try:
                    usable[key.get("kid")] = jwt.PyJWK.from_dict(key)
                except jwt.PyJWTError:
                    continue  # a kind of key we don't know; others may do
        if usable:
            self._keys = usable
            self._fetched_at = time.monotonic()

    async def _get(self, url: str) -> Any:
        answer = await self._client.get(url, headers={"Accept": "application/json"})
        return answer.raise_for_status().json()

    async def close(self) -> None:
        await self._client.aclose()
