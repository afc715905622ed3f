"""`/v1/objects/…`: what a store that can't sign URLs itself holds, for whoever has a URL signed by us."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from shared.kit.bodies import body_limit, stream_body
from shared.kit.endpoints import edge_router
from shared.kit.exceptions import ObjectMissing, SignatureRefused, UnsafeKey
from shared.kit.problems import Problem, responses
from shared.kit.runtime import RuntimeDep

router = edge_router("objects")

MAX_UPLOAD_BYTES = 5 * 1024**3
"""What S3 takes in one request."""

Expires = Annotated[int, Query(ge=0, lt=2**53, description="Seconds since 1970.")]
Signature = Annotated[str, Query(max_length=100)]
MediaType = Annotated[str, Query(alias="type", max_length=200, pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*$")]
RangeHeader = Annotated[str | None, Header(alias="Range", max_length=100)]

# What a browser is shown must not run as the service's own page.
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Accept-Ranges": "bytes",
    "Content-Encoding": "identity",  # media are compressed already, and a range is one of these bytes
}
_BINARY = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}


def _check(runtime: RuntimeDep, method: str, key: str, media_type: str, expires: int, signature: str) -> None:
    try:
        runtime.objects.check_signature(method, key, media_type, expires, signature)
    except (SignatureRefused, UnsafeKey):
        raise Problem(403, "signature-refused", "The URL is not one that was given out, or its time is over.") from None


@router.get(
    "/objects/{key:path}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"*/*": _BINARY}, "description": "The object."},
        206: {"content": {"*/*": _BINARY}, "description": "A part of the object."},
        **responses(403, 404, 416),
    },
)
async def read_object(
    key: str,
    runtime: RuntimeDep,
    expires: Expires,
    signature: Signature,
    media_type: MediaType = "application/octet-stream",
    range_: RangeHeader = None,
) -> StreamingResponse:
    """An object's bytes, or one range of them; by signed URL, so that a browser can load media."""
    _check(runtime, "GET", key, media_type, expires, signature)
    try:
        size = await runtime.objects.size(key)
    except ObjectMissing:
        raise Problem(404, "object-missing", "There is no such object.") from None
    span = _parse_range(range_, size)
    start, end = span or (0, size)
    headers = {**_HEADERS, "Content-Length": str(end - start), "Cache-Control": "private, max-age=3600"}
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    chunks: AsyncIterator[bytes] = runtime.objects.stream(key, *(span or ()))
    return StreamingResponse(chunks, 200 if span is None else 206, headers, media_type)


def _parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of a single byte range (RFC 9110 §14); None to send all. Raises the 416 problem."""
    if header is None or not header.startswith("bytes=") or "," in header:
        return None
    first, dash, last = header.removeprefix("bytes=").strip().partition("-")
    if not dash or not (first or last) or not all(part.isdecimal() for part in (first, last) if part):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= size or start >= end:
        raise Problem(
            416, "range-outside", "The range lies outside of the object.", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, end


@router.put(
    "/objects/{key:path}",
    status_code=204,
    response_class=Response,
    responses=responses(403, 413),
    openapi_extra={"requestBody": {"content": {"application/octet-stream": _BINARY}}, **body_limit(MAX_UPLOAD_BYTES)},
)
async def write_object(
    key: str,
    request: Request,
    runtime: RuntimeDep,
    expires: Expires,
    signature: Signature,
    media_type: MediaType = "application/octet-stream",
) -> Response:
    """Store the body under a key; by signed URL."""
    _check(runtime, "PUT", key, media_type, expires, signature)
    stream_body(request)
    await runtime.objects.put_stream(key, request.stream(), media_type)
    return Response(status_code=204)
