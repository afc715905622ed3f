"""What an exception of Kafka's clients means: the broker is away, or it refuses who we are or what we ask."""

import ssl
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from shared.kit.exceptions import BusRefused, BusUnavailable

_CONNECT_TIMEOUT_MS: Final = 3_000
_NOT_ALLOWED: Final = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
_NOT_LET_IN: Final = (
    AuthenticationFailedError,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


class Refusals:
    """What the broker refuses this process now, by what was tried. A refusal stands until the same succeeds."""

    def __init__(self, client_settings: Mapping[str, Any]) -> None:
        self._client_settings = dict(client_settings)
        self._standing: dict[str, BusRefused] = {}

    def succeeded(self, attempt: str) -> None:
        self._standing.pop(attempt, None)

    def check(self) -> None:
        """Raises BusRefused while a refusal stands."""
        for refusal in self._standing.values():
            raise BusRefused(refusal.refused)

    async def explain(self, attempt: str, error: BaseException) -> BusUnavailable:
        """The exception to raise for one of the client's."""
        refused = await self._refusal(error)
        if refused is None:
            return BusUnavailable(f"{type(error).__name__}: {error}")
        self._standing[attempt] = BusRefused(refused)
        return self._standing[attempt]

    async def _refusal(self, error: BaseException) -> str | None:
        if isinstance(error, _NOT_ALLOWED):
            what = ", ".join(map(str, error.args))
            return f"{type(error).__name__}{what and f': {what}'}{self._user}"
        if isinstance(error, KafkaConnectionError) and self._client_settings["security_protocol"] != "PLAINTEXT":
            return await self._refusal_at_connecting()
        return None

    async def _refusal_at_connecting(self) -> str | None:
        """Connect once more: the clients log why no broker let them in, and raise only that none did."""
        names = ("security_protocol", "ssl_context", "sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
        settings = {name: self._client_settings[name] for name in names if name in self._client_settings}
        for server in self._client_settings["bootstrap_servers"]:
            host, _, port = server.rpartition(":")
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=_CONNECT_TIMEOUT_MS, **settings)
            except ssl.SSLCertVerificationError as error:
                return f"SSLCertVerificationError: {error.verify_message}"
            except ssl.SSLError as error:
                return f"{type(error).__name__}: {error.reason}"
            except _NOT_LET_IN as error:
                return f"{type(error).__name__}{self._user}"
            except (OSError, KafkaError):
                continue
            connection.close()
        return None

    @property
    def _user(self) -> str:
        user = self._client_settings.get("sasl_plain_username")
        return f" (user {user})" if user else ""
