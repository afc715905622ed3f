"""Gold answers beside their schemas and records."""

from collections.abc import Mapping, Sequence
from functools import partial

from shared.contracts.answers import LabelSchema, Violation, validate
from shared.contracts.answers.free_text import masked, words_of
from shared.contracts.fields import FieldValue
from shared.contracts.personal_data import mask
from shared.contracts.policies import DeidentificationPolicy
from shared.contracts.values import Answers

Checkable = tuple[int, Mapping[str, FieldValue], Answers]
"""A schema version, what the record carries, and the answers."""

Examined = tuple[list[Violation], Answers]
"""What is wrong with the answers, and the answers without personal data."""


def examine(
    schemas: Mapping[int, LabelSchema], policy: DeidentificationPolicy, given: Sequence[Checkable]
) -> list[Examined]:
    """Check each of the answers, and mask what was typed freely in them. CPU work where they are long."""
    words = {version: words_of(schemas[version]) for version in {version for version, _, _ in given}}
    hidden = partial(mask, recognisers=policy.recognisers)
    return [
        (validate(schemas[version], content, answers), masked(answers, words[version], hidden))
        for version, content, answers in given
    ]
