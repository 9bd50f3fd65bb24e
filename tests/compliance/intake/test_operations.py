from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.test import Client

from accounts import due_work, tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from accounts.models import DueWork
from compliance import holdings
from compliance.errors import Conflict, NotFound
from compliance.intake import access, operations
from compliance.intake.models import Delivery
from compliance.recordings import access as register
from compliance.recordings.operations import erasing
from compliance.vault import scopes, store
from tests.cast import Cast
from tests.compliance.calls import MARIA, Entries, Line, Media, body_of, call_data, respond, work


def delivery(line: Line, id_: UUID) -> Delivery:
    with tenancy.scope(line.organisation_id):
        found: Delivery = access.deliveries(line.organisation_id).select_related("object").get(id=id_)
        return found


def send(line: Line, body: bytes) -> Delivery:
    answer = line.post(body)
    work("intake.process_delivery")
    return delivery(line, UUID(answer.json()["delivery"]))


def test_a_call_is_registered_and_its_body_goes_under_its_key(line: Line, entries: Entries) -> None:
    done = delivery(line, line.deliver())
    call = line.call()
    assert (done.state, done.call_id, done.object) == ("processed", call.id, None)
    body = line.artifacts()["delivery"]
    with tenancy.scope(line.organisation_id):
        assert body.object is not None
        assert body.object.scope == register.call_scope(line.organisation_id, call.id)
        assert store.open_bytes(body.object) == body_of()
    (entry,) = entries.of("intake.delivery.processed")
    assert entry.obj == ("delivery", done.id)
    assert entry.what == {"connection": str(line.connection.id), "call": str(call.id), "calls": 1}


def test_the_copy_under_the_days_key_is_gone(line: Line) -> None:
    answer = line.post(body_of())
    before = delivery(line, UUID(answer.json()["delivery"])).object
    assert before is not None
    work("intake.process_delivery")
    with tenancy.scope(line.organisation_id):
        after = store.sealed_object(line.organisation_id, before.id)
        assert after.deleted_at is not None
        assert store.prove_absent(after).absent


def test_processing_twice_changes_nothing(line: Line, entries: Entries) -> None:
    done = line.deliver()
    heard = len(entries)
    operations.process_delivery(actor=Actor.scheduler(line.organisation_id), delivery_id=done)
    assert len(entries) == heard
    assert delivery(line, done).state == "processed"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_utf8"),
        (b"[1]", "not_an_object"),
        (b'{"a":1,"a":2}', "duplicate_key"),
        (b'{"callData": {"duration": 3}}', "missing_field"),
        (b'{"callData": {"id": "x", "startTime": "yesterday"}}', "bad_time"),
        (b" ", "not_json"),
    ],
)
def test_what_cannot_be_read_is_quarantined_and_visible(line: Line, entries: Entries, body: bytes, code: str) -> None:
    done = send(line, body)
    assert (done.state, done.code) == ("quarantined", code)
    assert entries.of("intake.delivery.quarantined")[0].what["code"] == code
    with tenancy.scope(line.organisation_id):
        (artifact,) = register.artifacts(line.organisation_id)
        assert (artifact.kind, artifact.call_id, artifact.state) == ("delivery", None, "quarantined")
    assert ("retention.assign_artifact", artifact.id) in {(name, id_) for name, _, id_ in due_work.overdue(10)}


def test_a_quarantined_delivery_is_read_again_by_an_officer(line: Line, cast: Cast, entries: Entries) -> None:
    done = send(line, b"not json")
    with pytest.raises(NotAllowed):
        operations.replay_delivery(actor=cast.colleague.actor, delivery_id=done.id)
    with pytest.raises(NotFound):
        operations.replay_delivery(actor=cast.outsider.actor, delivery_id=done.id)
    operations.replay_delivery(actor=cast.officer.actor, delivery_id=done.id)
    assert work("intake.process_delivery") == ["intake.process_delivery"]
    assert delivery(line, done.id).state == "quarantined"
    assert len(entries.of("intake.delivery.replayed")) == 1
    with tenancy.scope(line.organisation_id):
        assert register.artifacts(line.organisation_id).count() == 1


def test_after_the_reader_is_mended_the_copy_without_call_is_closed(
    line: Line, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compliance.connectors.providers.base import Unparseable
    from compliance.connectors.providers.dialgen import DialGen

    def broken(self: DialGen, raw_body: bytes) -> None:
        raise Unparseable("wrong_type")

    with monkeypatch.context() as patch:
        patch.setattr(DialGen, "parse", broken)
        done = send(line, body_of())
    operations.replay_delivery(actor=cast.officer.actor, delivery_id=done.id)
    work("intake.process_delivery")
    assert delivery(line, done.id).state == "processed"
    with tenancy.scope(line.organisation_id):
        unclaimed = register.artifacts(line.organisation_id).get(call=None)
        (place,) = register.locations_of(line.organisation_id, unclaimed.id)
    assert (unclaimed.state, unclaimed.deletion_ground, place.state) == ("deleted", "sealed_again", "confirmed_gone")


def test_a_processed_delivery_is_not_replayed(line: Line, cast: Cast) -> None:
    done = line.deliver()
    with pytest.raises(Conflict):
        operations.replay_delivery(actor=cast.officer.actor, delivery_id=done)


def test_the_end_of_a_batch_is_noted_with_its_counts(line: Line, entries: Entries) -> None:
    batch = {"event": "batch.completed", "batchId": "b", "statistics": {"total": 3, "succeeded": 2, "failed": 1}}
    done = send(line, json.dumps(batch).encode())
    assert (done.state, done.event, done.code) == ("processed", "batch", "batch_completed")
    assert done.object is not None  # it speaks of no call: kept by itself until its time is over
    (entry,) = entries.of("intake.delivery.processed")
    assert (entry.what["total"], entry.what["succeeded"], entry.what["failed"]) == (3, 2, 1)


def test_a_platforms_word_for_an_event_is_shown_only_where_it_is_a_word(line: Line) -> None:
    assert send(line, json.dumps({"event": "call.rated"}).encode()).event == "call.rated"
    assert send(line, json.dumps({"event": "Maria Delgado called"}).encode()).event == "unnamed"
    assert delivery(line, line.deliver()).event == "call"


def test_an_unknown_event_is_kept_with_the_call_that_it_names(line: Line) -> None:
    line.deliver()
    done = send(line, json.dumps({"event": "call.rated", "id": "call_9f31", "batchId": "call_9f31"}).encode())
    assert done.state == "ignored"
    assert done.call_id == line.call().id


def test_an_unknown_event_about_nothing_is_kept_by_itself(line: Line) -> None:
    done = send(line, json.dumps({"event": "account.renamed"}).encode())
    assert (done.state, done.code) == ("ignored", "unknown_event")
    assert done.object is not None


def test_a_body_about_several_calls_is_read_and_not_kept(line: Line) -> None:
    body = {"success": True, "calls": [call_data(id="a"), call_data(id="b", contactId="contact_2")]}
    done = send(line, json.dumps(body).encode())
    assert (done.state, done.code, done.object) == ("processed", "body_not_kept", None)
    assert {line.call("a").state, line.call("b").state} == {"active"}


def erase(line: Line) -> None:
    call = line.call()
    with tenancy.scope(line.organisation_id):
        locked = erasing.lock_call(line.organisation_id, call.id)
        erasing.mark_call_erasing(locked)
        erasing.mark_call_erased(locked)


def test_a_tombstone_beats_everything(line: Line, entries: Entries) -> None:
    line.deliver()
    call = line.call()
    erase(line)
    answer = line.post(body_of(transcription=[{"role": "user", "content": "late words"}]))
    assert answer.status_code == 202  # the platform need not know
    work("intake.process_delivery")
    late = delivery(line, UUID(answer.json()["delivery"]))
    assert (late.state, late.code, late.object) == ("refused", "call_erased", None)
    (entry,) = entries.of("recordings.call.refused")
    assert (entry.obj, entry.outcome) == (("call", call.id), "refused")
    assert len(entries.of("intake.delivery.refused")) == 1
    with tenancy.scope(line.organisation_id):
        kept = register.call_of(line.organisation_id, call.id)
        assert (kept.state, kept.sealed_facts, kept.external_id) == ("erased", None, "")
        assert register.calls(line.organisation_id).count() == 1


def test_an_unknown_event_about_an_erased_call_is_refused_too(line: Line) -> None:
    line.deliver()
    erase(line)
    done = send(line, json.dumps({"event": "call.rated", "id": "call_9f31", "batchId": "call_9f31"}).encode())
    assert (done.state, done.object) == ("refused", None)


def test_no_personal_data_in_log_lines_or_jobs(line: Line, media: Media, log_lines: io.StringIO) -> None:
    media.answer = respond(b"", status="404 Not Found")
    line.deliver(recordingUrl=media.url)
    line.post(b'{"callData": {"id": "x", "startTime": "Maria Delgado"}}')
    line.post(body_of(), token="wrong")
    Client().post(f"{line.path}/{line.token}", b"x", content_type="text/plain")
    work("intake.process_delivery", "recordings.fetch_recording")
    assert "recording not fetched" in log_lines.getvalue()
    written = log_lines.getvalue() + str([vars(row) for row in DueWork.objects.all()])
    for secret in (*MARIA.values(), "signature=xyz", line.token, "maria.delgado"):
        assert secret not in written


class TestDayKeys:
    def test_the_key_of_a_finished_day_ends(self, committed_line: Line, entries: Entries) -> None:
        line, today = committed_line, datetime.now(UTC).date()
        scheduler = Actor.scheduler(line.organisation_id)
        line.deliver()
        assert operations.retire_delivery_keys(actor=scheduler, before=today) == 0
        assert operations.retire_delivery_keys(actor=scheduler, before=today + timedelta(days=1)) == 1
        assert store.is_tombstoned(line.organisation_id, scopes.delivery(line.connection.id, today))
        assert len(entries.of("intake.delivery_keys.retired")) == 1
        assert operations.retire_delivery_keys(actor=scheduler, before=today + timedelta(days=1)) == 0
        with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
            assert line.post(body_of(id="tomorrow")).status_code == 202

    def test_a_day_with_unread_bodies_waits(self, committed_line: Line) -> None:
        committed_line.post(b"not json")
        work("intake.process_delivery")
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        scheduler = Actor.scheduler(committed_line.organisation_id)
        assert operations.retire_delivery_keys(actor=scheduler, before=tomorrow) == 0


def test_the_holding_finds_a_person_in_unread_bodies(line: Line) -> None:
    line.deliver()
    hers = send(line, b'{"note": "call +1 (415) 555-0132 back"')
    send(line, b'{"note": "somebody else"')
    with tenancy.scope(line.organisation_id):
        (subject,) = register.principals(line.organisation_id, line.call().id)
        located = holdings.locate_everywhere(line.organisation_id, [subject])
        (mine,) = located["intake"]
        assert register.artifact_of(line.organisation_id, mine).variant == hers.id.hex
        assert len(located["recordings"]) == 4
