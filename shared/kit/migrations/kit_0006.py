"""Parked events by their age within what they wait for: housekeeping and the gauges read no more of them than they need."""

from typing import Final

UPGRADE: Final = ("CREATE INDEX parked_by_age ON parked (consumer_group, kind, parked_at)",)
