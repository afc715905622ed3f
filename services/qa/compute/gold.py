"""Gold answers beside their schemas and records."""

from collections.abc import Mapping, Sequence
from functools import partial

from shared.contracts.answers import AcceptedAnswers, LabelSchema, OffsetUnit, accept
from shared.contracts.answers.free_text import masked, words_of
from shared.contracts.fields import FieldValue
from shared.contracts.personal_data import mask
from shared.contracts.policies import DeidentificationPolicy
from shared.contracts.values import Answers
from shared.recognition.choice import recognisers_of

Checkable = tuple[int, Mapping[str, FieldValue], Answers, OffsetUnit]
"""A schema version, what the record carries, the answers, and the unit of their offsets."""


def examine(
    schemas: Mapping[int, LabelSchema], policy: DeidentificationPolicy, given: Sequence[Checkable]
) -> list[AcceptedAnswers]:
    """Each of the answers in canonical form and without personal data, and what is wrong with them. CPU work where they are
    long, or the policy reads context.

    Raises:
        RecogniserNotInstalled: the policy asks for one that is not here.
    """
    words = {version: words_of(schemas[version]) for version in {version for version, *_ in given}}
    hidden = partial(mask, recognisers=recognisers_of(policy))
    accepted = [accept(schemas[version], content, answers, unit=unit) for version, content, answers, unit in given]
    return [
        one._replace(answers=masked(one.answers, words[version], hidden))
        for one, (version, *_) in zip(accepted, given, strict=True)
    ]
