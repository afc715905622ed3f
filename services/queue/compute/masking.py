"""The masking of long free text, which takes longer than the event loop may be held up."""

from services.queue.domain.free_text import masked
from shared.contracts.personal_data import mask
from shared.contracts.values import Answers


def mask_work(answers: Answers, reason: str | None, words: frozenset[str]) -> tuple[Answers, str | None]:
    """The answers and the reason without personal data; `words` are the schema's own."""
    return masked(answers, words, mask), None if reason is None else mask(reason)
