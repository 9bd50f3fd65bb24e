"""What disclosure tells of audits and findings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import time_machine
from django.utils import timezone

from accounts.actors import Actor
from compliance.disclosure import following
from compliance.disclosure.operations import assigning, auditing, ending, findings
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure import workflow
from tests.compliance.disclosure.conftest import DISCLOSED, UNTOLD, Hold
from tests.compliance.disclosure.conftest import agent as agent
from tests.compliance.disclosure.conftest import held_call as held_call
from tests.compliance.outlet.test_wiring import Told
from tests.compliance.outlet.test_wiring import told as told


def test_a_prompt_that_passes_tells_nothing(cast: Cast, agent: Any, told: Told) -> None:
    workflow.put_in_force(cast, agent, DISCLOSED)
    assert told("disclosure") == []


def test_a_failed_prompt_and_each_of_its_findings_are_told(cast: Cast, agent: Any, told: Told) -> None:
    finding = workflow.found(cast, agent)
    (failed,) = told("disclosure.audit.failed")
    assert (failed["audit_id"], failed["verdict"]) == (str(finding.audit_id), "fail")
    assert finding.reason in failed["reasons"]
    assert (failed["prompt_id"], failed["call_id"]) == (str(finding.audit.prompt_id), None)
    opened = {one["finding_id"]: one for one in told("disclosure.finding.opened")}
    rows = room.findings(cast.officer.actor)
    assert opened.keys() == {str(one.id) for one in rows}
    assert opened[str(finding.id)] == {
        "finding_id": str(finding.id), "audit_id": str(finding.audit_id), "reason": finding.reason, "verdict": "fail",
        "prompt_id": str(finding.audit.prompt_id), "call_id": None,
    }  # fmt: skip


def test_a_call_in_which_nothing_was_said_is_told_without_its_words(cast: Cast, held_call: Hold, told: Told) -> None:
    call_id = held_call(UNTOLD)
    audit = auditing.audit_call(actor=Actor.scheduler(cast.organisation_id), call_id=call_id)
    (failed,) = told("disclosure.audit.failed")
    assert (failed["audit_id"], failed["call_id"]) == (str(audit.id), str(call_id))
    assert {one["call_id"] for one in told("disclosure.finding.opened")} == {str(call_id)}
    assert "Maria" not in str(told("disclosure"))


def test_a_resolution_and_its_withdrawal_are_told(cast: Cast, agent: Any, told: Told) -> None:
    finding = workflow.found(cast, agent)
    before = len(told("disclosure.finding.opened"))
    findings.resolve_finding(
        actor=cast.engineer.actor, finding_id=finding.id, resolution="accepted", note="Maria Delgado agreed"
    )
    assert told("disclosure.finding.resolved") == [
        {
            "finding_id": str(finding.id), "audit_id": str(finding.audit_id), "reason": finding.reason,
            "resolution": "accepted",
        }
    ]  # fmt: skip
    reason = next(iter(following.REOPENINGS))
    findings.reopen_finding(actor=cast.engineer.actor, finding_id=finding.id, reason=reason)
    assert len(told("disclosure.finding.opened")) == before + 1
    assert "Maria" not in str(told("disclosure"))


def test_a_better_prompt_resolves_and_is_told(cast: Cast, agent: Any, told: Told) -> None:
    finding = workflow.found(cast, agent)
    workflow.put_in_force(cast, agent, DISCLOSED)
    resolved = {one["finding_id"]: one["resolution"] for one in told("disclosure.finding.resolved")}
    assert resolved[str(finding.id)] == workflow.again(cast, finding).resolution == "fixed"


def test_assignments_are_told_without_a_name(cast: Cast, agent: Any, told: Told) -> None:
    finding = workflow.found(cast, agent)
    for assignee in (cast.engineer.user.id, None):
        assigning.assign_finding(actor=cast.officer.actor, finding_id=finding.id, assignee=assignee)
    assert [one["is_assigned"] for one in told("disclosure.finding.assigned")] == [True, False]
    assert str(cast.engineer.user.id) not in str(told("disclosure.finding.assigned"))


def test_a_waiver_is_told_once_two_people_agreed_and_its_end_opens_the_finding_again(
    cast: Cast, agent: Any, told: Told
) -> None:
    finding = workflow.found(cast, agent)
    workflow.propose(cast, finding)
    assert told("disclosure.finding.waived") == []
    other = workflow.found(cast, agent, room.HIDDEN)
    before = len(told("disclosure.finding.opened"))
    waiver = workflow.waive(cast, other)
    (waived,) = told("disclosure.finding.waived")
    assert (waived["finding_id"], waived["expires_on"]) == (str(other.id), waiver.until_on.isoformat())
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        assert ending.expire_waivers(actor=Actor.scheduler(cast.organisation_id)) >= 1
    assert told("disclosure.finding.opened")[before:][0]["finding_id"] == str(other.id)


def test_where_nobody_listens_nothing_waits(cast: Cast, agent: Any, jobs: Any) -> None:
    workflow.found(cast, agent)
    assert "outlet.deliver" not in jobs.names
