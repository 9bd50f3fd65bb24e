"""Where a telephone number is at home. Pure.

Only the country is told. A state by area code (one number plan covers the United States, Canada and the Caribbean)
needs a table that is worth its memory; until it is there, the call's own facts must name the state.
"""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException

_NO_COUNTRY = "001"  # satellites, international freephone
_SHARED = frozenset({1, 7})  # country codes of several large countries: a number that fits none of them is left open


def place_of_number(e164: str) -> str:
    """ISO 3166 country of a number in E.164, "" where it has none or is no number.

    A number that its country has not given out (or not yet, as far as we know) counts for the country of its code.
    """
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return ""
    region = phonenumbers.region_code_for_number(number)
    if region is None and number.country_code not in _SHARED:
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return "" if region in {None, _NO_COUNTRY, "ZZ"} else str(region)
