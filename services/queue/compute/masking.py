"""The masking of long free text, which takes longer than the event loop may be held up."""

from functools import partial

from shared.contracts.answers.free_text import masked
from shared.contracts.personal_data import mask
from shared.contracts.policies import DeidentificationPolicy
from shared.contracts.values import Answers
from shared.recognition.choice import recognisers_of


def mask_work(
    answers: Answers, reason: str | None, words: frozenset[str], policy: DeidentificationPolicy
) -> tuple[Answers, str | None]:
    """The answers without what the policy masks, and the reason without personal data; `words` are the schema's own.

    Raises:
        RecogniserNotInstalled: the policy asks for one that is not here.
    """
    hidden = partial(mask, recognisers=recognisers_of(policy))
    everything = recognisers_of(policy.model_copy(update={"kept": []}))
    return masked(answers, words, hidden), None if reason is None else mask(reason, everything)
