"""qa's HTTP edge."""

from services.qa.api import gold, quality, records, releases

ROUTERS = (gold.router, records.router, quality.router, releases.router)
