"""How many requests an address, and the subject of a token, may make: token buckets, in each process by itself."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from starlette.types import Scope

from shared.kit.problems import Problem

BURST_S: Final = 10
"""How many seconds of the rate may be used at once."""

_MOST_KEYS: Final = 10_000
_SHOWN_KEY: Final = "touchstone.rates"


class RateLimit:
    """Token buckets, one for each key. Those that were not used for longest are forgotten, which fills them.

    `rate` is in requests a second.
    """

    def __init__(self, name: str, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(1.0, rate * BURST_S)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._name = name
        self.policy = f'"{name}";q={int(self._burst)};w={math.ceil(self._burst / rate)}'

    def take(self, scope: Scope, key: str) -> None:
        """Count a request and note for its answer what is left; raises the 429 problem when nothing is."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        fits = tokens >= 1
        self._buckets[key] = (tokens - 1 if fits else tokens, now)
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        wait_s = 0 if fits else math.ceil((1 - tokens) / self._rate)
        left = int(tokens) - 1 if fits else 0
        scope.setdefault(_SHOWN_KEY, []).append((self.policy, f'"{self._name}";r={left};t={wait_s}'))
        if not fits:
            raise Problem(
                429,
                "too-many-requests",
                "Too many requests.",
                f"At most {self._rate:g} a second for each {self._name}.",
                headers={"Retry-After": str(wait_s)},
            )


def rate_headers(scope: Scope) -> list[tuple[bytes, bytes]]:
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), if anything limits the request."""
    shown: Sequence[tuple[str, str]] = scope.get(_SHOWN_KEY, ())
    if not shown:
        return []
    policies, left = zip(*shown, strict=True)
    return [(b"ratelimit-policy", ", ".join(policies).encode()), (b"ratelimit", ", ".join(left).encode())]


_NETWORK_BITS: Final = 64


@lru_cache(1024)
def one_client(address: str) -> str:
    """What counts as one client: of IPv6 the network of 64 bits, since whoever has one has all of its addresses.

    What is no address stays as it is.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004  of IP
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _NETWORK_BITS), strict=False))


class ClientAddresses:
    """Whose address a request comes from: the last one of `X-Forwarded-For` that isn't a trusted proxy's."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        networks = [ipaddress.ip_network(each, strict=False) for each in trusted_proxies]

        @lru_cache(1024)
        def is_trusted(address: str) -> bool:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:
                return False
            return any(parsed in network for network in networks)

        self._is_trusted = is_trusted

    def find(self, scope: Scope, forwarded_for: str | None) -> str:
        """The client, as `one_client` has it."""
        return one_client(self._address(scope, forwarded_for))

    def _address(self, scope: Scope, forwarded_for: str | None) -> str:
        client = scope.get("client")
        address: str = client[0] if client else ""
        if forwarded_for is None or not self._is_trusted(address):
            return address
        for hop in reversed(forwarded_for.split(",")):
            address = hop.strip()
            if not self._is_trusted(address):
                break
        return address
