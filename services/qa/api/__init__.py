"""qa's HTTP edge."""

from services.qa.api import bias, gold, label_errors, quality, records, releases

ROUTERS = (gold.router, records.router, quality.router, label_errors.router, bias.router, releases.router)
