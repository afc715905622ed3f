"""From what somebody sent to a record that may be kept and published: checked, de-identified, hashed, drawn."""

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints, ValidationError

from services.ingest.domain.personal_data import Redactions, mask_slice
from services.ingest.exceptions import NotAccepted
from services.ingest.media import FIELD_KINDS, FieldContent, InlineFile, Text, UploadedFile, masked_text
from shared.contracts.answers import LabelSchema
from shared.contracts.draws import draw
from shared.contracts.events import FieldValue, RecordAccepted, SliceValue
from shared.contracts.personal_data import AnyRecogniser, mask
from shared.contracts.policies import Policies, SplitShares
from shared.contracts.rules import read_error
from shared.contracts.values import BrokenRule, Origin, Split, json_pointer
from shared.contracts.visible import MAX_NAME, is_blank

MAX_RECORD_BYTES = 480 * 1024
"""Of a record's published JSON: an event is at most 512 KiB, and its envelope needs a part of that."""

MAX_EXTERNAL_ID = 512
_EXTERNAL_ID = StringConstraints(min_length=1, max_length=MAX_EXTERNAL_ID)


def _number_as_text(value: Any) -> Any:
    """Many systems number what they have. A float is no name: 1.0 and 1 are the same number."""
    return str(value) if type(value) is int else value


ExternalId = Annotated[
    str,
    _EXTERNAL_ID,
    BeforeValidator(_number_as_text, json_schema_input_type=Annotated[str, _EXTERNAL_ID] | int),
]
"""A whole number is the text of its decimal digits."""

ShortText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]

MAX_SLICE_TEXT = 1000

_SLICE_VALUE = f"the value is a text of at most {MAX_SLICE_TEXT} characters, a number, true or false"

SliceIn = Annotated[str, StringConstraints(max_length=MAX_SLICE_TEXT)] | int | float | bool
"""A slice's value as it comes in."""

FieldsIn = Annotated[
    dict[Annotated[str, StringConstraints(max_length=MAX_NAME)], Any], Field(min_length=1, max_length=50)
]
"""A record's fields as they come in; what they may hold is up to the schema."""


class RecordIn(BaseModel):
    """A record as it comes in. An image is a data URL, `{"base64": …}`, or `{"asset_id": …}` of an uploaded asset.

    `purposes` are what the person it is about consented to. `collected_by_chance` False: it was chosen because a model
    looked wrong or unsure; such records are never held out. Left out, only `collected` records count as chance. A field
    that is null counts as left out.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "external_id": "ticket-4711",
                    "fields": {"message": "My lamp never came."},
                    "slice": {"channel": "chat", "year": 2026},
                    "purposes": ["quality"],
                }
            ]
        },
    )

    external_id: ExternalId | None = None
    fields: FieldsIn
    slice: dict[ShortText, SliceIn] = Field(default_factory=dict, max_length=50)
    purposes: list[ShortText] = Field(default_factory=list, max_length=50)
    origin: Origin = Origin.COLLECTED
    priority: int = Field(default=0, ge=-1000, le=1000, strict=True)
    collected_by_chance: Annotated[bool, Strict()] | None = None


@dataclass(frozen=True, slots=True)
class IntakeProject:
    """The part of a project that taking records in needs. `schema` is the active one."""

    project_id: UUID
    draw_salt: str
    dedup_key: bytes
    schema_version: int
    schema: LabelSchema
    policies: Policies

    def keyed(self, purpose: str, data: bytes) -> bytes:
        """A hash that nobody without the project's key can compare with another."""
        keyed = _keyed(self.dedup_key, purpose).copy()
        keyed.update(data)
        return keyed.digest()


@lru_cache(maxsize=1024)
def _keyed(key: bytes, purpose: str) -> hmac.HMAC:
    """Keyed once. `hmac.digest` would let go of the GIL at each call: a busy event loop takes milliseconds to give back."""
    return hmac.new(key, purpose.encode() + b"\0", digestmod="sha256")


@dataclass(slots=True)
class RecordCandidate:
    """A record that kept every rule but may be a duplicate. `files` and `assets` still stand outside `fields`."""

    record_id: UUID
    external_id: str | None
    external_hash: bytes | None
    fields: dict[str, FieldValue]
    redactions: Redactions
    slice: dict[str, SliceValue]
    purposes: list[str]
    origin: Origin
    priority: int
    collected_by_chance: bool
    split: Split
    schema_version: int
    hashed: dict[str, str]
    files: dict[str, InlineFile]
    assets: dict[str, UUID]
    content_hash: bytes = b""

    def payload(self) -> RecordAccepted:
        return RecordAccepted(
            schema_version=self.schema_version,
            fields=self.fields,
            slice=self.slice,
            split=self.split,
            origin=self.origin,
            purposes=self.purposes,
            priority=self.priority,
            collected_by_chance=self.collected_by_chance,
        )


def read_record(
    project: IntakeProject, raw: Any, draw_id: Callable[[], UUID], recognisers: Sequence[AnyRecogniser]
) -> RecordCandidate:
    """Check one record and make it fit to be published; `draw_id` gives its id, `recognisers` search its texts.

    Raises:
        NotAccepted: it breaks a rule.
    """
    try:
        given = RecordIn.model_validate(raw)
    except ValidationError as error:
        raise of_validation(error) from None
    return accept(project, given, draw_id(), recognisers)


def of_validation(error: ValidationError) -> NotAccepted:
    """The first error, without the value; a key that somebody made up is masked."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = _shown(step for step in first["loc"] if step != "[key]")
    rule = first["type"]
    if path[:1] == ["slice"] and len(path) > 2:  # noqa: PLR2004 - what follows names the members of a union
        return NotAccepted(json_pointer(*path[:2]), "slice-value", _SLICE_VALUE)
    if rule == "model_type":
        return NotAccepted(json_pointer(*path), "object-expected", "it is not a JSON object")
    detail = read_error(first).detail
    if isinstance(first.get("ctx", {}).get("error"), BrokenRule):
        return NotAccepted(json_pointer(*path), "broken-rule", detail)
    return NotAccepted(json_pointer(*path), rule.replace("_", "-"), detail)


def _shown(path: Iterable[str | int]) -> list[str | int]:
    """The path with its names masked, as far as they are no longer than names may be."""
    steps = takewhile(lambda step: isinstance(step, int) or len(step) <= MAX_NAME, path)
    return [mask(step) if isinstance(step, str) else step for step in steps]


def accept(
    project: IntakeProject, given: RecordIn, record_id: UUID, recognisers: Sequence[AnyRecogniser]
) -> RecordCandidate:
    """As `read_record`, for a record whose shape is right."""
    _check_purposes(project.policies, given.purposes)
    contents = _read_fields(project, given.fields)
    _check_text_size(contents, given.slice)
    candidate = RecordCandidate(
        record_id=record_id,
        external_id=given.external_id,
        external_hash=None if given.external_id is None else external_hash(project, given.external_id),
        fields={},
        redactions={},
        slice=mask_slice(given.slice) if given.slice else {},
        purposes=[mask(purpose) for purpose in given.purposes] if given.purposes else [],
        origin=given.origin,
        priority=given.priority,
        collected_by_chance=by_chance(given.origin, given.collected_by_chance),
        split=Split.TRAIN,
        schema_version=project.schema_version,
        hashed={},
        files={},
        assets={},
    )
    for name, content in contents.items():
        _take(project, name, content, candidate, recognisers)
    candidate.split = draw_split(project, record_id, by_chance=candidate.collected_by_chance)
    if not candidate.assets:
        candidate.content_hash = content_hash(project, candidate.hashed)
    _check_size(candidate)
    return candidate


def external_hash(project: IntakeProject, external_id: str) -> bytes:
    return project.keyed("external", external_id.encode())


def content_hash(project: IntakeProject, hashed: Mapping[str, str]) -> bytes:
    """The hash of the original content. `hashed` gives each field as it came: text, or the hash of a file."""
    return project.keyed("content", orjson.dumps(hashed, option=orjson.OPT_SORT_KEYS))


def file_hash(project: IntakeProject, data: bytes) -> bytes:
    return project.keyed("image", data)


def by_chance(origin: Origin, given: bool | None) -> bool:
    """Whether the record may be held out. Synthetic records never are; those of a deployment only if the sender asks for it."""
    if origin is Origin.SYNTHETIC:
        return False
    return origin is Origin.COLLECTED if given is None else given


def draw_split(project: IntakeProject, record_id: UUID, *, by_chance: bool) -> Split:
    """By a keyed hash, so that it is chance, fixed, and the same again."""
    if not by_chance:
        return Split.TRAIN
    return split_of(project.policies.split, draw(project.draw_salt, "split", record_id))


def split_of(shares: SplitShares, drawn: float) -> Split:
    """`drawn` in [0, 1)."""
    if drawn < shares.test:
        return Split.TEST
    return Split.VALIDATION if drawn < shares.test + shares.validation else Split.TRAIN


def _check_purposes(policies: Policies, purposes: list[str]) -> None:
    if not set(policies.purposes_required) <= set(purposes):
        raise NotAccepted("/purposes", "consent-missing", "a purpose that the project requires is not consented to")


def _read_fields(project: IntakeProject, given: Mapping[str, Any]) -> dict[str, FieldContent]:
    """What the fields hold, as it came. A field that is null is one that was left out."""
    known = {item.name: item for item in project.schema.fields}
    for name in given:
        if name not in known:
            raise NotAccepted(
                json_pointer("fields", mask(name)), "field-unknown", "the schema does not have this field"
            )
    for item in project.schema.fields:
        if item.required and given.get(item.name) is None:
            raise NotAccepted(json_pointer("fields", item.name), "field-required", "the schema requires this field")
    contents = {
        name: FIELD_KINDS[known[name].kind].read(name, value) for name, value in given.items() if value is not None
    }
    if not contents:
        raise NotAccepted("/fields", "too-short", "one field at least is not null")
    for name, content in contents.items():
        if isinstance(content, Text) and known[name].required and is_blank(content.original):
            raise NotAccepted(json_pointer("fields", name), "field-blank", "the schema requires a text that shows")
    return contents


def _check_text_size(contents: Mapping[str, FieldContent], values: Mapping[str, SliceValue]) -> None:
    """Before anything is searched: the texts as they came, in UTF-8."""
    texts = [content.original for content in contents.values() if isinstance(content, Text)]
    texts += [part for pair in values.items() for part in pair if isinstance(part, str)]
    if (
        sum(len(text) if text.isascii() else len(text.encode(errors="surrogatepass")) for text in texts)
        > MAX_RECORD_BYTES
    ):
        raise _too_large()


def _take(
    project: IntakeProject,
    name: str,
    content: FieldContent,
    candidate: RecordCandidate,
    recognisers: Sequence[AnyRecogniser],
) -> None:
    match content:
        case Text(original):
            masked, redactions = masked_text(original, recognisers)
            candidate.fields[name] = masked
            candidate.hashed[name] = original
            if redactions:
                candidate.redactions[name] = redactions
        case InlineFile() as file:
            candidate.files[name] = file
            candidate.hashed[name] = file_hash(project, file.data).hex()
        case UploadedFile(asset_id):
            candidate.assets[name] = asset_id


def _check_size(candidate: RecordCandidate) -> None:
    characters = 0
    for values in (candidate.fields, candidate.slice):
        for value in values.values():
            if isinstance(value, str):
                characters += len(value)
    # Six bytes a character is the most that JSON makes of one; only what could be too large is measured.
    if (
        6 * characters > MAX_RECORD_BYTES // 2
        and len(candidate.payload().model_dump_json().encode()) > MAX_RECORD_BYTES
    ):
        raise _too_large()


def _too_large() -> NotAccepted:
    return NotAccepted("/fields", "record-too-large", f"a record has at most {MAX_RECORD_BYTES} bytes")
