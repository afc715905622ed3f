"""From findings to a text without them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from shared.contracts.personal_data.email import EmailRecogniser
from shared.contracts.personal_data.finding import Finding, Kind, Recogniser
from shared.contracts.personal_data.folding import fold, shape
from shared.contracts.personal_data.government import SsnRecogniser
from shared.contracts.personal_data.money import CardRecogniser, IbanRecogniser
from shared.contracts.personal_data.network import IpRecogniser, UrlSecretRecogniser
from shared.contracts.personal_data.numbers import NumberRecognisers
from shared.contracts.personal_data.phone import PhoneRecogniser

RECOGNISERS: tuple[Recogniser, ...] = (
    UrlSecretRecogniser(),
    EmailRecogniser(),
    IbanRecogniser(),
    IpRecogniser(),
    NumberRecognisers((CardRecogniser(), SsnRecogniser(), PhoneRecogniser())),
)
"""What every string passes before it is published."""

MAX_PASSES = 8
_HARMLESS = re.compile(r"[^\W\d]*[ ]?[^\W\d]*")


def mask(text: str) -> str:
    """The text without personal data. A word or two of letters are let through at once."""
    return text if _HARMLESS.fullmatch(text) else deidentify(text)[0]


def deidentify(text: str, recognisers: Sequence[Recogniser] = RECOGNISERS) -> tuple[str, list[Finding]]:
    """Mask what the recognisers find.

    The findings point into `text`, are in order and don't overlap. A mask changes what stands next to it, so the
    masked text is searched again until nothing is found: masking a masked text changes nothing.
    """
    masked, findings = text, list[Finding]()
    for _ in range(MAX_PASSES):
        found = _find(masked, recognisers)
        if not found:
            break
        found = _without_overlaps(found)
        findings = _merge([*findings, *_into_original(findings, found)]) if findings else found
        masked = _render(text, findings)
    return masked, findings


def _find(text: str, recognisers: Sequence[Recogniser]) -> list[Finding]:
    folded = None if text.isascii() else fold(text)
    read = text if folded is None else folded.text
    kind = shape(read)
    found = [each for recogniser in recognisers if recogniser.concerns(kind) for each in recogniser.find(read)]
    if folded is None or len(read) == len(text):
        return found
    return [replace(each, start=folded.original(each.start), end=folded.original(each.end)) for each in found]


def map_offset(findings: Sequence[Finding], offset: int, *, at_end: bool = False) -> int:
    """Where `offset` of the original text lies in the masked one.

    Inside a finding it becomes the mask's start, or its end for an offset that ends something: what lies partly in
    personal data covers the whole mask afterwards.
    """
    shift = 0
    for finding in findings:
        if offset <= finding.start:
            break
        length = len(finding.type.mask)
        if offset < finding.end:
            return finding.start + shift + (length if at_end else 0)
        shift += length - (finding.end - finding.start)
    return offset + shift


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    """Credentials in a URL stay as found, so that its host stays readable; all else that overlaps is joined."""
    taken = _merge(finding for finding in found if finding.type in {Kind.CREDENTIALS, Kind.SECRET})
    if not taken:
        return _merge(found)
    starts, ends = [finding.start for finding in taken], [finding.end for finding in taken]
    free = (finding for finding in found if bisect_right(ends, finding.start) == bisect_left(starts, finding.end))
    return _merge([*taken, *free])


def _merge(findings: Iterable[Finding]) -> list[Finding]:
    """In order, overlapping ones joined under the type of the surest."""
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda item: (item.start, -item.end)):
        if merged and finding.start < merged[-1].end:
            best = max(merged[-1], finding, key=lambda item: item.score)
            end = max(merged[-1].end, finding.end)
            merged[-1] = Finding(merged[-1].start, end, best.type, best.score, best.source)
        else:
            merged.append(finding)
    return merged


def _into_original(known: Sequence[Finding], found: Iterable[Finding]) -> Iterable[Finding]:
    """Move `found`, which point into the masked text, back to the original; one that touches a mask covers all of it."""
    growth = [0, *accumulate(len(item.type.mask) - (item.end - item.start) for item in known)]
    starts = [item.start + shift for item, shift in zip(known, growth, strict=False)]
    ends = [start + len(item.type.mask) for item, start in zip(known, starts, strict=True)]
    for finding in found:
        first, last = bisect_right(ends, finding.start), bisect_left(starts, finding.end)
        start, end = finding.start - growth[first], finding.end - growth[last]
        if first < last:  # masks `first` to `last - 1` are touched
            start = min(known[first].start, start)
            end = max(known[last - 1].end, end)
        yield Finding(start, end, finding.type, finding.score, finding.source)


def _render(text: str, findings: Sequence[Finding]) -> str:
    parts, position = list[str](), 0
    for finding in findings:
        parts += (text[position : finding.start], finding.type.mask)
        position = finding.end
    return "".join((*parts, text[position:]))
