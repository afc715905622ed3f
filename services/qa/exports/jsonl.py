"""JSON Lines: one object a record, UTF-8."""

from collections.abc import AsyncIterator, Sequence

import orjson

from services.qa.domain.releases import ReleasedLabel


class Jsonl:
    suffix = "jsonl"
    media_type = "application/x-ndjson"

    def part(self, labels: Sequence[ReleasedLabel]) -> bytes:
        return b"".join([_line(one) for one in labels])

    def join(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        return parts


def _line(label: ReleasedLabel) -> bytes:
    whole = {
        "record_id": str(label.record_id),
        "split": label.split,
        "origin": label.origin,
        "slice": None if label.slice is None else orjson.Fragment(label.slice),
        "fields": orjson.Fragment(label.fields),
        "answers": orjson.Fragment(label.answers),
        "label": {
            "revision": label.label_revision,
            "round": label.round,
            "method": label.method,
            "confidence": label.confidence,
            "schema_version": label.schema_version,
            "guideline_version": label.guideline_version,
            "annotations": label.annotations,
            "model_id": None if label.model_id is None else str(label.model_id),
            "trainable": label.trainable,
            "calibrated": label.calibrated,
            "finalized_at": label.finalized_at,
        },
    }
    return orjson.dumps(whole, option=orjson.OPT_APPEND_NEWLINE)
