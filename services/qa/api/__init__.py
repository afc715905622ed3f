"""qa's HTTP edge."""

from services.qa.api import bias, estimates, gold, label_errors, quality, quality_report, records, releases

ROUTERS = (
    gold.router,
    records.router,
    quality.router,
    label_errors.router,
    bias.router,
    estimates.router,
    quality_report.router,
    releases.router,
)
