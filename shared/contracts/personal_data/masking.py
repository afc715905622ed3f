"""From findings to a text without them."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from shared.contracts.personal_data.email import EmailRecogniser
from shared.contracts.personal_data.folding import fold, shape_of
from shared.contracts.personal_data.government import SsnRecogniser
from shared.contracts.personal_data.money import CardRecogniser, IbanRecogniser
from shared.contracts.personal_data.network import IpRecogniser, MacRecogniser, UrlSecretRecogniser
from shared.contracts.personal_data.phone import PhoneRecogniser
from shared.contracts.personal_data.recognisers import ContextRecogniser, Finding, Kind, Recogniser
from shared.contracts.personal_data.secrets import SecretRecogniser

RECOGNISERS: tuple[Recogniser, ...] = (
    UrlSecretRecogniser(),
    SecretRecogniser(),
    EmailRecogniser(),
    IbanRecogniser(),
    IpRecogniser(),
    MacRecogniser(),
    CardRecogniser(),
    SsnRecogniser(),
    PhoneRecogniser(),
)
"""What every string passes before it is published."""

AnyRecogniser = Recogniser | ContextRecogniser

MAX_PASSES = 8
REACH = 4608
"""Code points that a finding and what its recogniser looks at have at most: the longest are the secrets of
URLs. Keys and tokens are longer, but neither begin nor end at a mask: they are found before anything is masked."""

CUT_OFF = 512
"""Code points at the ends of a part of a text where what is found may be the rest of something that is cut off."""

_HARMLESS = re.compile(r"[A-Za-z_]{0,19}+(?: [A-Za-z_]{0,19}+)?")
"""Letters of ASCII only, for others may stand for digits or signs (see `folding`), and fewer than any secret has."""


def mask(text: str, recognisers: Sequence[AnyRecogniser] = RECOGNISERS) -> str:
    """The text without personal data. A short word or two of ASCII letters are let through by patterns at once."""
    if _HARMLESS.fullmatch(text) and not any(isinstance(each, ContextRecogniser) for each in recognisers):
        return text
    return deidentify(text, recognisers)[0]


@lru_cache(maxsize=64)
def recognisers_but(kept: frozenset[Kind]) -> tuple[Recogniser, ...]:
    """The recognisers of all kinds but these."""
    if not kept:
        return RECOGNISERS
    return () if kept.issuperset(Kind) else tuple(_Without(recogniser, kept) for recogniser in RECOGNISERS)


@dataclass(frozen=True, slots=True)
class _Without:
    """A recogniser that doesn't report some kinds."""

    recogniser: Recogniser
    kept: frozenset[Kind]

    def concerns(self, shape: bytes) -> bool:
        return self.recogniser.concerns(shape)

    def find(self, text: str) -> Iterable[Finding]:
        return (each for each in self.recogniser.find(text) if each.type not in self.kept)


def deidentify(text: str, recognisers: Sequence[AnyRecogniser] = RECOGNISERS) -> tuple[str, list[Finding]]:
    """Mask what the recognisers find.

    The findings point into `text`, are in order and don't overlap. A mask changes what stands next to it, so the
    masked text is searched again there until nothing is found: masking a masked text by patterns changes nothing.
    What reads context reads the text once.
    """
    if text.isascii():
        findings = _search(text, recognisers)
        return _render(text, findings), findings
    folded = fold(text)
    findings = _search(folded.text, recognisers)
    if len(folded.text) != len(text):
        findings = [
            replace(each, start=folded.original(each.start), end=folded.original(each.end)) for each in findings
        ]
    return _render(text, findings), findings


def _search(text: str, given: Sequence[AnyRecogniser]) -> list[Finding]:
    """Everything that there is to be masked in a folded text, in order and without overlaps."""
    recognisers = [each for each in given if not isinstance(each, ContextRecogniser)]
    findings = _without_overlaps(_find(text, recognisers))
    for reader in given:
        if isinstance(reader, ContextRecogniser):
            findings = _merge([*findings, *_beside(text, findings, reader.read(text, findings))])
    before, found = list[Finding](), findings
    for _ in range(MAX_PASSES - 1):
        if not found:
            break
        found = _without_overlaps(_find_again(_render(text, findings), findings, before, recognisers))
        if found:
            before, findings = findings, _merge([*findings, *_into_original(findings, found)])
    return findings


def _beside(text: str, known: Sequence[Finding], read: Iterable[Finding]) -> Iterator[Finding]:
    """What is read, less what is found already; of what is left in pieces those with a letter or digit."""
    starts, ends = [item.start for item in known], [item.end for item in known]
    for finding in read:
        touched = range(bisect_right(ends, finding.start), bisect_left(starts, finding.end))
        edges = [finding.start, *(edge for at in touched for edge in (starts[at], ends[at])), finding.end]
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if any(map(str.isalnum, text[start:end])):
                yield replace(finding, start=start, end=end)


def _find(text: str, recognisers: Sequence[Recogniser]) -> list[Finding]:
    shape = shape_of(text)
    return [each for recogniser in recognisers if recogniser.concerns(shape) for each in recogniser.find(text)]


def _find_again(
    masked: str, findings: Sequence[Finding], before: Sequence[Finding], recognisers: Sequence[Recogniser]
) -> list[Finding]:
    """Search about the masks of those findings that were not there before; nothing else has changed."""
    if len(masked) <= REACH:
        return _find(masked, recognisers)
    found: list[Finding] = []
    for start, end in _surroundings(findings, before, len(masked)):
        first = start + CUT_OFF if start else 0
        last = end - CUT_OFF if end < len(masked) else end
        found += (
            replace(each, start=each.start + start, end=each.end + start)
            for each in _find(masked[start:end], recognisers)
            if each.start + start >= first and each.end + start <= last
        )
    return found


def _surroundings(findings: Sequence[Finding], before: Sequence[Finding], length: int) -> list[tuple[int, int]]:
    """The parts of the masked text about the masks that are new, apart from each other."""
    known = set(before)
    parts: list[tuple[int, int]] = []
    growth = 0
    for finding in findings:
        mask_start = finding.start + growth
        mask_end = mask_start + len(finding.type.mask)
        growth = mask_end - finding.end
        if finding in known:
            continue
        start, end = max(0, mask_start - REACH - CUT_OFF), min(length, mask_end + REACH + CUT_OFF)
        if parts and start <= parts[-1][1]:
            start = parts.pop()[0]
        parts.append((start, end))
    return parts


class MaskedOffsets:
    """Where offsets of an original text lie in the masked one. Reading the findings takes linear time, an offset logarithmic.

    The findings are in order and don't overlap.
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._lengths: list[int] = []
        self._growth = [0]
        for finding in findings:
            length = len(finding.type.mask)
            self._starts.append(finding.start)
            self._ends.append(finding.end)
            self._lengths.append(length)
            self._growth.append(self._growth[-1] + length - (finding.end - finding.start))

    def of(self, offset: int, *, at_end: bool = False) -> int:
        """The offset in the masked text.

        Inside a finding it becomes the mask's start, or its end for an offset that ends something: what lies partly in
        personal data covers the whole mask afterwards.
        """
        before = bisect_left(self._starts, offset)  # findings that begin before the offset
        if before and offset < self._ends[before - 1]:
            start = self._starts[before - 1] + self._growth[before - 1]
            return start + self._lengths[before - 1] if at_end else start
        return offset + self._growth[before]


def _without_overlaps(found: list[Finding]) -> list[Finding]:
    """In order. Credentials in a URL stay as found, so that its host stays readable; all else that overlaps is joined."""
    if len(found) < 2:  # noqa: PLR2004 - nothing to overlap with
        return found
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
    if not findings:
        return text
    parts, position = list[str](), 0
    for finding in findings:
        parts += (text[position : finding.start], finding.type.mask)
        position = finding.end
    return "".join((*parts, text[position:]))
