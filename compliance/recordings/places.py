"""Where the two ends of a call are: what numbers, billing and people say of it, how sure that is, what counts. Pure.

What can go wrong: a number is taken for a residence. It is a hint: people move and keep their number, and an area code
of a mobile tells where it was bought. So each placement says where it comes from and how sure it is; an officer's word
replaces all others of that end, and where other sources disagree all of them count, since the stricter place decides
(`disclosure` takes the strictest of all places of a call).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType

from compliance.recordings.area_codes import PLACE_OF_AREA_CODE

_NO_COUNTRY = "001"  # satellites, international freephone
_SHARED = frozenset({1, 7})  # country codes of several large countries: a number that fits none of them is left open
_UNKNOWN = frozenset({None, _NO_COUNTRY, "ZZ"})
_WITH_AREA_CODES = frozenset({"US", "CA"})
# Parts that no area code leads to alone.
_PARTS = frozenset(PLACE_OF_AREA_CODE.values()) | {"CA-NS", "CA-PE", "CA-NT", "CA-NU", "CA-YT"}
_PLACE = re.compile(r"(?P<country>[A-Z]{2})(?:-(?P<part>[A-Z0-9]{1,3}))?", re.ASCII)
_MOVABLE = frozenset(
    {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP, PhoneNumberType.UNKNOWN}
)
_NOWHERE = frozenset({PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST,
                      PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.UAN})  # fmt: skip


class End(StrEnum):
    """Which end of the call."""

    CALLER = "caller"  # the data subject, whoever dialled
    ORGANISATION = "organisation"


class Source(StrEnum):
    """Where a placement comes from, the strongest first."""

    OFFICER = "officer"
    STATED = "stated"  # the person said so, or it stands in the contract
    BILLING = "billing"
    NUMBER = "number"


class Confidence(StrEnum):
    """How sure it is that the end is at that place."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Placement:
    """One word on where one end is: an ISO 3166 code (`DE`, `US-CA`), its source, and why it is as sure as it is."""

    end: End
    place: str
    source: Source
    confidence: Confidence
    reason: str


def of_numbers(caller: str | None, organisation: str | None) -> list[Placement]:
    """What the numbers of both ends (E.164) say."""
    found = ((End.CALLER, caller), (End.ORGANISATION, organisation))
    return [placement for end, number in found if number and (placement := of_number(end, number))]


def of_number(end: End, e164: str) -> Placement | None:
    """What one number says; None where it has no place: freephone, satellite, or no number at all.

    A number that its country has not given out (or not yet, as far as we know) counts for the country of its code.
    """
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return None
    kind = phonenumbers.number_type(number)
    country, is_assigned = _country(number)
    if not country or kind in _NOWHERE:
        return None
    if country in _WITH_AREA_CODES:
        return _in_north_america(end, country, number)
    if not is_assigned:
        return Placement(end, country, Source.NUMBER, Confidence.LOW, "country_code_only")
    if kind in _MOVABLE:
        return Placement(end, country, Source.NUMBER, Confidence.MEDIUM, "mobile_number")
    return Placement(end, country, Source.NUMBER, Confidence.HIGH, "fixed_line")


def place_of_number(e164: str) -> str:
    """ISO 3166 place of a number in E.164, "" where it has none or is no number."""
    found = of_number(End.CALLER, e164)
    return found.place if found else ""


def is_place(code: str) -> bool:
    """Whether this is a country (`DE`) or a part of one (`DE-BY`) in the spelling of ISO 3166. Of the United States and
    Canada the parts are known by name; of other countries only the spelling is looked at.
    """
    found = _PLACE.fullmatch(code)
    if found is None or found["country"] not in phonenumbers.SUPPORTED_REGIONS:
        return False
    return found["country"] not in _WITH_AREA_CODES or found["part"] is None or code in _PARTS


def merged(kept: Iterable[Placement], fresh: Iterable[Placement]) -> list[Placement]:
    """What is known after `fresh` came: it replaces what the same source said of the same end; the rest stays."""
    known = {(one.end, one.source): one for one in kept}
    known.update({(one.end, one.source): one for one in fresh})
    return sorted(known.values(), key=_order)


def that_count(placements: Iterable[Placement]) -> tuple[str, ...]:
    """The places whose law counts, each once, in order: an officer's word alone for its end, else every source's."""
    chosen: list[Placement] = []
    known = sorted(placements, key=_order)
    for end in End:
        words = [one for one in known if one.end is end]
        officers = [one for one in words if one.source is Source.OFFICER]
        chosen += officers or words
    return tuple(dict.fromkeys(one.place for one in chosen))


def of_caller(placements: Iterable[Placement]) -> str:
    """The one place of the caller, by its strongest source; "" where none is known."""
    words = sorted((one for one in placements if one.end is End.CALLER), key=_order)
    return words[0].place if words else ""


def to_json(placements: Iterable[Placement]) -> list[dict[str, str]]:
    """For `Call.places`: codes only."""
    return [{name: str(value) for name, value in asdict(one).items()} for one in placements]


def from_json(kept: Sequence[Mapping[str, Any]]) -> list[Placement]:
    """The inverse of `to_json`. Raises ValueError, KeyError on anything else."""
    return [
        Placement(
            End(one["end"]), one["place"], Source(one["source"]), Confidence(one["confidence"]), str(one["reason"])
        )
        for one in kept
    ]


def _order(one: Placement) -> tuple[int, int, str]:
    return list(End).index(one.end), list(Source).index(one.source), one.place


def _country(number: PhoneNumber) -> tuple[str, bool]:
    """Country and whether the number is one that the country has given out."""
    region = phonenumbers.region_code_for_number(number)
    if region is not None:
        return ("" if region in _UNKNOWN else str(region)), True
    if number.country_code in _SHARED:
        return "", False
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return ("" if region in _UNKNOWN else str(region)), False


def _in_north_america(end: End, country: str, number: PhoneNumber) -> Placement:
    """By area code. Never sure: numbers here do not tell mobiles from fixed lines, and both may be taken along."""
    area = str(number.national_number)[:3]
    place = PLACE_OF_AREA_CODE.get(area, "")
    if place.partition("-")[0] == country:
        return Placement(end, place, Source.NUMBER, Confidence.MEDIUM, "area_code")
    return Placement(end, country, Source.NUMBER, Confidence.LOW, "area_code_of_several_regions")
