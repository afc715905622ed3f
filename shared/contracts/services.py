"""The registry of services: what each is called wherever it runs, and what it is for.

The Makefile, the Compose file, the gateway, Prometheus and the import contracts can't read it; a test compares them
with it.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

ServiceName = Literal["ingest", "prelabel", "queue", "qa"]


@dataclass(frozen=True, slots=True)
class Service:
    """One service."""

    name: ServiceName
    description: str


SERVICES: Final = (
    Service("ingest", "Takes records in, checks consent, removes personal data, draws the split."),
    Service("prelabel", "Predicts, scores how informative a record is, learns from labels."),
    Service("queue", "Decides who must look, leases tasks, keeps annotations."),
    Service("qa", "Infers, arbitrates and finalizes labels; watches annotators and models."),
)
SERVICE_NAMES: Final[tuple[ServiceName, ...]] = get_args(ServiceName)
"""In the order of the loop, which is that of `SERVICES`."""

FIRST_PORT: Final = 8401
"""On one machine the services take this port and the next ones, in this order, if they are free."""

CONTAINER_PORT: Final = 8000
"""In a container of its own each service has the same port."""

BUS_DATABASE: Final = "touchstone_bus"
"""The database of the embedded bus."""


def package_of(name: str) -> str:
    """The service's Python package, with its `main`, `settings` and `migrations`."""
    return f"services.{name}"


def database_of(name: str) -> str:
    """The name of the service's own database."""
    return f"touchstone_{name}"
