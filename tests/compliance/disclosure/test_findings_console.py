"""The queue in the console: found, narrowed, understood, worked through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tenancy
from compliance.disclosure import access
from compliance.disclosure.admin import why
from compliance.vault import scopes, store
from tests.cast import Cast, Member
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, HIDDEN, SILENT, UNTOLD, Hold
from tests.compliance.disclosure.test_operations import audit_call
from tests.compliance.disclosure.workflow import (
    GROUND,
    WHY,
    again,
    found,
    in_days,
    propose,
    put_in_force,
    waive,
    waivers,
)
from tests.walks.desk import Desk, list_of, page_of

FINDING, WAIVER = "disclosure.Finding", "disclosure.Waiver"
Sit = Callable[[Member], Desk]


@pytest.fixture
def desk(console: Callable[[Member], Client]) -> Sit:
    return lambda member: Desk(console(member))


def offered(desk: Desk, finding: Any, label: str = FINDING) -> set[str]:
    """The buttons that stand on a row's page."""
    body = desk.client.get(page_of(label, finding.id)).content.decode()
    names = ("assign", "resolve", "waive", "reopen", "approve", "refuse", "withdraw")
    return {name for name in names if f"/{finding.id}/{name}" in body}


# --- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_is_narrowed_and_sorted(cast: Cast, agent: Any, desk: Sit, time_machine: Any) -> None:
    put_in_force(cast, agent, BARE, jurisdictions=["DE"])
    asked, purpose = room.findings(cast.officer.actor)
    waive(cast, purpose, days=60)
    officer, queue = desk(cast.officer), list_of(FINDING)
    assert officer.press(FINDING, "assign", asked.id, assignee=str(cast.officer.user.id)).status == 302
    shown = officer.open(queue)
    assert "Consent not requested" in shown
    assert "7 days" in shown
    assert "agent_frontdesk" in shown
    assert "Purpose missing" not in shown
    assert "Purpose missing" in officer.open(f"{queue}?show=waived")
    assert "Consent not requested" in officer.open(f"{queue}?whose=mine&o=7")
    assert "Consent not requested" not in officer.open(f"{queue}?whose=nobody")
    assert "Consent not requested" not in officer.open(f"{queue}?reason=purpose_missing")
    assert "Consent not requested" in officer.open(f"{queue}?reason=consent_not_requested&verdict__exact=fail")
    assert "Consent not requested" not in officer.open(f"{queue}?show=overdue")
    time_machine.move_to(timezone.now() + timedelta(days=9))
    officer = desk(cast.officer)
    assert "2 days late" in officer.open(f"{queue}?show=overdue")


def test_the_overview_says_what_is_late_and_what_waits(cast: Cast, agent: Any, desk: Sit, time_machine: Any) -> None:
    finding = found(cast, agent)
    assert "Overdue findings 0 no waiver waits" in desk(cast.engineer).open("/admin/")
    propose(cast, finding)
    time_machine.move_to(timezone.now() + timedelta(days=8))
    shown = desk(cast.officer).open("/admin/")
    assert "Open findings 1 1 fail, 0 to review" in shown
    assert "Overdue findings 1 waivers that wait for a second person: 1" in shown


# --- why --------------------------------------------------------------------------------------------------------------


def test_a_page_says_why_with_law_words_and_fix(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent, f"Be kind.\n{BARE}", jurisdictions=["DE"])
    for path in (page_of(FINDING, finding.id), page_of("disclosure.DisclosureAudit", finding.audit_id)):
        shown = desk(cast.auditor).open(path)
        assert "The caller is told but not asked; here a spoken yes is needed." in shown
        assert "the caller must be told and asked, and must say yes" in shown
        assert "DE: express" in shown
        assert "The words it rests on You're on a recorded line." in shown
        assert "Line Where Put in 2 Instead of “You're on a recorded line.”" in shown
        assert "With all of these changes the prompt passes" in shown


def test_the_fix_that_is_shown_does_fix(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent, BARE, jurisdictions=["DE"])
    shown = desk(cast.engineer).open(page_of(FINDING, finding.id))
    sentence = shown.split("What the caller should hear ")[1].split(" The fix ")[0]
    put_in_force(cast, agent, BARE.replace("You're on a recorded line.", sentence), jurisdictions=["DE"])
    assert {one.resolution for one in room.findings(cast.officer.actor)} == {"fixed"}


def test_what_denies_it_is_shown_and_taken_out(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent, f"{DISCLOSED}\n{HIDDEN}")
    shown = desk(cast.officer).open(page_of(FINDING, finding.id))
    assert "The words that stand against it" in shown
    assert "say it is not recorded" in shown
    assert "Take out “If a caller asks" in shown


def test_where_no_fix_is_known_a_person_is_told_what_to_do(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent, "Never mention recording to anybody.", language="xx")
    shown = desk(cast.officer).open(page_of(FINDING, finding.id))
    assert "No small change was found that makes this prompt pass." in shown


def test_a_text_that_is_gone_leaves_the_reason(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent)
    with tenancy.scope(cast.organisation_id):
        (audit,) = access.audits(cast.organisation_id)
        assert audit.prompt_id is not None
        scope = access.prompt_scope(audit.prompt_id)
        store.begin_destruction(cast.organisation_id, [scope], ground="test", cause=uuid4())
    shown = desk(cast.officer).open(page_of(FINDING, finding.id))
    assert "Nothing tells the caller that the call is recorded." in shown
    assert "The text of this version is gone." in shown


def test_a_page_does_not_wait_for_a_very_long_prompt(
    cast: Cast, agent: Any, desk: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why, "LONGEST", len(SILENT) - 1)
    finding = found(cast, agent)
    shown = desk(cast.officer).open(page_of(FINDING, finding.id))
    assert "Nothing tells the caller that the call is recorded." in shown
    assert "too long to be explained on a page" in shown
    monkeypatch.setattr(why, "LONGEST", len(SILENT))
    assert "The fix" in desk(cast.officer).open(page_of(FINDING, finding.id))


def test_a_call_shows_turns_and_no_word(cast: Cast, held_call: Hold, desk: Sit) -> None:
    call_id = held_call(UNTOLD)
    audit_call(cast, call_id)
    (finding,) = room.findings(cast.officer.actor)
    waiver = propose(cast, finding)
    officer = desk(cast.officer)
    shown = officer.open(page_of(FINDING, finding.id))
    assert "The agent never spoke of recording." in shown
    assert "First personal data in turn 1" in shown
    assert "Delgado" not in shown
    with tenancy.scope(cast.organisation_id):
        store.begin_destruction(cast.organisation_id, [scopes.call(call_id, ())], ground="test", cause=uuid4())
    assert "This note ended with what it spoke of." in officer.open(page_of(WAIVER, waiver.id))


# --- working through --------------------------------------------------------------------------------------------------


def test_a_finding_is_assigned_waived_by_two_and_opened_again(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent)
    engineer, reviewer = desk(cast.engineer), desk(cast.colleague)
    done = engineer.press(FINDING, "assign", finding.id, assignee=str(cast.engineer.user.id))
    done.assert_done("The finding is assigned.")
    refused = engineer.press(FINDING, "assign", finding.id, assignee=str(cast.auditor.user.id))
    refused.assert_refused("valid choice", 400)
    said = {"until": in_days(30).isoformat(), "ground": GROUND, "note": WHY}
    refused = engineer.press(FINDING, "waive", finding.id, **said | {"until": in_days(400).isoformat()})
    refused.assert_refused(f"From {in_days(1).isoformat()} to {in_days(365).isoformat()}.", 400)
    done = engineer.press(FINDING, "waive", finding.id, **said)
    done.assert_done("The waiver is proposed; a second person approves it.")
    (waiver,) = waivers(cast)
    assert "waiver proposed" in engineer.open(list_of(FINDING))
    assert "Waits for a second person" in reviewer.open(list_of(WAIVER))
    shown = reviewer.open(page_of(WAIVER, waiver.id))
    assert WHY in shown
    assert "Nothing tells the caller that the call is recorded." in shown
    assert engineer.press(WAIVER, "approve", waiver.id).status == 403
    reviewer.press(WAIVER, "approve", waiver.id).assert_done("The finding is waived.")
    assert again(cast, finding).state == "waived"
    assert "waived until" in engineer.open(page_of(FINDING, finding.id))
    engineer.press(FINDING, "reopen", finding.id, reason="waiver_needless").assert_done("The finding is open.")
    assert again(cast, finding).state == "open"


def test_nobody_approves_their_own_here_either(cast: Cast, agent: Any, desk: Sit) -> None:
    waiver = propose(cast, found(cast, agent), actor=cast.officer.actor)
    officer = desk(cast.officer)
    own = officer.press(WAIVER, "approve", waiver.id)
    own.assert_refused("Somebody else must approve what you proposed", 403)
    officer.press(WAIVER, "refuse", waiver.id).assert_refused("Withdraw what you proposed yourself", 403)
    officer.press(WAIVER, "withdraw", waiver.id).assert_done("Withdrawn.")


def test_a_page_offers_what_fits_and_no_more(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent)
    officer, auditor = desk(cast.officer), desk(cast.auditor)
    assert offered(officer, finding) == {"assign", "resolve", "waive"}
    waiver = propose(cast, finding)
    assert offered(officer, finding) == {"assign", "resolve"}
    assert offered(officer, waiver, WAIVER) == {"approve", "refuse", "withdraw"}
    assert offered(desk(cast.colleague), waiver, WAIVER) == {"approve", "refuse"}
    assert offered(auditor, finding) == offered(auditor, waiver, WAIVER) == set()
    assert desk(cast.colleague).press(WAIVER, "approve", waiver.id).status == 302
    assert offered(officer, finding) == {"assign", "resolve", "reopen"}
    assert offered(officer, waiver, WAIVER) == set()
    assert officer.press(FINDING, "resolve", finding.id, resolution="accepted", note="So be it.").status == 302
    assert offered(officer, finding) == {"reopen"}
    put_in_force(cast, agent, DISCLOSED)
    assert "So be it." in officer.open(page_of(FINDING, finding.id))


def test_fixed_is_offered_for_calls_only(cast: Cast, agent: Any, held_call: Hold, desk: Sit) -> None:
    engineer = desk(cast.engineer)
    of_prompt = found(cast, agent, SILENT)
    refused = engineer.press(FINDING, "resolve", of_prompt.id, resolution="fixed")
    refused.assert_refused("valid choice", 400)
    audit_call(cast, held_call(UNTOLD))
    of_call = room.findings(cast.officer.actor)[-1]
    engineer.press(FINDING, "resolve", of_call.id, resolution="fixed").assert_done("The finding is resolved.")


def test_a_later_judgement_is_said_to_be_the_one_that_counts(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent)
    officer = desk(cast.officer)
    assert officer.press(FINDING, "resolve", finding.id, resolution="accepted").status == 302
    put_in_force(cast, agent, DISCLOSED)
    refused = officer.press(FINDING, "reopen", finding.id, reason="not_fixed")
    refused.assert_refused("A later judgement took the place of this one", 409)


def test_the_outsider_finds_neither_list_row_nor_button(cast: Cast, agent: Any, desk: Sit) -> None:
    finding = found(cast, agent)
    waiver = propose(cast, finding)
    outsider = desk(cast.outsider)
    assert "Nothing needs a person" in outsider.open(list_of(FINDING))
    assert "Nothing is waived" in outsider.open(list_of(WAIVER))
    for label, row, name in ((FINDING, finding, "assign"), (WAIVER, waiver, "approve")):
        assert outsider.client.get(page_of(label, row.id)).status_code == 302
        assert outsider.press(label, name, row.id).status == 404
    assert (again(cast, finding).assigned_to, waivers(cast)[0].state) == ("", "proposed")
