"""policies.personal.numbering: its answers are libphonenumber's."""

from random import Random

import phonenumbers
import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, PhoneNumberType

from sluice.policies.personal.numbering import is_international, is_national, load

load()
KINDS = [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE, PhoneNumberType.VOIP]


def examples() -> list[PhoneNumber]:
    found = [
        phonenumbers.example_number_for_type(region, kind)
        for region in phonenumbers.SUPPORTED_REGIONS
        for kind in KINDS
    ]
    return [number for number in found if number is not None]


def spelled(number: PhoneNumber) -> str:
    return f"{number.country_code}{phonenumbers.national_significant_number(number)}"


def test_a_number_of_each_country_and_kind_is_one() -> None:
    assert len(examples()) > 600
    assert [number for number in examples() if not is_international(spelled(number))] == []


def test_satellites_have_numbers_of_no_country() -> None:
    assert is_international("870773111632")
    assert not is_international("8707731116")


def test_what_is_near_a_number_is_one_if_the_library_says_so() -> None:
    random = Random(1)
    valid = 0
    for example in examples():
        digits = list(phonenumbers.national_significant_number(example))
        digits[random.randrange(len(digits))] = random.choice("123456789")
        digits = digits[: random.choice([None, None, -1])] + random.choice([[], [], ["5"]])
        if digits[0] == "0":
            continue  # whether a zero counts is a country's own rule: the next test
        near = PhoneNumber(country_code=example.country_code, national_number=int("".join(digits)))
        expected = phonenumbers.is_valid_number(near)
        valid += expected
        assert is_international(f"{example.country_code}{''.join(digits)}") == expected, near
    assert 100 < valid < len(examples()) - 100


def test_a_zero_behind_the_code_is_a_digit_in_italy_and_one_too_many_in_britain() -> None:
    assert is_international("390669821234")
    assert not is_international("39669821234")
    assert is_international("442079460958")
    assert is_international("4402079460958")


@pytest.mark.parametrize("code", ["", "0", "00", "999", "1", "44"])
def test_no_country_no_number(code: str) -> None:
    assert not is_international(code + "0")


@pytest.mark.parametrize("region", ["US", "GB", "DE", "IL", "IN", "CA", "BR"])
def test_a_national_number_is_one_if_the_library_says_so(region: str) -> None:
    random = Random(region)
    code = phonenumbers.country_code_for_region(region)
    seen = {True: 0, False: 0}
    for _ in range(3000):
        number = str(random.randint(1, 9)) + "".join(random.choices("0123456789", k=random.randint(6, 10)))
        parsed = PhoneNumber(country_code=code, national_number=int(number))
        expected = phonenumbers.is_valid_number_for_region(parsed, region)
        seen[expected] += 1
        if len(COUNTRY_CODE_TO_REGION_CODE[code]) == 1:
            assert is_national(region, number) == expected, number
        elif expected:  # a number of Jersey has the form of a British one
            assert is_national(region, number), number
    assert min(seen.values()) > 20
