"""Deletion at the platforms: the order proves nothing, the proof is asked for, and what is not proven stays debt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from accounts.models import DueWork
from compliance.connectors import operations as connectors
from compliance.connectors.facts import RecordingFacts
from compliance.errors import Conflict, Invalid, NotAllowed, NotFound
from compliance.recordings import access as register
from compliance.recordings.operations import registering
from compliance.retention import debt, disposal, operations
from compliance.retention.models import Disposal, UpstreamTask
from compliance.retention.operations import alarming, tasks, upstream
from compliance.vault import store
from tests.calls import Media
from tests.cast import Cast, Member
from tests.compliance.retention.platform import KEY, Account, FarEnd, open_account
from tests.compliance.retention.platform import account as account
from tests.compliance.retention.platform import far_end as far_end
from tests.entries import Entries

ERASURE = disposal.Ground.ERASURE_REQUEST
PDF = b"%PDF-1.7\nthe platform's letter\n%%EOF\n"


def erase(account: Account, call_id: UUID) -> None:
    disposal.begin_call_disposal(actor=account.clock, call_id=call_id, ground=ERASURE)
    account.jobs.drain()


def later(account: Account) -> None:
    """Whatever waits is due now."""
    DueWork.objects.update(due_at=datetime(2020, 1, 1, tzinfo=UTC))
    account.jobs.drain()


def wait(time_machine: Any, **span: float) -> None:
    time_machine.move_to(timezone.now() + timedelta(**span))


def tasks_of(account: Account) -> list[UpstreamTask]:
    with tenancy.scope(account.organisation_id):
        return list(tasks.tasks_of(account.organisation_id).order_by("id"))


# --- order and proof --------------------------------------------------------------------------------------------------


def test_one_order_and_one_proof_settle_a_whole_call(account: Account, entries: Entries) -> None:
    call_id = account.call()
    account.media.files.clear()
    erase(account, call_id)
    assert account.far_end.asked == ["DELETE call-1", "GET call-1"]
    places = account.places(call_id)
    assert {place.state for place in places} == {"confirmed_gone"}
    assert {place.artifact.state for place in places} == {"deleted"}
    with tenancy.scope(account.organisation_id):
        rows = disposal.disposals_for(account.organisation_id, call_ids=[call_id])
        proofs = [proof for row in rows for proof in row.proofs if proof.get("how") == "api"]
        assert register.call_of(account.organisation_id, call_id).state == "erased"
    assert len(proofs) == len(places) == 2
    assert all(proof["answer"] == "gone" and proof["status"] == 404 for proof in proofs)
    assert all("answered 404" in proof["proof"] and proof["checked_at"] for proof in proofs)
    assert [entry.fields["what"]["answer"] for entry in entries.of("retention.location.asked")] == ["asked"]
    assert [entry.fields["what"]["how"] for entry in entries.of("retention.location.checked")] == ["api", "api"]


def test_what_was_needed_to_ask_ends_with_the_debt(account: Account) -> None:
    call_id = account.call()
    account.media.files.clear()
    account.far_end.deaf = True
    erase(account, call_id)
    with tenancy.scope(account.organisation_id):
        place = debt.lock_location(account.organisation_id, account.places(call_id)[0].id)
        assert debt.address_of(place)["external_id"] == "call-1"
    account.far_end.deaf, account.far_end.calls = False, set()
    later(account)
    with tenancy.scope(account.organisation_id):
        assert store.is_tombstoned(account.organisation_id, store.Scope(store.ScopeKind.LOCATION, place.id))
        with pytest.raises(store.KeyDestroyed):
            debt.address_of(account.places(call_id)[0])


@pytest.mark.parametrize(
    ("mood", "code"), [(500, "platform_unavailable"), (503, "platform_unavailable"), (429, "rate_limited")]
)
def test_a_platform_that_cannot_now_is_asked_again(account: Account, mood: int, code: str) -> None:
    call_id = account.call()
    account.media.files.clear()
    account.far_end.moods = [mood] * 2
    erase(account, call_id)
    found = account.places(call_id)
    assert {(place.state, place.last_code, place.attempts) for place in found} == {("present", code, 1)}
    assert tasks_of(account) == []
    later(account)
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}


def test_a_connection_that_breaks_proves_nothing(account: Account) -> None:
    call_id = account.call()
    account.media.files.clear()
    account.far_end.moods = ["hang up", "hang up"]
    erase(account, call_id)
    assert {place.state for place in account.places(call_id)} == {"present"}
    account.far_end.moods = [200, "hang up", "hang up"]  # the order is taken, and the proof does not come
    later(account)
    assert "confirmed_gone" not in {place.state for place in account.places(call_id)}
    account.far_end.calls.clear()
    later(account)
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}


def test_a_yes_after_which_the_call_is_still_there_is_debt(account: Account, time_machine: Any) -> None:
    call_id = account.call()
    account.media.files.clear()
    account.far_end.deaf = True
    erase(account, call_id)
    assert {place.last_code for place in account.places(call_id)} == {"still_there"}
    later(account)
    assert account.far_end.orders == 1, "not ordered again within a day"
    wait(time_machine, hours=25)
    later(account)
    assert account.far_end.orders == 2
    account.far_end.deaf = False
    wait(time_machine, hours=25)
    later(account)
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}


def test_a_link_that_still_answers_outweighs_the_platforms_word(account: Account) -> None:
    call_id = account.call()
    erase(account, call_id)  # the media server still has the file
    assert {place.last_code for place in account.places(call_id)} == {"link_answers"}
    account.media.files.clear()
    later(account)
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}


def test_not_found_from_the_wrong_account_is_no_proof(account: Account) -> None:
    """The failure that S3's 204 for a missing key is: a key of another account knows none of our calls."""
    call_id = account.call("call-1")
    account.call("call-2")
    account.media.files.clear()
    account.far_end.wrong_account = True
    erase(account, call_id)
    assert "account_doubtful" in {place.last_code for place in account.places(call_id)}
    assert {task.location.proof["reason"] for task in tasks_of(account)} == {"account_doubtful"}
    account.far_end.wrong_account = False
    account.far_end.calls.discard("call-1")
    later(account)
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}
    assert {task.state for task in tasks_of(account)} == {"needless"}


def test_not_found_is_believed_where_the_platform_proves_it(account: Account) -> None:
    """The call is gone by the platform's own clock; the account knows another one."""
    call_id = account.call("call-1")
    account.call("call-2")
    account.media.files.clear()
    account.far_end.calls.discard("call-1")
    erase(account, call_id)
    found = account.places(call_id)
    assert {place.state for place in found} == {"confirmed_gone"}
    assert {place.proof["order"] for place in found if "order" in place.proof} == {"not_found"}
    assert "GET call-2" in account.far_end.asked


def test_nothing_is_locked_while_the_platform_thinks(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    depth, seen, answer = len(connection.savepoint_ids), [], account.far_end.answer

    def answers(method: str, call_id: str) -> int:
        seen.append(len(connection.savepoint_ids))
        return answer(method, call_id)

    monkeypatch.setattr(account.far_end, "answer", answers)
    call_id = account.call()
    account.media.files.clear()
    erase(account, call_id)
    assert set(seen) == {depth}


def test_another_organisations_place_is_not_there(account: Account) -> None:
    call_id = account.call()
    erase(account, call_id)
    stranger = account.cast.outsider.actor
    for place in account.places(call_id):
        with pytest.raises(NotFound):
            upstream.settle_location(actor=stranger, location_id=place.id)


# --- a part of a call -------------------------------------------------------------------------------------------------


def dispose_recording(account: Account, call_id: UUID) -> None:
    with tenancy.scope(account.organisation_id):
        recording = register.recording_of(account.organisation_id, call_id)
    assert recording is not None
    disposal.begin_artifact_disposal(
        actor=account.clock, artifact_ids=[recording.id], ground=disposal.Ground.RETENTION_EXPIRED
    )
    account.jobs.drain()


def test_the_whole_call_leaves_the_platform_once_the_rest_is_stored_with_us(account: Account) -> None:
    call_id = account.call()
    account.media.files.clear()
    dispose_recording(account, call_id)
    assert account.far_end.orders == 1
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}
    with tenancy.scope(account.organisation_id):
        transcript = register.transcript_of(account.organisation_id, call_id)
        assert transcript is not None
        assert register.messages_in(transcript)


def test_the_platforms_only_copy_of_something_else_is_not_deleted(account: Account) -> None:
    missing = RecordingFacts(f"{account.media.url}/not-there.mp3", external_id="second")
    there = RecordingFacts(f"{account.media.url}/call-1.mp3")
    call_id = account.call(recordings=(there, missing))
    dispose_recording(account, call_id)
    assert account.far_end.orders == 0
    assert "others_not_secured" in {place.last_code for place in account.places(call_id)}


def test_a_hold_on_the_call_keeps_the_platforms_copy_until_its_release(account: Account, entries: Entries) -> None:
    call_id = account.call()
    account.media.files.clear()
    account.far_end.moods = [500] * 10
    dispose_recording(account, call_id)
    account.far_end.moods = []
    officer, colleague = account.cast.officer.actor, account.cast.colleague.actor
    hold = operations.place_hold(actor=officer, matter="case 9", reason="litigation", call_ids=[call_id])
    asked = list(account.far_end.asked)
    later(account)
    assert account.far_end.asked == asked
    assert [entry.fields["what"]["code"] for entry in entries.of("retention.location.deferred")] == ["held"]
    operations.propose_release(actor=officer, hold_id=hold.id)
    operations.approve_release(actor=colleague, hold_id=hold.id)
    later(account)
    assert {place.state for place in account.places(call_id)} == {"confirmed_gone"}


# --- what the platform says by itself ---------------------------------------------------------------------------------


def test_the_platforms_report_leads_to_a_check_and_is_no_proof(account: Account, jobs: Any) -> None:
    call_id = account.call()
    account.media.files.clear()
    account.far_end.deaf = True
    erase(account, call_id)
    for is_gone in (False, True):
        if is_gone:
            account.far_end.calls.clear()
        with tenancy.scope(account.organisation_id):
            from_intake = {"organisation_id": account.organisation_id, "object_id": call_id}
            queue_report(**from_intake)
        jobs.drain()
        states = {place.state for place in account.places(call_id)}
        assert states == ({"confirmed_gone"} if is_gone else states - {"confirmed_gone"})


def queue_report(*, organisation_id: UUID, object_id: UUID) -> None:
    from compliance import jobs as queue

    queue.enqueue_on_commit("retention.upstream_reported", organisation_id=organisation_id, object_id=object_id)


def test_an_erased_call_of_which_the_platform_speaks_again_is_deleted_there_again(
    account: Account, entries: Entries
) -> None:
    call_id = account.call()
    account.media.files.clear()
    erase(account, call_id)
    before = {place.id: place.proof for place in account.places(call_id)}
    account.far_end.calls.add("call-1")  # undead
    late = account.facts("call-1")
    account.media.files.clear()
    with pytest.raises(registering.CallErased):
        account.tell(late)
    account.jobs.drain()
    after = account.places(call_id)
    assert account.far_end.orders == 2
    assert "call-1" not in account.far_end.calls
    assert {place.state for place in after} == {"confirmed_gone"}
    assert {place.id: place.proof for place in after if place.id in before} == before
    assert len(after) == 4
    assert len(entries.of("retention.late_data.found")) == 1
    with tenancy.scope(account.organisation_id):
        assert register.call_of(account.organisation_id, call_id).external_id == ""


def test_a_late_word_without_data_asks_nobody(account: Account) -> None:
    call_id = account.call()
    account.media.files.clear()
    erase(account, call_id)
    asked = list(account.far_end.asked)
    with pytest.raises(registering.CallErased):
        account.tell(account.facts("call-1", recordings=(), transcript=()))
    account.jobs.drain()
    assert account.far_end.asked == asked


# --- tasks for a person -----------------------------------------------------------------------------------------------


@pytest.fixture
def locked_out(cast: Cast, far_end: FarEnd, media: Media, jobs: Any) -> Account:
    """A connection without a key of the API."""
    return open_account(cast, far_end, media, jobs, key="")


def test_without_credentials_a_person_asks_and_the_reason_shows(
    locked_out: Account, signed_in: Callable[[Member], APIClient]
) -> None:
    call_id = locked_out.call()
    erase(locked_out, call_id)
    assert locked_out.far_end.asked == []
    found = signed_in(locked_out.cast.officer).get("/api/v1/upstream-tasks?state=open").json()["results"]
    assert {(task["platform"], task["reason"], task["is_overdue"]) for task in found} == {
        ("vapi", "no_credentials", False)
    }
    owed = signed_in(locked_out.cast.officer).get("/api/v1/deletion-debt?platform=vapi").json()["results"]
    assert {(one["missing"], one["last_code"], one["attempts"]) for one in owed} == {
        ("credentials", "no_credentials", 1)
    }
    assert all(one["since"] and one["next_try"] for one in owed)
    assert signed_in(locked_out.cast.officer).get("/api/v1/deletion-debt?code=held").json()["results"] == []
    # Somebody enters the key: the platform is asked after all, and the tasks close by themselves.
    locked_out.media.files.clear()
    connectors.set_credential(
        actor=locked_out.cast.owner.actor, connection_id=locked_out.connection_id, name="api_key", value=KEY
    )
    later(locked_out)
    assert {place.state for place in locked_out.places(call_id)} == {"confirmed_gone"}
    assert {task.state for task in tasks_of(locked_out)} == {"needless"}


def test_evidence_is_checked_sealed_and_opened_with_an_entry(
    locked_out: Account, entries: Entries, signed_in: Callable[[Member], APIClient]
) -> None:
    erase(locked_out, locked_out.call())
    task = tasks_of(locked_out)[0]
    officer: Any = signed_in(locked_out.cast.officer)
    path = f"/api/v1/upstream-tasks/{task.id}/evidence"
    for content in (b"", b"<html>", b"PK\x03\x04zip", b"MZ\x00\x01", b"%PDF-" + b"x" * (10 * 1024 * 1024)):
        assert officer.generic("PUT", path, content, content_type="application/pdf").status_code == 400
    kept = officer.generic("PUT", path, PDF, content_type="application/octet-stream")
    assert (kept.status_code, kept.json()["evidence"]) == (200, "pdf")
    with tenancy.scope(locked_out.organisation_id):
        sealed = tasks_of(locked_out)[0].evidence
        assert sealed is not None
        assert sealed.scope.kind is store.ScopeKind.ORGANISATION
    opened: Any = officer.get(path)
    assert b"".join(opened.streaming_content) == PDF
    assert "attachment" in opened["Content-Disposition"]
    assert [entry.fields["cls"].value for entry in entries.of("retention.evidence.opened")] == ["access"]
    for other in (locked_out.cast.auditor, locked_out.cast.colleague):
        assert signed_in(other).get(path).status_code == 403
    assert signed_in(locked_out.cast.outsider).get(path).status_code == 404


def test_a_task_is_attested_with_its_document_only(locked_out: Account) -> None:
    call_id = locked_out.call()
    erase(locked_out, call_id)
    actor = locked_out.cast.officer.actor
    words = next(task for task in tasks_of(locked_out) if task.location.artifact.kind == "transcript")
    with pytest.raises(Conflict) as refused:
        tasks.attest_task(actor=actor, task_id=words.id, statement="support case 4711 says so")
    assert refused.value.code == "no_evidence"
    tasks.keep_evidence(actor=actor, task_id=words.id, content=PDF)
    with pytest.raises(NotAllowed):
        tasks.attest_task(
            actor=locked_out.cast.colleague.actor, task_id=words.id, statement="support case 4711 says so"
        )
    tasks.attest_task(actor=actor, task_id=words.id, statement="support case 4711 says so")
    place = next(place for place in locked_out.places(call_id) if place.id == words.location_id)
    assert (place.state, place.proof["how"]) == ("confirmed_gone", "attested")
    assert next(task for task in tasks_of(locked_out) if task.id == words.id).state == "done"
    with pytest.raises(Conflict):
        tasks.keep_evidence(actor=actor, task_id=words.id, content=PDF)


def test_an_address_that_answers_cannot_be_attested_away(locked_out: Account) -> None:
    call_id = locked_out.call()
    erase(locked_out, call_id)
    actor = locked_out.cast.officer.actor
    sound = next(task for task in tasks_of(locked_out) if task.location.artifact.kind == "recording")
    tasks.keep_evidence(actor=actor, task_id=sound.id, content=PDF)
    debt.check_location(actor=actor, location_id=sound.location_id)
    with pytest.raises(Conflict) as refused:
        tasks.attest_task(actor=actor, task_id=sound.id, statement="support case 4711 says so")
    assert refused.value.code == "probe_instead"


def test_take_task_is_the_officers(locked_out: Account) -> None:
    erase(locked_out, locked_out.call())
    task = tasks_of(locked_out)[0]
    with pytest.raises(NotAllowed):
        tasks.take_task(actor=locked_out.cast.auditor.actor, task_id=task.id)
    with pytest.raises(NotFound):
        tasks.take_task(actor=locked_out.cast.outsider.actor, task_id=task.id)
    officer = locked_out.cast.officer.actor
    assert tasks.take_task(actor=officer, task_id=task.id).assigned_to == officer.reference


# --- alarms -----------------------------------------------------------------------------------------------------------


def test_a_debt_is_told_after_a_day_and_after_a_week_once_each(
    account: Account, time_machine: Any, entries: Entries
) -> None:
    account.far_end.moods = [500] * 100
    call_id = account.call()
    erase(account, call_id)
    count = len(account.places(call_id))
    with structlog.testing.capture_logs() as lines:
        told = []
        for hours in (1, 24, 1, 24 * 6, 1):
            wait(time_machine, hours=hours)
            told.append(alarming.alarm_debt(actor=account.clock))
    assert told == [0, count, 0, count, 0]
    alarms = [entry.fields["what"]["after"] for entry in entries.of("retention.debt.alarmed")]
    assert alarms == ["day"] * count + ["week"] * count
    assert [line["log_level"] for line in lines if line["event"] == "retention.debt_alarm"] == ["error"] * 2 * count


def test_a_task_past_its_day_is_told_once(locked_out: Account, time_machine: Any, entries: Entries) -> None:
    erase(locked_out, locked_out.call())
    count = len(tasks_of(locked_out))
    wait(time_machine, days=14)
    assert alarming.alarm_debt(actor=locked_out.clock) == 0
    wait(time_machine, days=1)
    assert [alarming.alarm_debt(actor=locked_out.clock) for _ in range(2)] == [count, 0]
    assert {entry.fields["what"]["after"] for entry in entries.of("retention.debt.alarmed")} == {"task_overdue"}


def test_only_what_is_wanted_gone_is_ever_ordered(account: Account) -> None:
    call_id = account.call()
    for place in account.places(call_id):
        upstream.settle_location(actor=account.clock, location_id=place.id)
    assert account.far_end.orders == 0
    with tenancy.scope(account.organisation_id):
        assert not Disposal.objects.for_organisation(account.organisation_id).exists()


def test_evidence_that_is_none_is_named(locked_out: Account) -> None:
    erase(locked_out, locked_out.call())
    task = tasks_of(locked_out)[0]
    with pytest.raises(Invalid) as refused:
        tasks.keep_evidence(actor=locked_out.cast.officer.actor, task_id=task.id, content=b"\x00\x01")
    assert refused.value.code == "unknown_kind"


def test_scheduler_alone_never_opens_evidence_of_another_organisation(locked_out: Account) -> None:
    erase(locked_out, locked_out.call())
    task = tasks_of(locked_out)[0]
    other = Actor.scheduler(locked_out.cast.other_organisation.id)
    with pytest.raises(NotFound):
        tasks.open_evidence(actor=other, task_id=task.id)
