"""Changing the rules: what a change would do is shown first, and two people put in force what would delete much."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.errors import Conflict, Invalid, OwnProposal
from compliance.recordings import access as register
from compliance.recordings.operations import placing
from compliance.recordings.states import ArtifactState
from compliance.retention import operations, rules
from compliance.retention.models import RetentionReview, RetentionSchedule
from compliance.retention.operations import previewing, reviewing
from compliance.retention.rules import Action, ClockStart, Match, Rule, Schedule
from tests.cast import Cast
from tests.compliance import calls
from tests.entries import Entries

SHORT = Rule("short", 1, ClockStart.CALL_END, "short")
ALL_KEPT = Schedule((Rule("kept", None, ClockStart.CALL_END, "kept"),))


def document(*listed: Rule) -> dict[str, Any]:
    return rules.to_document(Schedule(listed))


def artifacts(cast: Cast) -> dict[tuple[UUID | None, str], Any]:
    with tenancy.scope(cast.organisation_id):
        return {(row.call_id, row.kind): row for row in register.artifacts(cast.organisation_id)}


def clock(cast: Cast) -> Actor:
    return Actor.scheduler(cast.organisation_id)


def test_a_preview_counts_what_would_go_and_saves_nothing(
    cast: Cast, arrived: Callable[..., Any], entries: Entries
) -> None:
    arrived("01", "02")
    before = artifacts(cast)
    found = operations.preview_schedule(actor=cast.officer.actor, document=document(SHORT))
    assert (found.artifacts, found.soon, found.today) == (len(before), len(before), len(before))
    assert found.soon_bytes == sum(row.size or 0 for row in before.values()) > 0
    assert found.by_rule == {"short": len(before)}
    kinds = [kind for _, kind in before]
    assert found.by_kind == {kind: kinds.count(kind) for kind in kinds}
    soon = datetime.now(UTC).date() + timedelta(days=30)
    due_by_now = sum(row.due_on is not None and row.due_on <= soon for row in before.values())
    assert found.newly == len(before) - due_by_now
    assert found.earlier == len(before)
    assert (found.later, found.never, found.held) == (0, 0, 0)
    assert {one.artifact_id for one in found.listed} == {row.id for row in before.values()}
    assert artifacts(cast)[next(iter(before))].due_on == before[next(iter(before))].due_on
    with tenancy.scope(cast.organisation_id):
        assert operations.current_schedule(cast.organisation_id)[0] == 0
    assert len(entries.of("retention.schedule.previewed")) == 1


def test_a_preview_tells_what_holds_keep_and_what_is_no_longer_due(cast: Cast, arrived: Callable[..., Any]) -> None:
    found_calls = arrived("01", "02")
    operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[found_calls["01"]])
    found = operations.preview_schedule(actor=cast.officer.actor, document=document(SHORT))
    of_held = [one for one in found.listed if one.call_id == found_calls["01"]]
    assert found.held == len(of_held) > 0
    assert all(one.is_held for one in of_held)
    kept = operations.preview_schedule(actor=cast.officer.actor, document=rules.to_document(ALL_KEPT))
    due_now = sum(row.due_on is not None for row in artifacts(cast).values())
    assert (kept.soon, kept.listed, kept.never) == (0, [], due_now)


def test_a_list_goes_on_where_it_stopped(
    cast: Cast, arrived: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived("01", "02")
    monkeypatch.setattr(previewing, "LISTED", 2)
    seen, after = [], None
    while True:
        found = operations.preview_schedule(actor=cast.officer.actor, document=document(SHORT), after=after)
        seen += [one.artifact_id for one in found.listed]
        after = found.next_after
        if after is None:
            break
    assert len(seen) == len(set(seen))
    assert set(seen) == {row.id for row in artifacts(cast).values()}


def test_a_small_change_is_in_force_at_once(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    call_id = arrived("01")["01"]
    row = operations.set_schedule(actor=cast.officer.actor, document=document(SHORT))
    assert row.state == RetentionSchedule.State.ACTIVE
    assert row.preview["newly"] > 0
    jobs.drain()
    recording = artifacts(cast)[(call_id, "recording")]
    assert (recording.retention_rule, recording.due_on) == ("short", date(2026, 3, 3))


@pytest.fixture
def proposed(cast: Cast, arrived: Callable[..., Any], jobs: Any, settings: Any) -> RetentionSchedule:
    """A change by the officer that would delete more than the threshold."""
    arrived("01", "02")
    settings.RETENTION_SECOND_PERSON_ABOVE = 1
    return operations.set_schedule(actor=cast.officer.actor, document=document(SHORT))


def test_a_great_change_waits_for_a_second_person(
    cast: Cast, proposed: RetentionSchedule, jobs: Any, entries: Entries
) -> None:
    assert proposed.state == RetentionSchedule.State.PROPOSED
    with tenancy.scope(cast.organisation_id):
        assert operations.current_schedule(cast.organisation_id)[0] == 0
    jobs.drain()
    assert not any(row.retention_rule == "short" for row in artifacts(cast).values())
    with pytest.raises(OwnProposal):
        operations.approve_schedule(actor=cast.officer.actor, version=proposed.version)
    with pytest.raises(NotAllowed):
        operations.approve_schedule(actor=cast.auditor.actor, version=proposed.version)
    with pytest.raises(NotAllowed):
        operations.approve_schedule(actor=clock(cast), version=proposed.version)
    row = operations.approve_schedule(actor=cast.colleague.actor, version=proposed.version)
    assert (row.state, row.decided_by) == ("active", cast.colleague.actor.reference)
    jobs.drain()
    assert all(row.retention_rule == "short" for row in artifacts(cast).values())
    assert len(entries.of("retention.schedule.set")) == 1


def test_what_has_grown_since_is_not_approved(
    cast: Cast, proposed: RetentionSchedule, arrived: Callable[..., Any]
) -> None:
    arrived("03")
    with pytest.raises(Conflict) as refused:
        operations.approve_schedule(actor=cast.colleague.actor, version=proposed.version)
    assert refused.value.code == "preview_grew"
    with tenancy.scope(cast.organisation_id):
        assert operations.current_schedule(cast.organisation_id)[0] == 0


def test_a_proposal_is_rejected_by_another_and_withdrawn_by_its_maker(cast: Cast, proposed: RetentionSchedule) -> None:
    with pytest.raises(OwnProposal):
        operations.reject_schedule(actor=cast.officer.actor, version=proposed.version)
    with pytest.raises(Conflict):
        operations.withdraw_schedule(actor=cast.owner.actor, version=proposed.version)
    operations.reject_schedule(actor=cast.colleague.actor, version=proposed.version)
    with pytest.raises(Conflict):
        operations.approve_schedule(actor=cast.colleague.actor, version=proposed.version)
    again = operations.set_schedule(actor=cast.officer.actor, document=document(SHORT))
    assert operations.withdraw_schedule(actor=cast.officer.actor, version=again.version).state == "withdrawn"


def test_an_overtaken_proposal_cannot_be_approved(cast: Cast, proposed: RetentionSchedule) -> None:
    operations.set_schedule(actor=cast.owner.actor, document=rules.to_document(ALL_KEPT))
    with pytest.raises(Conflict) as refused:
        operations.approve_schedule(actor=cast.colleague.actor, version=proposed.version)
    assert refused.value.code == "schedule_overtaken"


def test_a_document_that_is_no_schedule_is_refused_alike(cast: Cast) -> None:
    for change in (operations.set_schedule, operations.preview_schedule):
        with pytest.raises(Invalid) as refused:
            change(actor=cast.officer.actor, document={"rules": []})
        assert refused.value.code == "schedule_invalid"


def test_who_may_preview_and_save(cast: Cast) -> None:
    for change in (operations.set_schedule, operations.preview_schedule):
        with pytest.raises(NotAllowed):
            change(actor=cast.auditor.actor, document=document(SHORT))
        change(actor=cast.officer.actor, document=document(SHORT))


# --- clocks and matches that the register feeds -----------------------------------------------------------------------


def test_the_last_contact_moves_with_a_new_call_of_the_person(cast: Cast, jobs: Any) -> None:
    line = calls.connect(cast.officer.actor)
    line.deliver(id="call_first", recordingUrl=None)
    jobs.drain()
    operations.set_schedule(
        actor=cast.officer.actor, document=document(Rule("contact", 400, ClockStart.LAST_CONTACT, "w"))
    )
    jobs.drain()
    first = line.call("call_first")
    assert line.artifacts(first)["transcript"].due_on == date(2026, 3, 2) + timedelta(days=400)
    line.deliver(id="call_second", recordingUrl=None, startTime="2026-05-01T10:00:00Z", endTime="2026-05-01T10:01:00Z")
    line.deliver(id="call_other", recordingUrl=None, startTime="2026-06-01T10:00:00Z", endTime="2026-06-01T10:01:00Z",
                 phoneNumber="+14155550199", contactName="Somebody Else", contactId="contact_9")  # fmt: skip
    jobs.drain()
    after = line.artifacts(first)["transcript"]
    assert after.due_on == date(2026, 5, 1) + timedelta(days=400)
    assert "the last contact on 2026-05-01" in after.retention_reason


def test_a_closed_case_is_a_label_of_the_call(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    call_id = arrived("01")["01"]
    operations.set_schedule(
        actor=cast.officer.actor, document=document(Rule("case", 400, ClockStart.CASE_CLOSED, "limitation"))
    )
    jobs.drain()
    waiting = artifacts(cast)[(call_id, "recording")]
    assert waiting.due_on is None
    assert waiting.retention_reason.startswith("not due yet")
    placing.set_labels(actor=cast.officer.actor, call_id=call_id, labels=["case_closed:2026-04-01", "vip"])
    jobs.drain()
    assert artifacts(cast)[(call_id, "recording")].due_on == date(2026, 4, 1) + timedelta(days=400)


def test_a_label_chooses_the_rule(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    found_calls = arrived("01", "02")
    placing.set_labels(actor=cast.officer.actor, call_id=found_calls["01"], labels=["vip"])
    vip = Rule("vip", 4000, ClockStart.CALL_END, "w", Match(labels=frozenset({"vip"})))
    operations.set_schedule(
        actor=cast.officer.actor, document=document(vip, Rule("rest", 3000, ClockStart.CALL_END, "w"))
    )
    jobs.drain()
    found = artifacts(cast)
    assert found[(found_calls["01"], "recording")].retention_rule == "vip"
    assert found[(found_calls["02"], "recording")].retention_rule == "rest"


# --- what a person looks at -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "code"), [(Action.REVIEW, "review"), (Action.REDACT, "no_redaction")])
def test_what_a_rule_wants_looked_at_waits_and_never_leaves_by_itself(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, action: Action, code: str, entries: Entries
) -> None:
    call_id = arrived("01")["01"]
    operations.set_schedule(
        actor=cast.officer.actor, document=document(Rule("look", 1, ClockStart.CALL_END, "w", action=action))
    )
    jobs.drain()
    assert operations.apply_schedules(actor=clock(cast)) == 0
    count = operations.open_reviews(actor=clock(cast))
    assert count == len(artifacts(cast)) == len(entries.of("retention.review.opened"))
    assert operations.open_reviews(actor=clock(cast)) == 0
    recording = artifacts(cast)[(call_id, "recording")]
    assert (recording.state, recording.retention_action) == (ArtifactState.STORED, action.value)
    with tenancy.scope(cast.organisation_id):
        review = reviewing.reviews(cast.organisation_id).get(artifact_id=recording.id)
    assert review.code == code

    with pytest.raises(NotAllowed):
        operations.approve_review(actor=clock(cast), review_id=review.id)
    operations.approve_review(actor=cast.officer.actor, review_id=review.id)
    assert operations.apply_schedules(actor=clock(cast)) == 1
    assert artifacts(cast)[(call_id, "recording")].state == ArtifactState.DELETING
    assert artifacts(cast)[(call_id, "transcript")].state == ArtifactState.STORED


def test_an_extension_holds_for_its_days_and_is_asked_again(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, time_machine: Any
) -> None:
    call_id = arrived("01")["01"]
    operations.set_schedule(
        actor=cast.officer.actor, document=document(Rule("look", 1, ClockStart.CALL_END, "w", action=Action.REVIEW))
    )
    jobs.drain()
    operations.open_reviews(actor=clock(cast))
    recording = artifacts(cast)[(call_id, "recording")]
    with tenancy.scope(cast.organisation_id):
        review = reviewing.reviews(cast.organisation_id).get(artifact_id=recording.id)
    with pytest.raises(NotAllowed):
        operations.extend_review(actor=cast.auditor.actor, review_id=review.id, days=10, reason="talks go on")
    with pytest.raises(Invalid):
        operations.extend_review(actor=cast.officer.actor, review_id=review.id, days=0, reason="")
    extended = operations.extend_review(actor=cast.officer.actor, review_id=review.id, days=10, reason="talks go on")
    kept = artifacts(cast)[(call_id, "recording")]
    assert kept.due_on == extended.until_on
    assert "keeps it until" in kept.retention_reason
    operations.assign_everything(actor=clock(cast))
    assert artifacts(cast)[(call_id, "recording")].due_on == extended.until_on
    assert operations.open_reviews(actor=clock(cast)) == 0
    time_machine.move_to(datetime.now(UTC) + timedelta(days=11))
    assert operations.open_reviews(actor=clock(cast)) == 1
    with tenancy.scope(cast.organisation_id):
        assert reviewing.reviews(cast.organisation_id).get(id=review.id).state == RetentionReview.State.OPEN


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_the_api_previews_proposes_and_approves(
    cast: Cast, arrived: Callable[..., Any], signed_in: Callable[..., Any], settings: Any
) -> None:
    arrived("01", "02")
    settings.RETENTION_SECOND_PERSON_ABOVE = 1
    officer, colleague = signed_in(cast.officer), signed_in(cast.colleague)
    body = {"document": document(SHORT)}
    shown = officer.post("/api/v1/retention/schedules/preview", body, format="json")
    assert shown.status_code == 200
    assert shown.json()["needs_second_person"] is True
    assert shown.json()["counts"]["soon"] == len(shown.json()["results"])
    assert signed_in(cast.auditor).post("/api/v1/retention/schedules/preview", body, format="json").status_code == 403
    saved = officer.put("/api/v1/retention-schedule", body, format="json")
    assert (saved.json()["version"], saved.json()["proposed"]) == (0, 1)
    own = officer.post("/api/v1/retention/schedules/1/approval")
    assert (own.status_code, own.json()["code"]) == (403, "own_proposal")
    approved = colleague.post("/api/v1/retention/schedules/1/approval")
    assert approved.status_code == 200
    assert approved.json()["state"] == "active"
    assert officer.get("/api/v1/retention-schedule").json()["version"] == 1
    assert officer.get("/api/v1/retention/schedules").json()["results"][0]["preview"]["newly"] > 1
    assert colleague.post("/api/v1/retention/schedules/9/approval").status_code == 404


def test_the_console_shows_before_it_saves(
    cast: Cast, arrived: Callable[..., Any], console: Callable[..., Any]
) -> None:
    arrived("01")
    page = console(cast.officer)
    address = reverse("admin:retention_retentionschedule_set_rules")
    shown = page.post(address, {"document": json.dumps(document(SHORT))})
    assert shown.status_code >= 400
    assert "Due within 30 days" in shown.content.decode()
    with tenancy.scope(cast.organisation_id):
        assert operations.current_schedule(cast.organisation_id)[0] == 0
    page.post(address, {"document": json.dumps(document(SHORT)), "is_seen": "on"})
    with tenancy.scope(cast.organisation_id):
        assert operations.current_schedule(cast.organisation_id)[0] == 1
