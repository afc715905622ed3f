"""Objects: media, models and releases, in a local folder, in S3 and its kin, or in memory, through obstore.

Keys are paths of plain segments. What a store can't sign itself is signed here: a relative URL with an HMAC over method,
key, type and expiry, which the service that wrote the object serves (see `shared.kit.object_routes`).
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlencode, urlsplit

import obstore
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from shared.kit.exceptions import ObjectMissing, SignatureRefused, UnsafeKey
from shared.kit.settings import Settings

Method = Literal["GET", "PUT"]
MAX_TTL_S = 7 * 86_400
"""The longest a signed URL may live: what S3 allows."""

_SEGMENT = re.compile(r"[A-Za-z0-9_=@+-][A-Za-z0-9._=@+-]{0,199}")
_MAX_KEY_LENGTH = 900
_STREAM_CHUNK_BYTES = 256 * 1024


def check_key(key: str) -> str:
    """Keys come from ids, but never trust that; raises UnsafeKey."""
    if len(key) > _MAX_KEY_LENGTH or not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise UnsafeKey("letters, digits, '-', '_', '=', '@', '+' and dots inside, separated by '/'")
    return key


class Objects:
    """The store of one service."""

    def __init__(self, settings: Settings) -> None:
        self._store = _open(settings.objects_url)
        self._signs_itself = not isinstance(self._store, LocalStore | MemoryStore)
        self._secret = settings.objects_secret.get_secret_value().encode() if settings.objects_secret else None
        self._base_url = settings.public_url or settings.root_path

    async def put(self, key: str, data: bytes, media_type: str | None = None) -> None:
        await obstore.put_async(self._store, check_key(key), data, attributes=self._attributes(media_type))

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], media_type: str | None = None) -> None:
        """Store what comes, in constant memory; when the source fails nothing is stored."""
        await obstore.put_async(self._store, check_key(key), chunks, attributes=self._attributes(media_type))

    async def get(self, key: str) -> bytes:
        """Raises ObjectMissing."""
        try:
            answer = await obstore.get_async(self._store, check_key(key))
            return bytes(await answer.bytes_async())
        except FileNotFoundError:
            raise ObjectMissing(key) from None

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The object's bytes from `start` to before `end`, in chunks; raises ObjectMissing at the first."""
        span: obstore.GetOptions = {}
        if end is not None:
            span = {"range": (start, end)}
        elif start:
            span = {"range": {"offset": start}}
        try:
            answer = await obstore.get_async(self._store, check_key(key), options=span)
        except FileNotFoundError:
            raise ObjectMissing(key) from None
        async for chunk in answer.stream(min_chunk_size=_STREAM_CHUNK_BYTES):
            yield bytes(chunk)

    async def size(self, key: str) -> int:
        """In bytes; raises ObjectMissing."""
        try:
            return int((await obstore.head_async(self._store, check_key(key)))["size"])
        except FileNotFoundError:
            raise ObjectMissing(key) from None

    async def exists(self, key: str) -> bool:
        try:
            await self.size(key)
        except ObjectMissing:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Deleting what isn't there is no error."""
        try:
            await obstore.delete_async(self._store, check_key(key))
        except FileNotFoundError:
            return

    async def delete_folder(self, folder: str) -> None:
        """Delete every object whose key begins with `folder` and a slash."""
        async for found in obstore.list(self._store, f"{check_key(folder)}/"):
            await obstore.delete_async(self._store, [one["path"] for one in found])

    async def signed_url(
        self,
        key: str,
        ttl_s: float,
        method: Method = "GET",
        media_type: str = "application/octet-stream",
        base_url: str | None = None,
    ) -> str:
        """A URL that anybody who has it may use until `ttl_s` seconds from now.

        From S3 and its kin it is their own. Else it begins with `base_url`, by default this service's `public_url`; without
        one it is a path, with the gateway's before it.
        """
        ttl_s = min(ttl_s, MAX_TTL_S)
        if self._signs_itself:
            return str(await obstore.sign_async(self._store, method, check_key(key), timedelta(seconds=ttl_s)))  # type: ignore[arg-type]
        expires = int(time.time() + ttl_s) + 1
        query = urlencode(
            {"expires": expires, "type": media_type, "signature": self._signature(method, key, media_type, expires)}
        )
        base = self._base_url if base_url is None else base_url
        return f"{base.rstrip('/')}/v1/objects/{quote(check_key(key))}?{query}"

    def check_signature(self, method: str, key: str, media_type: str, expires: int, signature: str) -> None:
        """Raises SignatureRefused, or UnsafeKey."""
        check_key(key)
        expected = self._signature(method, key, media_type, expires)
        genuine = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
        if not genuine or expires < time.time():
            raise SignatureRefused

    def _signature(self, method: str, key: str, media_type: str, expires: int) -> str:
        if self._secret is None:
            raise RuntimeError("signing URLs of a local store needs TOUCHSTONE_OBJECTS_SECRET")
        message = "\n".join((method, key, media_type, str(expires)))
        digest = hmac.digest(self._secret, message.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _attributes(self, media_type: str | None) -> dict[str, str] | None:
        # The local store keeps no attributes; its URLs carry the type instead.
        if media_type is None or isinstance(self._store, LocalStore):
            return None
        return {"Content-Type": media_type}


def _open(url: str) -> ObjectStore:
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryStore()
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(folder)
    return from_url(url)
