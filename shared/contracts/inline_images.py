"""An image inside of JSON: a data URL (RFC 2397), or `{"base64": …}`, beside which `media_type` may stand."""

import base64
import binascii
from typing import Any, Final

_DATA_URL: Final = "data:"
_BASE64: Final = ";base64"
_MEMBERS: Final = {"base64", "media_type"}


class MalformedInlineImage(ValueError):
    """It is meant to be an inline image, but can't be decoded; `rule` names why for programs."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule


def read_inline_image(value: Any) -> bytes | None:
    """The file's bytes, whatever they are; None where the value is no inline image.

    Raises:
        MalformedInlineImage: it can't be decoded.
    """
    if isinstance(value, str) and value[: len(_DATA_URL)].lower() == _DATA_URL:
        head, _, encoded = value.partition(",")
        if head[-len(_BASE64) :].lower() != _BASE64:
            raise MalformedInlineImage("data-url-malformed", "a data URL must hold base64")
        return _decoded(encoded)
    if isinstance(value, dict) and value.keys() <= _MEMBERS and isinstance(value.get("base64"), str):
        return _decoded(value["base64"])
    return None


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedInlineImage("base64-malformed", "the image is not base64") from None
