"""Which digits are a telephone number: libphonenumber's data, asked by country and region.

That library's own parser reads text, forgives what people mistype, and takes 20 microseconds; what comes here is
digits, and takes two. Guarantee: the answers are libphonenumber's own (a test compares them).
Source: google/libphonenumber as `phonenumberslite` has it. It is imported by `load`: 40 ms, 4 MB.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from phonenumbers import PhoneMetadata
    from phonenumbers.phonemetadata import PhoneNumberDesc

_KINDS: Final = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "voip"),
    *("personal_number", "pager", "uan", "voicemail"),
)
_LONGEST_CODE: Final = 3
_NOWHERE: Final = "001"
"""The region of codes that belong to no country, as satellites' do."""


def load() -> None:
    """Import the data of all regions, so that no stream waits for it."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            _metadata(region, code if region == _NOWHERE else 0)


def is_international(number: str) -> bool:
    """Return whether digits, a country's code first, are a number; a zero behind the code may be one too many."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for length in range(1, _LONGEST_CODE + 1):
        code = int(number[:length])
        regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
        if regions:  # no code begins another
            national = number[length:]
            return any(_fits(region, code, national) for region in regions) or (
                national.startswith("0") and any(_fits(region, code, national[1:]) for region in regions)
            )
    return False


def is_national(region: str, number: str) -> bool:
    """Return whether digits, without the zero that is dialled before them, are a number of a region (`GB`)."""
    return _fits(region, 0, number)


def _fits(region: str, code: int, number: str) -> bool:
    found = _metadata(region, code if region == _NOWHERE else 0)
    if found is None or not _described(found.general_desc, number):
        return False
    return any(_described(getattr(found, kind), number) for kind in _KINDS)


@cache
def _metadata(region: str, code: int) -> "PhoneMetadata | None":
    from phonenumbers import PhoneMetadata

    if region == _NOWHERE:
        return PhoneMetadata.metadata_for_nongeo_region(code, None)
    return PhoneMetadata.metadata_for_region(region, None)


def _described(form: "PhoneNumberDesc | None", number: str) -> bool:
    if form is None or form.national_number_pattern is None:
        return False
    lengths = form.possible_length
    return (not lengths or len(number) in lengths) and bool(_compiled(form.national_number_pattern).fullmatch(number))


@cache
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)
