"""Classes of jurisdiction: labelling policy section 2, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compliance.disclosure import rules
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


POLICY_NOTICE = {"US", *(f"US-{state}" for state in NOTICE_STATES)}
POLICY_EXPRESS = {"DE", "AT", "PT", "DK"}


def test_every_row_has_the_class_of_the_policy() -> None:
    for code, row in jurisdictions.table().items():
        if code in ("default", "unknown", "us_default"):
            continue
        if code in POLICY_NOTICE:
            expected = ("notice", False)
        elif code in POLICY_EXPRESS:
            expected = ("express", True)
        elif code.startswith("US-") or code == "JP":
            expected = ("one_party", False)
        else:
            expected = ("notice", True)
        assert (row.kind, row.purpose) == expected, code


def test_every_row_says_on_what_it_rests() -> None:
    for code, row in jurisdictions.table().items():
        assert row.citation, code
        assert row.timing, code
        assert row.confidence in ("H", "M", "L"), code
        assert row.silence in ("yes", "no", "debated", "none"), code
        assert not row.ai or row.ai in jurisdictions.ai_rules(), code


def test_a_row_that_nobody_has_looked_at_for_a_year_is_named() -> None:
    reviewed = jurisdictions.demand_of("US-ME").reviewed_on
    assert jurisdictions.outdated(["US-ME"], reviewed + timedelta(days=365)) == []
    warned = jurisdictions.outdated(["US-ME", "us-me"], reviewed + timedelta(days=366))
    assert next(warning.split(":")[0] for warning in warned) == "US-ME"
    assert any("AI rule US-ME" in warning for warning in warned)
    assert jurisdictions.outdated([], reviewed + timedelta(days=400))


def test_an_override_is_named_where_it_was_used() -> None:
    overrides = {"AE": jurisdictions.Override("express", True, "counsel, 3 May 2026")}
    view = jurisdictions.strictest(["AE", "US-FL"], overrides)
    assert (view.demand, view.purpose, view.overridden) == ("express", True, ("AE",))
    assert "counsel, 3 May 2026" in view.why[0]
    assert "the table says notice" in view.why[0]
    assert jurisdictions.strictest(["US-FL"], overrides).overridden == ()
    text = 'Greeting: "Oak Vet. This call is recorded for training."'
    judged = rules.judge_prompt(text, language="en", jurisdictions=["AE"], overrides=overrides)
    assert judged.reasons == ("consent_not_requested",)
    with pytest.raises(ValueError, match="no such class"):
        jurisdictions.Override("stricter", True, "")


@pytest.mark.parametrize(
    ("codes", "label", "demand", "met"),
    [
        (["DE"], "yes", "always", True),
        (["DE"], "on_request", "always", False),
        (["HU"], "no", "always", False),
        (["GB"], "no", "none", True),
        (["US-UT"], "on_request", "on_request", True),
        (["US-UT"], "no", "on_request", None),
        (["US-UT"], "denied", "on_request", False),
        (["US-CA"], "no", "some_calls", None),
        (["US-TX"], "no", "no_deception", True),
        (["US-TX"], "denied", "no_deception", False),
        (["US-TX", "US-ME"], "no", "always", False),
        ([], "denied", "none", True),
    ],
)
def test_telling_about_the_ai_is_a_check_of_its_own(
    codes: list[str], label: str, demand: str, met: bool | None
) -> None:
    check = jurisdictions.check_ai(codes, label)
    assert (check.demand, check.met) == (demand, met)
    assert bool(check.citations) is (demand != "none")


def test_the_check_stands_beside_the_verdict() -> None:
    text = 'Greeting: "Oak Vet. This call is recorded for training."'
    result = rules.judge_prompt(text, language="en", jurisdictions=["FR"])
    assert result.verdict is rules.Verdict.PASS
    assert result.ai_check is not None
    assert result.ai_check.met is False
