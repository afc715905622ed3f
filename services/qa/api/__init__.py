"""qa's HTTP edge."""

from services.qa.api import gold, quality, records, releases
from services.qa.operations.errors import (
    AnswersRefused,
    NotGold,
    NotPaused,
    RecordErased,
    ReleaseNameTaken,
    UnknownSchemaVersion,
)

ROUTERS = (gold.router, records.router, quality.router, releases.router)

PROBLEMS: dict[type[Exception], int] = {
    AnswersRefused: 422,
    NotGold: 404,
    NotPaused: 409,
    RecordErased: 410,
    ReleaseNameTaken: 409,
    UnknownSchemaVersion: 404,
}
