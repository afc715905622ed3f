"""What queue computes in worker processes; see `shared.kit.compute`. No I/O."""

from services.queue.compute import masking

__all__ = ["masking"]
