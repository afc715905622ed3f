"""What qa computes in worker processes; see `shared.kit.compute`. No I/O."""

from services.qa.compute import agreement

__all__ = ["agreement"]
