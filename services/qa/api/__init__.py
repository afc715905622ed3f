"""qa's HTTP edge."""

from services.qa.api import estimates, gold, quality, quality_report, records, releases

ROUTERS = (gold.router, records.router, quality.router, estimates.router, quality_report.router, releases.router)
