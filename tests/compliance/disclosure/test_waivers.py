"""One proposes, another approves; a waiver ends on its day, with another text, and never changes a verdict."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors.facts import Rank
from compliance.disclosure import rules, tasks
from compliance.disclosure.models import Waiver
from compliance.disclosure.operations import ending, findings, prompts, waiving
from compliance.disclosure.rules import Verdict
from compliance.errors import Conflict, Gone, Invalid, NotAllowed, NotFound, OwnProposal
from compliance.vault import scopes, store
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, SILENT, TOLD, UNTOLD, Hold
from tests.compliance.disclosure.test_operations import audit_call, judge
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
from tests.entries import Entries


def expire(cast: Cast) -> int:
    return ending.expire_waivers(actor=Actor.scheduler(cast.organisation_id))


@pytest.fixture
def newer_rules(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Every judgement so far is of older rules."""

    def change() -> None:
        for name in ("RULEBOOK_VERSION", "JUDGING_VERSION"):
            monkeypatch.setattr(rules, name, f"2-{uuid4().hex[:12]}", raising=False)

    return change


# --- two people -------------------------------------------------------------------------------------------------------


def test_two_people_waive_a_finding_and_the_verdict_stays(cast: Cast, agent: Any, entries: Entries) -> None:
    finding = found(cast, agent)
    entries.clear()
    waiver = propose(cast, finding)
    assert (waiver.state, again(cast, finding).state) == ("proposed", "open")
    done = waiving.approve_waiver(actor=cast.officer.actor, waiver_id=waiver.id)
    assert (done.state, done.decided_by, done.until_on) == ("in_force", cast.officer.actor.reference, in_days(30))
    assert again(cast, finding).state == "waived"
    assert (again(cast, finding).verdict, room.audits(cast.officer.actor)[0].verdict) == ("fail", "fail")
    assert entries.events == ["disclosure.waiver.proposed", "disclosure.waiver.approved"]
    assert entries[0].fields["what"] == {
        "finding": str(finding.id), "ground": GROUND, "until_on": in_days(30).isoformat(),
    }  # fmt: skip
    assert "Quentin" not in repr(entries)
    assert waiving.open_waiver_note(actor=cast.auditor.actor, waiver_id=waiver.id) == WHY


def test_nobody_decides_their_own_proposal_and_only_its_maker_withdraws_it(cast: Cast, agent: Any) -> None:
    waiver = propose(cast, found(cast, agent), actor=cast.officer.actor)
    for decide in (waiving.approve_waiver, waiving.refuse_waiver):
        with pytest.raises(OwnProposal):
            decide(actor=cast.officer.actor, waiver_id=waiver.id)
    with pytest.raises(NotAllowed):
        waiving.withdraw_waiver(actor=cast.owner.actor, waiver_id=waiver.id)
    assert waivers(cast)[0].state == "proposed"
    assert waiving.withdraw_waiver(actor=cast.officer.actor, waiver_id=waiver.id).state == "withdrawn"


@pytest.mark.parametrize("decide", [waiving.approve_waiver, waiving.refuse_waiver])
def test_who_may_decide(cast: Cast, agent: Any, decide: Any) -> None:
    waiver = propose(cast, found(cast, agent))
    machines = (cast.robot, Actor.scheduler(cast.organisation_id), Actor.system(cast.organisation_id))
    for actor in (cast.auditor.actor, cast.engineer.actor, *machines):
        with pytest.raises(NotAllowed):
            decide(actor=actor, waiver_id=waiver.id)
    with pytest.raises(NotFound):
        decide(actor=cast.outsider.actor, waiver_id=waiver.id)
    assert decide(actor=cast.colleague.actor, waiver_id=waiver.id).decided_by == cast.colleague.actor.reference


def test_who_may_propose(cast: Cast, agent: Any) -> None:
    finding = found(cast, agent)
    machines = (cast.robot, Actor.scheduler(cast.organisation_id), Actor.system(cast.organisation_id))
    for actor in (cast.auditor.actor, cast.colleague.actor, *machines):
        with pytest.raises(NotAllowed):
            propose(cast, finding, actor=actor)
    with pytest.raises(NotFound):
        propose(cast, finding, actor=cast.outsider.actor)
    assert waivers(cast) == []
    for actor in (cast.owner.actor, cast.officer.actor, cast.engineer.actor):
        waiver = propose(cast, finding, actor=actor)
        waiving.withdraw_waiver(actor=actor, waiver_id=waiver.id)


def test_only_the_clock_ends_what_is_over(cast: Cast) -> None:
    people = (cast.owner, cast.officer, cast.colleague, cast.engineer, cast.auditor)
    assert not [one for one in people if rights.may(one.actor, "disclosure.expire_waivers")]
    with pytest.raises(NotAllowed):
        ending.expire_waivers(actor=cast.owner.actor)
    assert expire(cast) == 0


def test_the_database_itself_refuses_one_person_alone(cast: Cast, agent: Any) -> None:
    waiver = propose(cast, found(cast, agent))
    for decided_by in ("", waiver.proposed_by):
        with tenancy.scope(cast.organisation_id), pytest.raises(IntegrityError, match="waiver_by_two_people"):
            with transaction.atomic():
                Waiver.objects.for_organisation(cast.organisation_id).update(state="in_force", decided_by=decided_by)


def test_the_database_shows_waivers_to_their_organisation_only(cast: Cast, agent: Any) -> None:
    waive(cast, found(cast, agent))
    with tenancy.scope(cast.other_organisation.id):
        assert not Waiver.objects.for_organisation(cast.organisation_id).exists()
    assert len(waivers(cast)) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"until": 0}, "until"),
        ({"until": -1}, "until"),
        ({"until": 366}, "until"),
        ({"ground": "because"}, "ground"),
        ({"note": "  "}, "note"),
        ({"note": "a" * 4001}, "note"),
        ({"note": "\ud800"}, "note"),
    ],
)
def test_what_is_no_proposal_is_named(cast: Cast, agent: Any, change: dict[str, Any], field: str) -> None:
    finding = found(cast, agent)
    said: dict[str, Any] = {"until": 365, "ground": GROUND, "note": WHY} | change
    said["until"] = in_days(said["until"])
    with pytest.raises(Invalid) as refused:
        waiving.propose_waiver(actor=cast.engineer.actor, finding_id=finding.id, **said)
    assert (list(refused.value.errors), waivers(cast)) == ([field], [])


def test_one_waiver_at_a_time_and_each_is_decided_once(cast: Cast, agent: Any) -> None:
    def refusal(call: Callable[..., Any], **named: Any) -> str:
        with pytest.raises(Conflict) as refused:
            call(actor=cast.owner.actor, **named)
        return refused.value.code

    finding = found(cast, agent)
    proposal = {"finding_id": finding.id, "until": in_days(9), "ground": GROUND, "note": WHY}
    first = propose(cast, finding)
    assert refusal(waiving.propose_waiver, **proposal) == "already_proposed"
    waiving.refuse_waiver(actor=cast.colleague.actor, waiver_id=first.id)
    assert refusal(waiving.approve_waiver, waiver_id=first.id) == "already_decided"
    second = waive(cast, finding)
    assert refusal(waiving.propose_waiver, **proposal) == "already_waived"
    assert refusal(waiving.refuse_waiver, waiver_id=second.id) == "already_decided"
    findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution="false_alarm")
    assert refusal(waiving.propose_waiver, **proposal) == "already_resolved"


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_waiver_holds_through_its_last_day_and_not_longer(
    cast: Cast, agent: Any, entries: Entries, time_machine: Any
) -> None:
    finding = found(cast, agent)
    waiver, begun = waive(cast, finding, days=20), timezone.now()
    entries.clear()
    time_machine.move_to(begun + timedelta(days=20))
    tasks.expire_waivers()
    assert (again(cast, finding).state, entries.events) == ("waived", [])
    time_machine.move_to(begun + timedelta(days=21))
    tasks.expire_waivers()
    tasks.expire_waivers()
    assert (again(cast, finding).state, again(cast, finding).due_on) == ("open", in_days(0))
    assert entries.events == ["disclosure.waiver.expired"]
    assert entries[0].fields["obj"] == ("waiver", waiver.id)
    assert [(one.state, one.ended_at is not None) for one in waivers(cast)] == [("expired", True)]


def test_a_proposal_that_nobody_decided_is_over_as_well(cast: Cast, agent: Any, time_machine: Any) -> None:
    finding = found(cast, agent)
    waiver = propose(cast, finding, days=2)
    time_machine.move_to(timezone.now() + timedelta(days=3))
    with pytest.raises(Conflict) as refused:
        waiving.approve_waiver(actor=cast.officer.actor, waiver_id=waiver.id)
    assert refused.value.code == "waiver_over"
    assert expire(cast) == 1
    assert (waivers(cast)[0].state, again(cast, finding).state) == ("expired", "open")
    assert again(cast, finding).due_on == finding.due_on


def test_every_batch_expires(cast: Cast, monkeypatch: pytest.MonkeyPatch, time_machine: Any) -> None:
    monkeypatch.setattr(ending, "BATCH", 2)
    for number in range(5):
        prompt = prompts.submit_prompt(
            actor=cast.engineer.actor, agent=f"agent_{number}", text=SILENT, language="en", jurisdictions=["US-CA"]
        ).prompt
        judge(cast, prompt)
    for finding in room.findings(cast.officer.actor):
        waive(cast, finding, days=1)
    time_machine.move_to(timezone.now() + timedelta(days=2))
    assert (expire(cast), expire(cast)) == (5, 0)
    assert {one.state for one in room.findings(cast.officer.actor)} == {"open"}


@pytest.mark.parametrize(("proposed_only", "state"), [(True, "open"), (False, "waived")])
def test_whoever_resolves_or_reopens_ends_it(cast: Cast, agent: Any, proposed_only: bool, state: str) -> None:
    finding = found(cast, agent)
    (propose if proposed_only else waive)(cast, finding)
    assert again(cast, finding).state == state
    findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution="accepted")
    assert [(one.state, one.code) for one in waivers(cast)] == [("ended", "resolved")]


def test_a_waiver_is_ended_before_its_day_by_reopening(cast: Cast, agent: Any, entries: Entries) -> None:
    finding = found(cast, agent)
    waive(cast, finding)
    entries.clear()
    back = findings.reopen_finding(actor=cast.engineer.actor, finding_id=finding.id, reason="waiver_needless")
    assert (back.state, back.due_on) == ("open", finding.due_on)
    assert entries.events == ["disclosure.waiver.ended", "disclosure.finding.reopened"]
    assert entries[1].fields["what"]["was"] == "waived"


def test_a_note_about_a_call_ends_with_the_call(cast: Cast, held_call: Hold) -> None:
    call_id = held_call(UNTOLD)
    audit_call(cast, call_id)
    waiver = propose(cast, room.findings(cast.officer.actor)[0])
    assert waiving.open_waiver_note(actor=cast.officer.actor, waiver_id=waiver.id) == WHY
    with tenancy.scope(cast.organisation_id):
        store.begin_destruction(cast.organisation_id, [scopes.call(call_id, ())], ground="test", cause=uuid4())
    with pytest.raises(Gone):
        waiving.open_waiver_note(actor=cast.officer.actor, waiver_id=waiver.id)


# --- judged again -----------------------------------------------------------------------------------------------------


def test_a_waiver_and_a_proposal_follow_the_same_fault_of_the_same_text(
    cast: Cast, agent: Any, newer_rules: Callable[[], None], entries: Entries
) -> None:
    prompt = put_in_force(cast, agent, BARE, jurisdictions=["DE"])
    asked, purpose = room.findings(cast.officer.actor)
    waiver, proposal = waive(cast, asked), propose(cast, purpose)
    newer_rules()
    entries.clear()
    judge(cast, prompt)
    old, new = room.findings(cast.officer.actor)[:2], room.findings(cast.officer.actor)[2:]
    assert [(one.state, one.resolution) for one in old] == [("resolved", "superseded")] * 2
    assert [(one.reason, one.state) for one in new] == [
        ("consent_not_requested", "waived"), ("purpose_missing", "open"),
    ]  # fmt: skip
    assert [(one.id, one.finding_id, one.state) for one in waivers(cast)] == [
        (waiver.id, new[0].id, "in_force"), (proposal.id, new[1].id, "proposed"),
    ]  # fmt: skip
    carried = entries.of("disclosure.waiver.carried")
    assert {one.fields["what"]["was"] for one in carried} == {str(one.id) for one in old}
    waiving.approve_waiver(actor=cast.officer.actor, waiver_id=proposal.id)
    assert again(cast, new[1]).state == "waived"
    assert waiving.open_waiver_note(actor=cast.officer.actor, waiver_id=waiver.id) == WHY


@pytest.mark.parametrize("text", [f"{SILENT} ", DISCLOSED, BARE])
def test_another_text_ends_the_waiver(cast: Cast, agent: Any, text: str, entries: Entries) -> None:
    waive(cast, found(cast, agent))
    entries.clear()
    put_in_force(cast, agent, text)
    assert [(one.state, one.code) for one in waivers(cast)] == [("ended", "text_changed")]
    assert entries.of("disclosure.waiver.ended")[0].fields["what"]["code"] == "text_changed"
    assert "waived" not in {one.state for one in room.findings(cast.officer.actor)}


def test_the_same_text_for_other_places_ends_it_as_well(cast: Cast, agent: Any) -> None:
    waive(cast, found(cast, agent))
    put_in_force(cast, agent, SILENT, jurisdictions=["US-CA", "DE"])
    assert [(one.state, one.code) for one in waivers(cast)] == [("ended", "text_changed")]


@pytest.mark.parametrize(
    ("faults", "code"),
    [((), "not_found_again"), ((("late", Verdict.FAIL),), "not_found_again"), ((("missing", Verdict.FAIL),), "")],
)
def test_new_rules_decide_whether_it_is_the_same_fault(
    cast: Cast, agent: Any, newer_rules: Callable[[], None], monkeypatch: pytest.MonkeyPatch, faults: Any, code: str
) -> None:
    prompt = put_in_force(cast, agent, SILENT)
    waive(cast, room.findings(cast.officer.actor)[0])
    newer_rules()
    judged = rules.PromptResult(
        Verdict.FAIL if faults else Verdict.PASS,
        tuple(reason for reason, _ in faults) or ("disclosed",),
        "no",
        rules.JurisdictionView(("US-CA",), "notice", False, ()),
    )
    monkeypatch.setattr(rules, "judge_prompt", lambda *_, **__: judged)
    judge(cast, prompt)
    assert [(one.state, one.code) for one in waivers(cast)] == [("ended" if code else "in_force", code)]


def test_another_transcript_of_a_call_ends_its_waiver_and_newer_rules_do_not(
    cast: Cast, held_call: Hold, newer_rules: Callable[[], None]
) -> None:
    call_id = held_call(UNTOLD)
    audit_call(cast, call_id)
    waive(cast, room.findings(cast.officer.actor)[0])
    newer_rules()
    audit_call(cast, call_id)
    assert [one.state for one in room.findings(cast.officer.actor)] == ["resolved", "waived"]
    held_call(TOLD, rank=Rank.POLLED)
    audit_call(cast, call_id)
    assert [(one.state, one.code) for one in waivers(cast)] == [("ended", "text_changed")]
    assert {one.state for one in room.findings(cast.officer.actor)} == {"resolved"}
