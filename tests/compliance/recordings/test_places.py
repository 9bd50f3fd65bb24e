"""Where the ends of a call are: numbers, words, which of them count, and the doors to them."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import geocoder
from rest_framework.test import APIClient

from compliance.recordings import places
from compliance.recordings.area_codes import PLACE_OF_AREA_CODE
from compliance.recordings.places import Confidence, End, Placement, Source
from tests.compliance.calls import Entries, Line

_NAMES = {
    "US-CA": "California", "US-NY": "New York", "US-TX": "Texas", "US-FL": "Florida", "US-WA": "Washington",
    "US-DC": "Washington", "US-IL": "Illinois", "US-PA": "Pennsylvania", "US-MA": "Massachusetts", "US-MD": "Maryland",
    "US-MT": "Montana", "US-NV": "Nevada", "US-NH": "New Hampshire", "US-CT": "Connecticut", "US-DE": "Delaware",
    "US-MI": "Michigan", "US-OR": "Oregon", "CA-QC": "Quebec", "CA-ON": "Ontario", "CA-BC": "British Col",
    "CA-AB": "Alberta", "CA-NB": "New Brunswick", "CA-NL": "Newfoundland",
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "place", "confidence", "reason"),
    [
        ("+14155550132", "US-CA", "medium", "area_code"),
        ("+12125550132", "US-NY", "medium", "area_code"),
        ("+15145550132", "CA-QC", "medium", "area_code"),
        ("+19025550132", "CA", "low", "area_code_of_several_regions"),
        ("+18675550132", "CA", "low", "area_code_of_several_regions"),
        ("+442079460018", "GB", "high", "fixed_line"),
        ("+447700900123", "GB", "low", "country_code_only"),
        ("+4915112345678", "DE", "medium", "mobile_number"),
        ("+77012345678", "KZ", "medium", "mobile_number"),
        ("+12425550132", "BS", "medium", "mobile_number"),
    ],
)
def test_what_a_number_says(number: str, place: str, confidence: str, reason: str) -> None:
    assert places.of_number(End.CALLER, number) == Placement(
        End.CALLER, place, Source.NUMBER, Confidence(confidence), reason
    )


@pytest.mark.parametrize("number", ["+18005550132", "+19995550132", "+870773111632", "+80012345678", "nothing", ""])
def test_a_number_without_a_place_says_nothing(number: str) -> None:
    assert places.of_number(End.CALLER, number) is None


def test_the_table_of_area_codes_agrees_with_the_telephone_library() -> None:
    disagreeing = {}
    for code, place in PLACE_OF_AREA_CODE.items():
        number = phonenumbers.parse(f"+1{code}2345678")
        described = geocoder.description_for_number(number, "en")
        suffix, name = f", {place[3:]}", _NAMES.get(place)
        agrees = described.endswith(suffix) or (name is not None and described.startswith(name))
        if place in _NAMES and not agrees:
            disagreeing[code] = (place, described)
        assert phonenumbers.region_code_for_number(number) == place[:2], code
    assert disagreeing == {}
    assert len(set(PLACE_OF_AREA_CODE.values())) == 59  # 50 states, the capital's district, eight provinces


def _word(end: End, place: str, source: Source) -> Placement:
    return Placement(end, place, source, Confidence.HIGH, "test")


def test_an_officers_word_stands_alone_for_its_end() -> None:
    words = [
        _word(End.CALLER, "US-CA", Source.NUMBER),
        _word(End.CALLER, "DE", Source.OFFICER),
        _word(End.ORGANISATION, "US-NY", Source.NUMBER),
    ]
    assert places.that_count(words) == ("DE", "US-NY")
    assert places.of_caller(words) == "DE"


def test_where_sources_disagree_all_of_them_count() -> None:
    words = [_word(End.CALLER, "US-CA", Source.NUMBER), _word(End.CALLER, "FR", Source.BILLING)]
    assert places.that_count(words) == ("FR", "US-CA")
    assert places.of_caller(words) == "FR"


_PLACEMENTS = st.builds(
    Placement, st.sampled_from(End), st.sampled_from(["DE", "US-CA", "FR"]), st.sampled_from(Source),
    st.sampled_from(Confidence), st.just("x"),
)  # fmt: skip


@given(st.lists(_PLACEMENTS), st.lists(_PLACEMENTS))
def test_a_later_word_of_one_source_replaces_only_its_own(kept: list[Placement], fresh: list[Placement]) -> None:
    before = places.merged([], kept)
    after = places.merged(before, fresh)
    said = {(one.end, one.source) for one in fresh}
    assert {one for one in before if (one.end, one.source) not in said} <= set(after)
    assert len({(one.end, one.source) for one in after}) == len(after)
    assert places.from_json(places.to_json(after)) == after
    assert set(places.that_count(after)) <= {one.place for one in after}


@pytest.mark.parametrize(
    ("code", "known"),
    [
        ("DE", True), ("DE-BY", True), ("US-CA", True), ("CA-PE", True), ("US-XX", False), ("XX", False), ("de", False),
        ("DE-", False), ("GB-ENG", True), ("", False), ("DEU", False),
    ],
)  # fmt: skip
def test_the_spelling_of_a_place(code: str, known: bool) -> None:
    assert places.is_place(code) is known


# --- through the doors ----------------------------------------------------------------------------


def test_a_stated_place_is_kept_beside_the_numbers_and_dates_are_given_anew(
    line: Line, api: APIClient, entries: Entries
) -> None:
    line.deliver()
    call = line.call()
    before = api.get(f"/api/v1/calls/{call.id}/places").json()
    assert [(one["end"], one["place"], one["source"]) for one in before["places"]] == [("caller", "US-CA", "number")]
    answer = api.put(
        f"/api/v1/calls/{call.id}/places",
        {"places": [{"end": "caller", "place": "DE-BY", "source": "officer"}]},
        format="json",
    )
    assert answer.status_code == 200, answer.content
    assert answer.json()["place"] == "DE-BY"
    assert answer.json()["that_count"] == ["DE-BY"]
    assert {one["source"] for one in answer.json()["places"]} == {"officer", "number"}
    assert entries.of("recordings.call.placed")
    line.deliver(summary="again, later")
    assert line.call().place == "DE-BY"  # a later delivery does not undo it


@pytest.mark.parametrize(
    "places_",
    [
        [{"end": "caller", "place": "Bavaria", "source": "officer"}],
        [{"end": "caller", "place": "XX", "source": "officer"}],
        [{"end": "caller", "place": "DE", "source": "number"}],
        [{"end": "agent", "place": "DE", "source": "officer"}],
        [{"end": "caller", "place": "DE", "source": "stated"}, {"end": "caller", "place": "FR", "source": "stated"}],
    ],
)
def test_a_place_that_cannot_be_changes_nothing(line: Line, api: APIClient, places_: list[dict[str, str]]) -> None:
    line.deliver()
    before = line.call().places
    answer = api.put(f"/api/v1/calls/{line.call().id}/places", {"places": places_}, format="json")
    assert answer.status_code == 400, answer.content
    assert line.call().places == before


def test_labels_find_calls(line: Line, api: APIClient) -> None:
    line.deliver(id="a")
    line.deliver(id="b")
    answer = api.put(
        f"/api/v1/calls/{line.call('a').id}/labels", {"labels": ["vip", " vip ", "matter-7"]}, format="json"
    )
    assert answer.json()["labels"] == ["vip", "matter-7"]
    found = [call["external_id"] for call in api.get("/api/v1/calls?label=vip").json()["results"]]
    assert found == ["a"]
    assert [call["external_id"] for call in api.get("/api/v1/calls?place=US").json()["results"]] == ["b", "a"]
    assert api.get("/api/v1/calls?place=US-NY").json()["results"] == []


def test_another_organisation_describes_nothing(line: Line, outsider_api: APIClient) -> None:
    line.deliver()
    for door in ("places", "labels"):
        answer = outsider_api.put(f"/api/v1/calls/{line.call().id}/{door}", {door: []}, format="json")
        assert answer.status_code == 404
