"""Who acted, without a name: the same person has the same id in every service of a deployment."""

import hashlib
import hmac
from uuid import UUID

from shared.kit.settings import Settings

ACTOR_DESCRIPTION = "The opaque id of who did it; queue says whose it is (`POST /v1/actors`)."

_UUID_BYTES = 16
_CUSTOM_VERSION = 8  # RFC 9562 §5.8


class Actors:
    """Gives the subjects of tokens their ids: UUIDs of version 8 from HMAC-SHA256 under the deployment's secret."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.actor_secret.get_secret_value().encode()

    def id_of(self, subject: str) -> str:
        digest = hmac.digest(self._secret, b"actor\0" + subject.encode("utf-8", "surrogatepass"), hashlib.sha256)
        number = int.from_bytes(digest[:_UUID_BYTES]) & ~(0xF << 76) & ~(0b11 << 62)
        return str(UUID(int=number | _CUSTOM_VERSION << 76 | 0b10 << 62))
