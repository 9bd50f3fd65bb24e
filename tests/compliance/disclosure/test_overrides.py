"""Overrides of the law table: who may set them, what they move, and what is judged again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.disclosure import standing
from compliance.disclosure.models import JurisdictionOverride
from compliance.disclosure.operations import auditing, overrides, prompts
from compliance.disclosure.operations.overrides import NewOverride
from compliance.errors import Conflict, Invalid, NotAllowed, NotFound, OwnProposal
from tests.cast import Cast, Member
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import DISCLOSED, TOLD, Hold
from tests.entries import Entries
from tests.walks.desk import Desk, list_of, page_of

PATH = "/api/v1/disclosure/overrides"
STRICT = NewOverride("US-CA", "express", True, "Counsel, 3 May 2026")
LOOSE = NewOverride("de", "notice", True, "Counsel: implied consent, 3 May 2026")


def states(cast: Cast) -> list[tuple[str, str, str]]:
    with tenancy.scope(cast.organisation_id):
        rows = standing.overrides(cast.organisation_id).order_by("id")
        return [(row.code, row.state, row.ending) for row in rows]


def put(cast: Cast, agent: Any, text: str, *places: str) -> Any:
    return prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=text, jurisdictions=places).prompt


def newest(cast: Cast, **about: Any) -> Any:
    return room.audits(cast.engineer.actor, is_newest=True, **about)[-1]


# --- who, and how many ------------------------------------------------------------------------------------------------


def test_a_stricter_one_holds_at_once(cast: Cast, entries: Entries, jobs: Any) -> None:
    row = overrides.set_override(actor=cast.officer.actor, new=STRICT)
    assert (row.state, row.set_by, row.decided_by) == ("in_force", cast.officer.actor.reference, "")
    (entry,) = entries.of("disclosure.override.set")
    assert entry.fields["what"]["place"] == "us-ca"
    assert entry.fields["identifying"] == {"reason": "Counsel, 3 May 2026"}  # and so it can be destroyed
    assert jobs.names == ["disclosure.recheck"]


def test_a_looser_one_waits_for_a_second_person(cast: Cast, entries: Entries, jobs: Any) -> None:
    row = overrides.set_override(actor=cast.officer.actor, new=LOOSE)
    assert (row.code, row.state, jobs.names) == ("DE", "proposed", [])
    with pytest.raises(OwnProposal):
        overrides.approve_override(actor=cast.officer.actor, override_id=row.id)
    done = overrides.approve_override(actor=cast.colleague.actor, override_id=row.id)
    assert (done.state, done.decided_by) == ("in_force", cast.colleague.actor.reference)
    assert entries.events[-2:] == ["disclosure.override.proposed", "disclosure.override.set"]
    with pytest.raises(Conflict):
        overrides.approve_override(actor=cast.colleague.actor, override_id=row.id)


def test_taking_a_stricter_one_back_waits_too_and_a_looser_one_goes_at_once(cast: Cast) -> None:
    strict = overrides.set_override(actor=cast.officer.actor, new=STRICT)
    loose = overrides.set_override(actor=cast.officer.actor, new=LOOSE)
    overrides.approve_override(actor=cast.colleague.actor, override_id=loose.id)
    assert overrides.remove_override(actor=cast.officer.actor, override_id=loose.id).state == "ended"
    assert overrides.remove_override(actor=cast.officer.actor, override_id=strict.id).state == "leaving"
    with tenancy.scope(cast.organisation_id):
        assert set(standing.decided(cast.organisation_id).overrides) == {"US-CA"}
    with pytest.raises(OwnProposal):
        overrides.approve_override(actor=cast.officer.actor, override_id=strict.id)
    overrides.approve_override(actor=cast.owner.actor, override_id=strict.id)
    assert states(cast) == [("US-CA", "ended", "removed"), ("DE", "ended", "removed")]


def test_a_no_leaves_everything_as_it_is(cast: Cast) -> None:
    loose = overrides.set_override(actor=cast.officer.actor, new=LOOSE)
    with pytest.raises(Conflict):
        overrides.set_override(actor=cast.owner.actor, new=LOOSE)
    overrides.reject_override(actor=cast.colleague.actor, override_id=loose.id)
    overrides.reject_override(
        actor=cast.officer.actor, override_id=overrides.set_override(actor=cast.officer.actor, new=LOOSE).id
    )
    strict = overrides.set_override(actor=cast.officer.actor, new=STRICT)
    overrides.remove_override(actor=cast.officer.actor, override_id=strict.id)
    overrides.reject_override(actor=cast.colleague.actor, override_id=strict.id)
    assert states(cast) == [
        ("DE", "ended", "rejected"), ("DE", "ended", "withdrawn"), ("US-CA", "in_force", ""),
    ]  # fmt: skip


def test_a_new_one_takes_the_place_of_the_one_before(cast: Cast) -> None:
    overrides.set_override(actor=cast.officer.actor, new=STRICT)
    overrides.set_override(actor=cast.owner.actor, new=STRICT)
    assert states(cast) == [("US-CA", "ended", "replaced"), ("US-CA", "in_force", "")]


def test_who_may(cast: Cast) -> None:
    for actor in (cast.colleague.actor, cast.auditor.actor, cast.engineer.actor, cast.robot):
        with pytest.raises(NotAllowed):
            overrides.set_override(actor=actor, new=STRICT)
    row = overrides.set_override(actor=cast.owner.actor, new=LOOSE)
    for actor in (cast.engineer.actor, cast.auditor.actor, cast.robot, Actor.scheduler(cast.organisation_id)):
        with pytest.raises(NotAllowed):
            overrides.approve_override(actor=actor, override_id=row.id)
        with pytest.raises(NotAllowed):
            overrides.reject_override(actor=actor, override_id=row.id)
    with pytest.raises(NotFound):
        overrides.approve_override(actor=cast.outsider.actor, override_id=row.id)
    assert overrides.approve_override(actor=cast.officer.actor, override_id=row.id).state == "in_force"


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewOverride("Germany", "notice", True, "why"), "code"),
        (NewOverride("", "notice", True, "why"), "code"),
        (NewOverride("DE", "nothing", True, "why"), "demand"),
        (NewOverride("DE", "notice", True, " "), "reason"),
        (NewOverride("DE", "notice", True, "a" * 301), "reason"),
        (NewOverride("DE", "notice", True, "\ud800"), "reason"),
        (NewOverride("DE", "notice", True, "why", date(2020, 1, 1)), "until_on"),
    ],
)
def test_nonsense_is_named(cast: Cast, new: NewOverride, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        overrides.set_override(actor=cast.officer.actor, new=new)
    assert list(refused.value.errors) == [field]
    assert states(cast) == []


def test_the_database_shows_an_override_to_its_organisation_only(cast: Cast) -> None:
    overrides.set_override(actor=cast.officer.actor, new=STRICT)
    with tenancy.scope(cast.other_organisation.id):
        assert not JurisdictionOverride.objects.for_organisation(cast.organisation_id).exists()


# --- what they move ---------------------------------------------------------------------------------------------------


def test_what_it_touches_is_judged_again_and_nothing_else(cast: Cast, agent: Any, held_call: Hold, jobs: Any) -> None:
    call_id = held_call(TOLD)
    german, other = (
        prompts.submit_prompt(
            actor=cast.engineer.actor, agent=f"agent_{place}", text=DISCLOSED, language="en", jurisdictions=[place]
        ).prompt
        for place in ("DE", "FR")
    )
    jobs.drain()
    assert (newest(cast, prompt=german).verdict, newest(cast, call_id=call_id).verdict) == ("fail", "pass")
    row = overrides.set_override(actor=cast.officer.actor, new=LOOSE)
    overrides.approve_override(actor=cast.colleague.actor, override_id=row.id)
    assert jobs.drain() == ["disclosure.recheck", "disclosure.audit_prompt"]
    found = newest(cast, prompt=german)
    assert (found.verdict, found.details["overrides"], found.details["overridden"]) == (
        "pass",
        {"DE": str(row.id)},
        ["DE"],
    )
    assert "override: Counsel: implied consent" in found.details["why"][0]
    for about in ({"call_id": call_id}, {"prompt": other}):
        assert len(room.audits(cast.engineer.actor, **about)) == 1
    overrides.remove_override(actor=cast.officer.actor, override_id=row.id)
    assert jobs.drain() == ["disclosure.recheck", "disclosure.audit_prompt"]
    assert (newest(cast, prompt=german).verdict, newest(cast, prompt=german).details["overrides"]) == ("fail", {})


def test_an_override_of_the_callers_place_reaches_calls_whose_operator_is_nowhere(
    cast: Cast, agent: Any, held_call: Hold, jobs: Any
) -> None:
    """A one-party place alone settles nothing for an operator of unknown place; once it asks for more, it does."""
    room.describe(cast, agent, ["en-US"], [])
    call_id = held_call(TOLD, phone_number="+81312345678")
    jobs.drain()
    assert newest(cast, call_id=call_id).jurisdictions == []
    overrides.set_override(actor=cast.officer.actor, new=NewOverride("JP", "express", True, "Counsel"))
    assert jobs.drain() == ["disclosure.recheck", "disclosure.audit_call"]
    found = newest(cast, call_id=call_id)
    assert (found.jurisdictions, found.reasons[0]) == (["JP"], "consent_not_requested")


def test_one_that_ends_by_itself_is_outdated_the_day_after(
    cast: Cast, agent: Any, jobs: Any, time_machine: Any
) -> None:
    prompt = put(cast, agent, DISCLOSED, "US-CA")
    today = standing.today()
    strict = NewOverride("US-CA", "express", False, "Counsel", today)
    overrides.set_override(actor=cast.officer.actor, new=strict)
    jobs.drain()
    assert newest(cast, prompt=prompt).verdict == "fail"
    time_machine.move_to(timezone.now() + timedelta(days=1))
    assert auditing.audit_prompt(actor=cast.engineer.actor, prompt_id=prompt.id).verdict == "pass"


def test_a_check_is_made_under_the_callers_own_overrides(cast: Cast, api: APIClient, outsider_api: APIClient) -> None:
    overrides.set_override(actor=cast.officer.actor, new=STRICT)
    body = {"prompt": DISCLOSED, "language": "en", "jurisdictions": ["US-CA"]}
    mine = api.post("/api/v1/disclosure/checks", body, format="json").json()
    theirs = outsider_api.post("/api/v1/disclosure/checks", body, format="json").json()
    assert (mine["verdict"], mine["jurisdiction"]["overridden"]) == ("fail", ["US-CA"])
    assert (theirs["verdict"], theirs["jurisdiction"]["overridden"]) == ("pass", [])


# --- over HTTP and in the console -------------------------------------------------------------------------------------


def test_the_way_over_http(cast: Cast, signed_in: Any, api: APIClient, agent: Any) -> None:
    def client(member: Member) -> APIClient:
        found: APIClient = signed_in(member)
        return found

    body = {"code": "DE", "class": "notice", "purpose": True, "reason": "Counsel", "until": "2099-12-31"}
    assert api.post(PATH, body, format="json").status_code == 403
    made = client(cast.officer).post(PATH, body, format="json")
    assert (made.status_code, made.json()["state"], made.json()["class"]) == (201, "proposed", "notice")
    one = f"{PATH}/{made.json()['id']}"
    assert client(cast.officer).post(f"{one}/approval", {}, format="json").json()["code"] == "own_proposal"
    assert client(cast.outsider).post(f"{one}/approval", {}, format="json").status_code == 404
    assert client(cast.colleague).post(f"{one}/approval", {}, format="json").json()["state"] == "in_force"
    prompt = put(cast, agent, DISCLOSED, "DE")
    audit = auditing.audit_prompt(actor=cast.engineer.actor, prompt_id=prompt.id)
    (under,) = api.get(f"/api/v1/disclosure/audits/{audit.id}").json()["overrides"]
    assert (under["code"], under["reason"], under["set_by"]) == ("DE", "Counsel", cast.officer.actor.reference)
    assert api.get(PATH, {"state": "in_force"}).json()["results"] == [api.get(one).json()]
    assert client(cast.outsider).get(PATH).json()["results"] == []
    assert client(cast.outsider).get(one).status_code == 404
    assert client(cast.officer).post(f"{one}/removal", {}, format="json").json()["ending"] == "removed"


def test_the_console_says_under_whose_override_it_was_judged(cast: Cast, console: Any, agent: Any) -> None:
    row = overrides.set_override(actor=cast.officer.actor, new=STRICT)
    audit = auditing.audit_prompt(actor=cast.engineer.actor, prompt_id=put(cast, agent, DISCLOSED, "US-CA").id)
    page = console(cast.engineer).get(f"/admin/disclosure/disclosureaudit/{audit.id}/change/").content.decode()
    assert "US-CA as express: your override by" in page
    assert "Counsel, 3 May 2026" in page
    desk, label = Desk(console(cast.officer)), "disclosure.JurisdictionOverride"
    assert "US-CA" in desk.open(list_of(label))
    assert "the caller must be told and asked" in desk.open(page_of(label, row.id))
    desk.press(label, "remove", row.id).assert_done("The removal waits for a second person.")
    desk.press(label, "approve", row.id).assert_refused("Somebody else must approve what you proposed", 403)
    Desk(console(cast.colleague)).press(label, "reject", row.id).assert_done("Rejected.")
    again = {"code": "FR", "demand": "express", "purpose": "on", "reason": "Counsel", "until_on": ""}
    desk.press(label, "set_override", **again).assert_done("The override is in force; what it touches is judged again.")
    assert states(cast) == [("US-CA", "in_force", ""), ("FR", "in_force", "")]
