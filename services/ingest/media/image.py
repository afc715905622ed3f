"""Images: PNG and JPEG, written again upright and without metadata."""

from typing import Any, Final
from uuid import UUID

from services.ingest.exceptions import NotAccepted
from services.ingest.media.port import FileLimits, InlineFile, SafeFile, UploadedFile
from shared.contracts.inline_images import MalformedInlineImage, read_inline_image
from shared.contracts.values import json_pointer


class ImageKind:
    """In a record an image is a data URL, `{"base64": …}`, or `{"asset_id": …}` of one that was uploaded."""

    name = "image"
    upload_types: tuple[str, ...] = ("image/png", "image/jpeg", "application/octet-stream")

    def read(self, field_name: str, value: Any) -> InlineFile | UploadedFile:
        pointer = json_pointer("fields", field_name)
        try:
            data = read_inline_image(value)
        except MalformedInlineImage as error:
            raise NotAccepted(pointer, error.rule, str(error)) from None
        if data is not None:
            return InlineFile(self.name, data)
        if isinstance(value, dict) and value.keys() == {"asset_id"}:
            try:
                return UploadedFile(UUID(value["asset_id"]))
            except (ValueError, AttributeError, TypeError):
                raise NotAccepted(pointer + "/asset_id", "uuid-parsing", "an asset's id is a UUID") from None
        raise NotAccepted(pointer, "image-expected", "the field is a data URL, or an object with base64 or asset_id")

    def make_safe(self, data: bytes, limits: FileLimits) -> SafeFile:
        from services.ingest.media.image_codec import make_safe  # Pillow is for worker processes alone

        return make_safe(data, limits)


IMAGE: Final = ImageKind()
