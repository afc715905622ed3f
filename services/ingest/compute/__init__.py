"""What ingest computes in worker processes; see `shared.kit.compute`. No I/O."""

from services.ingest.compute import files, lines, report_fitting

__all__ = ["files", "lines", "report_fitting"]
