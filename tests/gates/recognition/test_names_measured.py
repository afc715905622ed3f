"""What the recogniser `names` finds, on texts of templates that it was not trained on, and in texts of another hand."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.personal_data import RECOGNISERS, AnyRecogniser, RecogniserName, deidentify
from shared.recognition.choice import installed
from tests.support.left_out import NOT_BESIDE
from tests.support.slowness import slowness

pytestmark = pytest.mark.skipif(
    RecogniserName.NAMES not in installed(), reason="the recogniser `names` is not installed (make names)"
)

MEASURED = Path(__file__).parents[3].parent / "shared" / "data" / "pii" / "presidio_synth_v2.json"

WRITTEN = [
    "Yesterday {Marta Kowalczyk} phoned about the broken dishwasher in {14 Elm Grove, Leeds LS6 2QT}.",
    "Please forward the signed lease to {Tobias Lindqvist}, he moved to {Gothenburg} {last March}.",
    "The parcel for {Ms Adaeze Okafor} was left with the neighbour at {221 Maple Street, Springfield}.",
    "I spoke with {Rajesh Menon} from {Halberd Logistics Ltd} on {12 March 2024} and nobody called back.",
    "my manager {peter novak} keeps changing the rota without telling us",
    "Born {4 July 1987}, {Elena Petrova} has worked as a nurse in {Dublin} ever since.",
    "Dear {Dr. Haruka Tanaka}, thank you for the appointment, my knee is better.",
    "Our team met {Sofia Marchetti} and {Liam O'Connor} in {Barcelona} to sign the contract.",
    "The invoice goes to {Northwind Traders Inc.}, {500 Market Street, San Francisco, CA 94105}.",
    "She told me that {Chukwuemeka} and his sister left for {Canada}.",
    "How do I change the delivery address of an order that was already paid?",
    "The battery lasts about six hours, which is less than the box says.",
    "I love the new keyboard, but the space bar squeaks when it gets warm.",
    "Can you tell me which documents I need in order to close an account?",
    "The app crashes every time I open the settings page.",
    "Great service, friendly staff, cold coffee.",
]
"""In braces what is personal data. Written for this test: neither the generator's words nor its names."""


def written() -> list[dict[str, Any]]:
    texts = []
    for line in WRITTEN:
        text, spans = "", list[dict[str, Any]]()
        for piece in re.split(r"(\{[^}]*\})", line):
            shown = piece.strip("{}")
            if piece.startswith("{"):
                spans.append(
                    {"entity_type": "ANY", "start_position": len(text), "end_position": len(text) + len(shown)}
                )
            text += shown
        texts.append({"full_text": text, "spans": spans, "template_id": line})
    return texts


@pytest.mark.skipif(not MEASURED.exists(), reason=f"the set of measured texts {NOT_BESIDE}")
def test_names_are_found_in_texts_of_templates_that_were_not_trained_on() -> None:
    """Quality gate: recall of characters .95 at precision .90 with five folds; with two, which train on half the templates,
    a point less each. What has a form is found as by patterns alone.
    """
    from bench.train_names import cross_validated, measure

    texts = json.loads(MEASURED.read_text(encoding="utf-8"))
    result = measure(texts, cross_validated(texts, folds=2, iterations=60))
    assert result["recall"] >= 0.94
    assert result["precision"] >= 0.89
    assert result["recall_by_type"]["PERSON"] >= 0.96
    for kind in ("CREDIT_CARD", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "IBAN_CODE"):
        assert result["recall_by_type"][kind] >= 0.97, kind


def test_names_are_found_in_texts_of_another_hand_at_sixty_texts_a_second() -> None:
    from bench.train_names import measure
    from shared.recognition.names import NamesRecogniser

    recognisers: tuple[AnyRecogniser, ...] = (*RECOGNISERS, NamesRecogniser())
    texts = written()
    found = [deidentify(item["full_text"], recognisers)[1] for item in texts]
    result = measure(texts, found)
    assert result["recall"] >= 0.9
    assert result["precision"] >= 0.9
    started = time.process_time()
    for item in texts * 4:
        deidentify(item["full_text"], recognisers)
    assert time.process_time() - started < len(texts) * 4 / 60 * slowness()


def test_what_masking_left_is_not_masked_again() -> None:
    from shared.recognition.names import NamesRecogniser

    recognisers: tuple[AnyRecogniser, ...] = (*RECOGNISERS, NamesRecogniser())
    for item in written():
        masked, _ = deidentify(item["full_text"], recognisers)
        for finding in deidentify(masked, recognisers)[1]:
            assert not re.search(r"\[[A-Z]+\]", masked[finding.start : finding.end])
