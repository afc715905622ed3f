"""How many of a project's open records fit a schema that is to become active, as far as their own schema versions say so.

A record was checked against the schema version that it came under: it has that version's required fields, and may have the
others. So it is told from the versions alone, without a look at its content, whether it has the fields that another
schema needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from shared.contracts.answers import LabelSchema


class SchemaFit(Enum):
    """Whether a record that came under a schema version has the fields that another needs."""

    FITS = auto()
    MAY_FIT = auto()
    """It has, if it has some fields that it need not have."""
    LACKS = auto()


@dataclass(frozen=True, slots=True)
class OpenRecordsFit:
    """Open records by whether they fit. `all_counted` False: there are more, and these are the newest of them.

    `missing`: the needed fields that some of those which don't fit can't have, in the schema's order.
    """

    open: int
    fit: int
    may_fit: int
    all_counted: bool
    missing: tuple[str, ...] = ()

    @property
    def lack(self) -> int:
        return self.open - self.fit - self.may_fit

    @property
    def none_fits(self) -> bool:
        return 0 < self.open == self.lack


def fit_of(came_under: LabelSchema, wanted: LabelSchema) -> SchemaFit:
    """Whether records of one schema have what another needs: the fields that it requires, those that a question is about
    which has to be answered, and one field at least.
    """
    there = {field.name: field for field in came_under.fields}
    shared = _shared(came_under, wanted)
    needed = _needed(wanted)
    if not shared or not needed <= shared:
        return SchemaFit.LACKS
    sure = {name for name in shared if there[name].required}
    return SchemaFit.FITS if sure and needed <= sure else SchemaFit.MAY_FIT


def _shared(came_under: LabelSchema, wanted: LabelSchema) -> set[str]:
    """The fields of the wanted schema that a record of the other may have."""
    kinds = {field.name: field.kind for field in came_under.fields}
    return {field.name for field in wanted.fields if kinds.get(field.name) == field.kind}


def _needed(wanted: LabelSchema) -> set[str]:
    asked = {
        name
        for question in wanted.questions
        if question.required and question.visible_when is None
        for name in question.fields_asked()
    }
    return {field.name for field in wanted.fields if field.required or field.name in asked}


def _missing(came_under: LabelSchema, wanted: LabelSchema) -> set[str]:
    """What a record that doesn't fit lacks: needed fields, or all where none is needed."""
    return (_needed(wanted) or {field.name for field in wanted.fields}) - _shared(came_under, wanted)


def count_fitting(
    open_records: Mapping[int, int], schemas: Mapping[int, LabelSchema], wanted: LabelSchema, *, all_counted: bool
) -> OpenRecordsFit:
    """`open_records`: how many there are of each schema version."""
    found = {version: fit_of(schemas[version], wanted) for version in open_records}

    def sum_of(fit: SchemaFit) -> int:
        return sum(count for version, count in open_records.items() if found[version] is fit)

    missing: set[str] = set()
    for version, fit in found.items():
        if fit is SchemaFit.LACKS:
            missing |= _missing(schemas[version], wanted)
    return OpenRecordsFit(
        open=sum(open_records.values()),
        fit=sum_of(SchemaFit.FITS),
        may_fit=sum_of(SchemaFit.MAY_FIT),
        all_counted=all_counted,
        missing=tuple(field.name for field in wanted.fields if field.name in missing),
    )
