"""Classes of jurisdiction: labelling policy section 2, row by row."""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import jurisdictions

NOTICE_STATES = ["CA", "CT", "DE", "FL", "IL", "MD", "MA", "MI", "MT", "NV", "NH", "PA", "WA"]


@pytest.mark.parametrize("state", NOTICE_STATES)
def test_states_that_demand_a_notice(state: str) -> None:
    view = jurisdictions.strictest([f"US-{state}"])
    assert (view.demand, view.purpose) == ("notice", False)


@pytest.mark.parametrize("code", ["US-TX", "US-NY", "US-OR", "US-GA", "US-DC", "US-VT", "US-WI", "JP"])
def test_places_where_one_party_is_enough(code: str) -> None:
    view = jurisdictions.strictest([code])
    assert (view.demand, view.purpose) == ("one_party", False)


@pytest.mark.parametrize("code", ["DE", "AT", "PT", "DK"])
def test_places_that_demand_a_yes(code: str) -> None:
    view = jurisdictions.strictest([code])
    assert (view.demand, view.purpose) == ("express", True)


@pytest.mark.parametrize(
    "code", ["GB", "FR", "CH", "CA", "BR", "MX", "AU", "IN", "CN", "AE", "SA", "NZ", "XX", "CA-QC"]
)
def test_every_other_place_demands_notice_and_purpose(code: str) -> None:
    view = jurisdictions.strictest([code])
    assert (view.demand, view.purpose) == ("notice", True)


@pytest.mark.parametrize(
    ("codes", "demand", "purpose"),
    [
        ([], "notice", False),
        (["US"], "notice", False),
        (["US-TX", "US-CA"], "notice", False),
        (["US-TX", "JP"], "one_party", False),
        (["US-WA", "GB"], "notice", True),
        (["US-TX", "DE"], "express", True),
        (["ES", "DE"], "express", True),
        (["de-by"], "express", True),
    ],
)
def test_the_strictest_of_several_holds(codes: list[str], demand: str, purpose: bool) -> None:
    view = jurisdictions.strictest(codes)
    assert (view.demand, view.purpose) == (demand, purpose)


def test_the_view_says_why() -> None:
    view = jurisdictions.strictest(["US-FL", "DE"])
    assert view.codes == ("US-FL", "DE")
    assert [why.split(":")[0] for why in view.why] == ["US-FL", "DE"]
    assert "934.03" in view.why[0]
    assert "StGB 201" in view.why[1]
