"""Presets of policies: whole, and changed by what is set beside them."""

import pytest

from shared.contracts.policies import PRESETS, Policies, PolicyPreset, from_preset
from shared.contracts.values import BrokenRule


def test_without_a_preset_the_policies_are_as_they_are_given() -> None:
    given = Policies.model_validate({"redundancy": {"without_model": 3}})
    assert from_preset(None, given) == given
    assert from_preset(None, None) == from_preset("learn", None) == Policies()


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_what_is_set_stands_and_the_rest_is_as_in_the_preset(preset: PolicyPreset) -> None:
    given = Policies.model_validate({"serving": {"lease_ttl_s": 60}, "purposes_required": ["quality"]})
    found = from_preset(preset.name, given)
    assert (found.serving.lease_ttl_s, found.purposes_required) == (60, ["quality"])
    assert found.serving.blind_share == preset.policies.serving.blind_share
    assert found.redundancy == preset.policies.redundancy


def test_a_default_that_is_set_overrides_the_preset() -> None:
    assert from_preset("label_everything", Policies.model_validate({"learning": {"enabled": True}})).learning.enabled


def test_what_contradicts_the_preset_is_refused_with_its_place() -> None:
    given = Policies.model_validate({"redundancy": {"maximum": 2, "without_model": 1, "with_model": 1, "held_out": 1}})
    assert from_preset("high_stakes", given).redundancy.maximum == 2
    with pytest.raises(BrokenRule, match="high_stakes") as refused:
        from_preset("high_stakes", Policies.model_validate({"redundancy": {"maximum": 2}}))
    assert refused.value.path == ("redundancy",)
