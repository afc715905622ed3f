"""What ingest computes in worker processes; see `shared.kit.compute`. No I/O."""

from services.ingest.compute import files, fitting, lines

__all__ = ["files", "fitting", "lines"]
