"""The masking of long free text, which takes longer than the event loop may be held up."""

from functools import partial

from shared.contracts.answers.free_text import masked
from shared.contracts.personal_data import mask
from shared.contracts.policies import DeidentificationPolicy
from shared.contracts.values import Answers


def mask_work(
    answers: Answers, reason: str | None, words: frozenset[str], policy: DeidentificationPolicy
) -> tuple[Answers, str | None]:
    """The answers without what the policy masks, and the reason without personal data; `words` are the schema's own."""
    hidden = partial(mask, recognisers=policy.recognisers)
    return masked(answers, words, hidden), None if reason is None else mask(reason)
