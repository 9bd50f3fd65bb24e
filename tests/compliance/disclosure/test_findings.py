"""Whose a finding is, by when, and what becomes of it; a text that is put in force decides about those of the last."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts import members, operations, tenancy
from accounts.actors import Role
from accounts.models import Membership
from compliance.disclosure import queue, rules, tasks
from compliance.disclosure.operations import assigning, findings, prompts, succeeding
from compliance.errors import Conflict, Invalid, NotAllowed, NotFound
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE, DISCLOSED, HIDDEN, SILENT, UNTOLD, Hold
from tests.compliance.disclosure.test_operations import audit_call, judge
from tests.compliance.disclosure.workflow import again, found, in_days, put_in_force
from tests.entries import Entries


def resolve(cast: Cast, finding: Any, resolution: str, note: str = "") -> Any:
    return findings.resolve_finding(actor=cast.engineer.actor, finding_id=finding.id, resolution=resolution, note=note)


def assign(cast: Cast, finding: Any, assignee: UUID | None) -> Any:
    return assigning.assign_finding(actor=cast.officer.actor, finding_id=finding.id, assignee=assignee)


# --- whose, and by when -----------------------------------------------------------------------------------------------


def test_what_fails_is_due_sooner_than_what_is_to_be_looked_at(cast: Cast, agent: Any, settings: Any) -> None:
    settings.DISCLOSURE_FAIL_DAYS, settings.DISCLOSURE_REVIEW_DAYS = 3, 11
    put_in_force(cast, agent, BARE, jurisdictions=["DE"])
    days = [(one.verdict, one.due_on) for one in room.findings(cast.officer.actor)]
    assert days == [("fail", in_days(3)), ("review", in_days(11))]


def test_a_finding_is_late_the_day_after_its_day(cast: Cast, agent: Any, time_machine: Any) -> None:
    finding = found(cast, agent)

    def late() -> list[Any]:
        with tenancy.scope(cast.organisation_id):
            rows = type(finding).objects.for_organisation(cast.organisation_id)
            assert queue.overdue(rows).count() + queue.overdue(rows, is_late=False).count() == 1
            return list(queue.overdue(rows))

    time_machine.move_to(timezone.now() + timedelta(days=7))
    assert (late(), queue.is_overdue(finding)) == ([], False)
    time_machine.move_to(timezone.now() + timedelta(days=1))
    assert (late(), queue.is_overdue(finding)) == ([finding], True)
    resolve(cast, finding, "accepted")
    assert (late(), queue.is_overdue(again(cast, finding))) == ([], False)


def test_a_finding_is_assigned_and_taken_back(cast: Cast, agent: Any, entries: Entries) -> None:
    finding = found(cast, agent)
    entries.clear()
    engineer = cast.engineer.user.id
    assert assign(cast, finding, engineer).assigned_to == cast.engineer.actor.reference
    assert assign(cast, finding, engineer).assigned_to == cast.engineer.actor.reference
    assert assign(cast, finding, None).assigned_to == ""
    assert entries.events == ["disclosure.finding.assigned"] * 2
    assert [one.fields["what"]["assignee"] for one in entries] == [str(engineer), None]
    assert entries[0].fields["obj"] == ("finding", finding.id)


def test_only_a_member_who_may_resolve_it_gets_it(cast: Cast, agent: Any) -> None:
    finding = found(cast, agent)
    gone = cast.engineer.user.id
    with tenancy.scope(cast.organisation_id):
        member = Membership.objects.for_organisation(cast.organisation_id).get(user_id=gone)
    operations.end_membership(actor=cast.owner.actor, membership_id=member.id)
    for nobody in (uuid4(), gone, cast.auditor.user.id, cast.colleague.user.id, cast.outsider.user.id):
        with pytest.raises(Invalid) as refused:
            assign(cast, finding, nobody)
        assert list(refused.value.errors) == ["assignee"]
    assert again(cast, finding).assigned_to == ""
    with tenancy.scope(cast.organisation_id):
        able = members.members_who_may(cast.organisation_id, "disclosure.resolve_finding")
    assert {one.user_id for one in able} == {cast.owner.user.id, cast.officer.user.id}


def test_what_somebody_left_behind_is_nobodys_again(
    cast: Cast, agent: Any, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assigning, "BATCH", 1)
    put_in_force(cast, agent, BARE, jurisdictions=["DE"])
    first, second = room.findings(cast.officer.actor)
    assign(cast, first, cast.engineer.user.id)
    assign(cast, second, cast.officer.user.id)
    entries.clear()
    tasks.sweep()
    assert entries.of("disclosure.finding.assigned") == []
    with tenancy.scope(cast.organisation_id):
        roles = Membership.objects.for_organisation(cast.organisation_id)
        ids = {one.user_id: one.id for one in roles}
    operations.end_membership(actor=cast.owner.actor, membership_id=ids[cast.engineer.user.id])
    operations.change_role(actor=cast.owner.actor, membership_id=ids[cast.officer.user.id], role=Role.AUDITOR)
    tasks.sweep()
    assert {one.assigned_to for one in room.findings(cast.officer.actor)} == {""}
    noted = entries.of("disclosure.finding.assigned")
    assert [one.fields["what"]["code"] for one in noted] == ["not_able"] * 2


def test_who_may_assign(cast: Cast, agent: Any) -> None:
    finding = found(cast, agent)
    for actor in (cast.auditor.actor, cast.colleague.actor, cast.robot):
        with pytest.raises(NotAllowed):
            assigning.assign_finding(actor=actor, finding_id=finding.id, assignee=None)
    with pytest.raises(NotFound):
        assigning.assign_finding(actor=cast.outsider.actor, finding_id=finding.id, assignee=None)
    for actor in (cast.owner.actor, cast.officer.actor, cast.engineer.actor):
        assert assigning.assign_finding(actor=actor, finding_id=finding.id, assignee=actor.id).assigned_to
    resolve(cast, finding, "accepted")
    with pytest.raises(Conflict):
        assign(cast, finding, None)


# --- fixed is the judge's word ----------------------------------------------------------------------------------------


def test_nobody_calls_a_prompt_fixed_that_still_shows_it(cast: Cast, agent: Any) -> None:
    finding = found(cast, agent)
    with pytest.raises(Conflict) as refused:
        resolve(cast, finding, "fixed")
    assert refused.value.code == "still_found"
    prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=DISCLOSED)
    with pytest.raises(Conflict) as refused:
        resolve(cast, finding, "fixed")  # submitted is not judged
    assert refused.value.code == "not_judged"
    assert again(cast, finding).state == "open"


def test_a_text_that_passes_fixes_what_stood_in_the_one_before(cast: Cast, agent: Any, entries: Entries) -> None:
    finding = found(cast, agent, HIDDEN)
    entries.clear()
    prompt = put_in_force(cast, agent, DISCLOSED)
    assert [(one.state, one.resolution) for one in room.findings(cast.officer.actor)] == [("resolved", "fixed")] * 2
    noted = entries.of("disclosure.finding.resolved")
    (audit,) = room.audits(cast.officer.actor, prompt=prompt)
    assert {one.fields["what"]["by_audit"] for one in noted} == {str(audit.id)}
    assert {one.fields["obj"][1] for one in noted} == {one.id for one in room.findings(cast.officer.actor)}
    judged = entries.of("disclosure.prompt.judged")[0].fields["what"]
    assert (judged["fixed"], judged["superseded"]) == (2, 0)
    assert again(cast, finding).resolved_by == "scheduler"


def test_a_text_that_is_still_wrong_takes_person_and_day_along(cast: Cast, agent: Any, time_machine: Any) -> None:
    first = found(cast, agent)
    assign(cast, first, cast.engineer.user.id)
    time_machine.move_to(timezone.now() + timedelta(days=2))
    second = found(cast, agent, f"{SILENT} Be brief.")
    assert (again(cast, first).state, again(cast, first).resolution) == ("resolved", "superseded")
    assert (second.reason, second.assigned_to, second.due_on) == (
        "missing",
        cast.engineer.actor.reference,
        first.due_on,
    )
    other = found(cast, agent, BARE, jurisdictions=["DE"])
    assert (other.reason, other.assigned_to, other.due_on) == ("consent_not_requested", "", in_days(7))
    assert again(cast, second).resolution == "superseded"  # not fixed: callers are not told as they must be


def test_other_rules_that_pass_the_same_text_have_fixed_nothing(
    cast: Cast, agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = found(cast, agent)
    (audit,) = room.audits(cast.officer.actor)
    with tenancy.scope(cast.organisation_id):
        audit.id = uuid4()
        audit.save(force_insert=True)
        succeeding.replace_findings(actor=cast.officer.actor, audit=audit, faults=())
    assert again(cast, finding).resolution == "superseded"


def test_another_agents_text_fixes_nothing_here(cast: Cast, agent: Any) -> None:
    finding = found(cast, agent)
    prompt = prompts.submit_prompt(
        actor=cast.engineer.actor, agent="agent_other", text=DISCLOSED, language="en", jurisdictions=["US-CA"]
    ).prompt
    assert judge(cast, prompt).verdict == "pass"
    assert again(cast, finding).state == "open"


def test_a_text_out_of_force_that_is_judged_late_asks_nobody(cast: Cast, agent: Any) -> None:
    old = prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=SILENT).prompt
    put_in_force(cast, agent, DISCLOSED)
    assert judge(cast, old).verdict == "fail"
    assert [(one.state, one.resolution) for one in room.findings(cast.officer.actor)] == [("resolved", "superseded")]


def test_what_people_say_of_a_call_is_theirs_to_say(cast: Cast, held_call: Hold) -> None:
    audit_call(cast, held_call(UNTOLD))
    (finding,) = room.findings(cast.officer.actor)
    assert resolve(cast, finding, "fixed").resolution == "fixed"


def test_findings_of_other_rules_are_left_to_them(cast: Cast, held_call: Hold) -> None:
    audit = audit_call(cast, held_call(UNTOLD))
    mine = frozenset({"heard_otherwise"})

    def replace(faults: Any) -> dict[str, int]:
        with tenancy.scope(cast.organisation_id):
            audit.id = uuid4()
            audit.save(force_insert=True)
            return succeeding.replace_findings(actor=cast.officer.actor, audit=audit, faults=faults, known=mine)

    assert replace([("heard_otherwise", rules.Verdict.REVIEW)]) == {"superseded": 0, "fixed": 0}
    assert replace([("heard_otherwise", rules.Verdict.REVIEW)]) == {"superseded": 1, "fixed": 0}
    states = {(one.reason, one.state) for one in room.findings(cast.officer.actor)}
    assert states == {("missing", "open"), ("heard_otherwise", "resolved"), ("heard_otherwise", "open")}


# --- reopening --------------------------------------------------------------------------------------------------------


def test_a_resolution_is_taken_back_with_a_reason(cast: Cast, agent: Any, entries: Entries, time_machine: Any) -> None:
    finding = found(cast, agent)
    resolve(cast, finding, "false_alarm", "It is told by Quentin")
    time_machine.move_to(timezone.now() + timedelta(days=20))
    entries.clear()
    back = findings.reopen_finding(
        actor=cast.officer.actor, finding_id=finding.id, reason="decided_wrongly", note="Nobody tells it"
    )
    assert (back.state, back.resolution, back.resolved_by, back.resolved_at) == ("open", "", "", None)
    assert (back.reopened_for, back.due_on) == ("decided_wrongly", in_days(7))
    (entry,) = entries
    assert entry.event == "disclosure.finding.reopened"
    assert (entry.fields["what"]["because"], entry.fields["what"]["was"]) == ("decided_wrongly", "false_alarm")
    assert "Quentin" not in repr(entries)
    note = findings.open_note(actor=cast.officer.actor, finding_id=finding.id)
    assert note == "It is told by Quentin\n\nNobody tells it"
    assert resolve(cast, finding, "accepted").state == "resolved"


@pytest.mark.parametrize(("reason", "note", "field"), [("", "", "reason"), ("came_to_light", "\ud800", "note")])
def test_nothing_is_reopened_without_a_reason(cast: Cast, agent: Any, reason: str, note: str, field: str) -> None:
    finding = found(cast, agent)
    resolve(cast, finding, "accepted")
    with pytest.raises(Invalid) as refused:
        findings.reopen_finding(actor=cast.officer.actor, finding_id=finding.id, reason=reason, note=note)
    assert list(refused.value.errors) == [field]
    assert again(cast, finding).state == "resolved"


def test_only_what_holds_now_is_reopened(cast: Cast, agent: Any) -> None:
    def reopen(finding: Any) -> str:
        with pytest.raises(Conflict) as refused:
            findings.reopen_finding(actor=cast.officer.actor, finding_id=finding.id, reason="not_fixed")
        return refused.value.code

    first = found(cast, agent)
    assert reopen(first) == "already_open"
    resolve(cast, first, "accepted")
    put_in_force(cast, agent, DISCLOSED)
    assert reopen(first) == "superseded"
    assert again(cast, first).resolution == "accepted"


def test_who_may_reopen(cast: Cast, agent: Any) -> None:
    finding = found(cast, agent)
    resolve(cast, finding, "accepted")
    for actor, refusal in (
        (cast.auditor.actor, NotAllowed),
        (cast.colleague.actor, NotAllowed),
        (cast.robot, NotAllowed),
        (cast.outsider.actor, NotFound),
    ):
        with pytest.raises(refusal):
            findings.reopen_finding(actor=actor, finding_id=finding.id, reason="not_fixed")
    done = findings.reopen_finding(actor=cast.engineer.actor, finding_id=finding.id, reason="not_fixed")
    assert done.state == "open"
