"""Images: PNG and JPEG, written again upright and without metadata."""

import base64
import binascii
from typing import Any, Final
from uuid import UUID

from services.ingest.exceptions import NotAccepted
from services.ingest.media.port import FileLimits, InlineFile, SafeFile, UploadedFile
from shared.contracts.values import json_pointer

_DATA_URL: Final = "data:"


class ImageKind:
    """In a record an image is a data URL, `{"base64": …}`, or `{"asset_id": …}` of one that was uploaded."""

    name = "image"
    upload_types: tuple[str, ...] = ("image/png", "image/jpeg", "application/octet-stream")

    def read(self, field_name: str, value: Any) -> InlineFile | UploadedFile:
        pointer = json_pointer("fields", field_name)
        if isinstance(value, str) and value.startswith(_DATA_URL):
            head, _, encoded = value.partition(",")
            if not head.endswith(";base64"):
                raise NotAccepted(pointer, "data-url-malformed", "a data URL must hold base64")
            return self._decoded(encoded, pointer)
        if isinstance(value, dict) and value.keys() == {"base64"} and isinstance(value["base64"], str):
            return self._decoded(value["base64"], pointer)
        if isinstance(value, dict) and value.keys() == {"asset_id"}:
            try:
                return UploadedFile(UUID(value["asset_id"]))
            except (ValueError, AttributeError, TypeError):
                raise NotAccepted(pointer + "/asset_id", "uuid-parsing", "an asset's id is a UUID") from None
        raise NotAccepted(pointer, "image-expected", "the field is a data URL, or an object with base64 or asset_id")

    def make_safe(self, data: bytes, limits: FileLimits) -> SafeFile:
        from services.ingest.media.image_codec import make_safe  # Pillow is for worker processes alone

        return make_safe(data, limits)

    def _decoded(self, encoded: str, pointer: str) -> InlineFile:
        try:
            return InlineFile(self.name, base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            raise NotAccepted(pointer, "base64-malformed", "the image is not base64") from None


IMAGE: Final = ImageKind()
