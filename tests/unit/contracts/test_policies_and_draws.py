import hashlib
import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.contracts.draws import draw
from shared.contracts.policies import Policies
from shared.contracts.values import json_pointer


@given(st.uuids(), st.integers(0, 10))
def test_a_draw_is_fixed_by_its_arguments_and_below_one(subject: UUID, nonce: int) -> None:
    first = draw("salt", "split", subject, nonce)
    assert 0.0 <= first < 1.0
    assert draw("salt", "split", subject, nonce) == first


def test_a_draw_is_the_one_that_was_logged_years_ago() -> None:
    subject = UUID("018f3c1e-0000-7000-8000-000000000001")
    digest = hmac.digest(b"salt", b"split:%s:0" % subject.bytes, hashlib.sha256)
    assert draw("salt", "split", subject) == (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def test_draws_for_other_purposes_salts_and_nonces_are_others() -> None:
    subject = UUID(int=7)
    drawn = {
        draw("a", "split", subject),
        draw("b", "split", subject),
        draw("a", "audit", subject),
        draw("a", "split", subject, 1),
    }
    assert len(drawn) == 4


def test_draws_are_even() -> None:
    drawn = [draw("salt", "explore", UUID(int=number)) for number in range(20_000)]
    assert abs(sum(value < 0.1 for value in drawn) / len(drawn) - 0.1) < 0.01


@pytest.mark.parametrize(
    "policies",
    [
        {"split": {"train": 0.9, "validation": 0.2, "test": 0.1}},
        {"redundancy": {"maximum": 1}},
        {"auto_accept": {"error_budget": 0}},
        {"gold": {"share": 1.1}},
        {"gold": {"shair": 0.1}},
        {"serving": {"lease_ttl_s": 0}},
    ],
)
def test_policies_that_make_no_sense_are_refused(policies: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Policies.model_validate(policies)


def test_pointers_follow_rfc_6901() -> None:
    assert json_pointer() == ""
    assert json_pointer("a/b", 0, "m~n") == "/a~1b/0/m~0n"
