"""What qa computes in worker processes (`Runtime.compute`): pure functions of plain values, no I/O."""

from services.qa.compute import agreement, comparison, estimation, gold
from services.qa.domain import verdict

__all__ = ["agreement", "comparison", "estimation", "gold", "verdict"]
