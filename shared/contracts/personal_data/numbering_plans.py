"""Numbering plans: which digits are a telephone number within a country."""

import re
from functools import cache
from typing import Any

from phonenumbers import PhoneMetadata

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "BE", "CH", "SE", "DK", "PL", "PT", "BR", "AU", "ZA", "IN")
"""Whose plans a number without a `+` is looked up in."""

OTHER_REGIONS = (
    "AT", "FI", "IE", "NZ", "JP", "KR", "IL", "TR", "UA", "RO", "HR", "SI", "SK", "BG", "RS", "AR", "ID", "MY", "TH", "VN", "PH",
    "PK", "NG", "KE", "EG", "SA", "AE", "TW", "MA",
)  # fmt: skip
"""Whose plans a number is looked up in that begins with a zero, their national prefix."""

_KINDS = (
    "fixed_line", "mobile", "toll_free", "shared_cost", "premium_rate", "voip", "personal_number", "uan", "pager",
    "voicemail",
)  # fmt: skip
_GROUP = re.compile(r"\((?!\?)")


def is_national(digits: str) -> bool:
    """Whether some region has the number, dialled with or without the national prefix or the region's own code.

    By the patterns of libphonenumber's metadata for the kinds of numbers, as `is_valid_number_for_region` compares them.
    """
    return _plans(REGIONS, len(digits)).fullmatch(digits) is not None


def is_national_elsewhere(digits: str) -> bool:
    """Whether some region whose numbers begin with a zero within it has the number."""
    return _plans(OTHER_REGIONS, len(digits)).fullmatch(digits) is not None


@cache
def _plans(regions: tuple[str, ...], length: int) -> re.Pattern[str]:
    """Numbers of so many digits of all these regions, as dialled."""
    return re.compile("|".join(_plan(region) for region in regions if length in _lengths(region)) or r"(?!)", re.ASCII)


@cache
def _plan(region: str) -> str:
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    kinds = [getattr(metadata, name) for name in _KINDS]
    patterns = dict.fromkeys(kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern)
    return rf"(?:(?:{metadata.international_prefix})?{metadata.country_code})?{_prefix(region)}(?:{'|'.join(patterns)})"


def _prefix(region: str) -> str:
    """What may be dialled before a number within the region: without groups that capture, and without a number after it."""
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    prefix = metadata.national_prefix_for_parsing
    if prefix is None:
        return ""
    without_number = prefix.replace(r"(\d{10,11})", "")
    return f"(?:{_GROUP.sub('(?:', without_number)})?"


@cache
def _lengths(region: str) -> frozenset[int]:
    """Digits that a number of the region may have as dialled."""
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    code = len(str(metadata.country_code))
    own = set(metadata.general_desc.possible_length)
    national = {length + before for length in own for before in range(7)} if _prefix(region) else own
    return frozenset(national | {length + code + idd for length in national for idd in range(6)})
