"""What reads context joins the patterns: it fills what they leave, and changes nothing that they found."""

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from shared.contracts.personal_data import (
    RECOGNISERS,
    ContextRecogniser,
    Finding,
    Kind,
    RecogniserName,
    deidentify,
    mask,
)
from shared.contracts.policies import DeidentificationPolicy


class Told(ContextRecogniser):
    """Finds the words that it was told of."""

    def __init__(self, *words: tuple[str, Kind]) -> None:
        self.words = words
        self.calls = 0

    def read(self, text: str, found: Sequence[Finding]) -> list[Finding]:
        self.calls += 1
        return sorted(
            (
                Finding(text.index(word), text.index(word) + len(word), kind, 0.8, "told")
                for word, kind in self.words
                if word in text
            ),
            key=lambda finding: finding.start,
        )


def test_both_kinds_of_recogniser_mask_one_text() -> None:
    told = Told(("Jane Roe", Kind.PERSON))
    masked, findings = deidentify("Jane Roe, jane@example.com", (*RECOGNISERS, told))
    assert masked == "[PERSON], [EMAIL]"
    assert [(each.start, each.end, each.type) for each in findings] == [(0, 8, Kind.PERSON), (10, 26, Kind.EMAIL)]
    assert told.calls == 1, "a text is read once, however often the patterns search it"


def test_what_the_patterns_found_keeps_its_kind() -> None:
    told = Told(("by jane@example.com today", Kind.PERSON))
    assert deidentify("sent by jane@example.com today", (*RECOGNISERS, told))[0] == "sent [PERSON][EMAIL][PERSON]"


def test_punctuation_that_is_left_between_findings_is_not_masked() -> None:
    told = Told((", jane@example.com", Kind.PERSON))
    assert deidentify("to, jane@example.com", (*RECOGNISERS, told))[0] == "to, [EMAIL]"


def test_offsets_are_those_of_the_text_as_it_came() -> None:
    masked, findings = deidentify("\u200bJa\u00adne came", (Told(("Jane", Kind.PERSON)),))
    assert masked == "\u200b[PERSON] came"
    assert (findings[0].start, findings[0].end) == (1, 6)


def test_two_plain_words_are_read_where_context_counts() -> None:
    assert mask("Jane Roe") == "Jane Roe"
    assert mask("Jane Roe", (*RECOGNISERS, Told(("Jane Roe", Kind.PERSON)))) == "[PERSON]"


def test_a_policy_says_what_nothing_looks_for() -> None:
    assert set(DeidentificationPolicy().not_recognised) == RecogniserName.NAMES.kinds
    assert DeidentificationPolicy(recognisers=list(RecogniserName)).not_recognised == []
    assert not DeidentificationPolicy().reads_context


def test_patterns_are_always_asked() -> None:
    with pytest.raises(ValidationError, match="patterns"):
        DeidentificationPolicy(recognisers=[RecogniserName.NAMES])


def test_each_kind_has_one_recogniser() -> None:
    assert sum(len(name.kinds) for name in RecogniserName) == len(Kind)
