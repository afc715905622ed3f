"""qa's HTTP edge."""

from services.qa.api import gold, quality, records, releases
from services.qa.exceptions import (
    AnswersRefused,
    GoldTooLarge,
    NotGold,
    NotPaused,
    ProjectArchived,
    RecordErased,
    ReleaseNameTaken,
    UnknownQuestion,
    UnknownSchemaVersion,
)

ROUTERS = (gold.router, records.router, quality.router, releases.router)

PROBLEMS: dict[type[Exception], int] = {
    AnswersRefused: 422,
    GoldTooLarge: 413,
    NotGold: 404,
    NotPaused: 409,
    ProjectArchived: 409,
    RecordErased: 410,
    ReleaseNameTaken: 409,
    UnknownQuestion: 404,
    UnknownSchemaVersion: 404,
}
