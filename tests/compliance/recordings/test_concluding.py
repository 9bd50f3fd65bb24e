"""What was worked out of a call's words follows the words: sealed with them, made again, and gone with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Gone, NotFound
from compliance.recordings import access
from compliance.recordings.insights import conclusions
from compliance.recordings.insights.spans import SpanKind
from compliance.recordings.models import Artifact, CallInsights
from compliance.recordings.operations import concluding, erasing, placing
from compliance.recordings.operations.concluding import Opened
from compliance.recordings.places import End, Source
from compliance.recordings.states import ArtifactState
from compliance.recordings.tasks import check_insights
from compliance.retention import disposal
from compliance.retention.grounds import Ground
from compliance.retention.operations import replaying
from compliance.vault import scopes, store
from compliance.vault.models import SealedObject
from tests.compliance.calls import Entries, Line, work
from tests.compliance.recordings import talks
from tests.compliance.vault.conftest import store_folder

__all__ = ["store_folder"]

JOB = "recordings.conclude_transcript"
NUMBER = "Call four one five, five five five, oh one three three, I am very angry."


def say(line: Line, name: str, *contents: str, is_concluded: bool = True, **fields: Any) -> UUID:
    """A call in which the caller said this, looked through as the worker does it; its id."""
    contents = tuple(turn for content in contents for turn in ("Hello.", content))
    id_ = talks.say(line, name, *contents, is_indexed=False, **fields)
    if is_concluded:
        work(JOB)
    return id_


def opened(line: Line, call_id: UUID) -> Opened:
    return concluding.open_insights(actor=line.actor, call_id=call_id, purpose="training")


def kinds(line: Line, call_id: UUID) -> list[str]:
    return [span.kind.value for span in opened(line, call_id).insights.spans]


def rows(line: Line) -> dict[UUID, CallInsights]:
    with tenancy.scope(line.organisation_id):
        return {row.call_id: row for row in CallInsights.objects.for_organisation(line.organisation_id)}


def transcript(line: Line, call_id: UUID) -> Artifact:
    with tenancy.scope(line.organisation_id):
        one = access.transcript_of(line.organisation_id, call_id)
    assert one is not None
    return one


def scheduler(line: Line) -> Actor:
    return Actor.scheduler(line.organisation_id)


# --- made and kept ----------------------------------------------------------------------------------------------------


def test_what_was_said_is_worked_out_once_its_words_are_stored(line: Line, entries: Entries) -> None:
    id_ = say(line, "one", NUMBER)
    entries.clear()
    found = opened(line, id_)
    (span,) = found.insights.spans
    assert (span.kind, span.turn, span.hint) == (SpanKind.PHONE, 1, "…33")
    assert found.insights.regions == ("US",)  # from the number that was called
    assert found.insights.sentiment.feeling.value == "negative"
    assert (found.version, found.method, found.is_current) == (1, conclusions.METHOD, True)
    (entry,) = entries
    assert (entry.event, entry.cls, entry.obj) == ("recordings.insights.opened", "access", ("call", id_))
    assert entry.what == {"artifact": str(transcript(line, id_).id), "version": 1, "method": conclusions.METHOD}
    assert entry.identifying == {"purpose": "training"}


def test_nothing_of_it_stands_in_clear(line: Line) -> None:
    say(line, "one", "Write to jane.doe@example.com, I am very angry.")
    (row,) = rows(line).values()
    assert row.sealed is not None
    with tenancy.scope(line.organisation_id), connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(i)::text FROM recordings_callinsights i")
        ((text,),) = cursor.fetchall()
    for word in (b"email", b"vader", b"negative", b"spans"):
        assert word not in bytes(row.sealed)
        assert word.decode() not in text


def test_what_another_transcripts_row_holds_does_not_open_here(line: Line) -> None:
    one, two = say(line, "one", NUMBER), say(line, "two", "Write to jane@example.com.")
    with tenancy.scope(line.organisation_id):
        mine = CallInsights.objects.for_organisation(line.organisation_id)
        mine.filter(call_id=one).update(sealed=bytes(rows(line)[two].sealed or b""))
    with pytest.raises(store.Unreadable):
        opened(line, one)


def test_until_then_it_is_pending_and_asked_for(line: Line) -> None:
    id_ = say(line, "one", NUMBER, is_concluded=False)
    with pytest.raises(Conflict) as refused:
        opened(line, id_)
    assert refused.value.code == "insights_pending"
    assert work(JOB) == [JOB]
    assert kinds(line, id_) == ["phone"]


def test_a_call_without_words_has_none(line: Line) -> None:
    line.deliver(transcription=None, recordingUrl=None)
    with pytest.raises(NotFound) as refused:
        opened(line, line.call().id)
    assert refused.value.code == "no_transcript"
    assert not concluding.conclude_call(line.organisation_id, line.call().id)


def test_twice_is_once(line: Line) -> None:
    id_ = say(line, "one", NUMBER)
    assert concluding.conclude_call(line.organisation_id, id_)
    assert list(rows(line)) == [id_]


# --- made again -------------------------------------------------------------------------------------------------------


def test_a_newer_transcript_is_looked_through_and_an_older_ones_findings_are_not_shown(line: Line) -> None:
    id_ = say(line, "one", NUMBER)
    say(line, "one", "Write to jane@example.com.", is_concluded=False)
    with pytest.raises(Conflict):
        opened(line, id_)
    work(JOB)
    assert kinds(line, id_) == ["email"]
    assert opened(line, id_).version == 2


def test_a_newer_method_goes_over_the_calls_again(line: Line, outside_line: Line) -> None:
    id_ = say(line, "one", NUMBER)
    check_insights()
    assert work(JOB) == []
    with tenancy.scope(line.organisation_id):
        CallInsights.objects.for_organisation(line.organisation_id).update(method=conclusions.METHOD - 1)
    assert not opened(line, id_).is_current
    assert work(JOB) == [JOB]
    assert opened(line, id_).is_current
    with tenancy.scope(line.organisation_id):
        CallInsights.objects.for_organisation(line.organisation_id).delete()
    check_insights()
    assert work(JOB) == [JOB]
    assert kinds(line, id_) == ["phone"]


def test_places_that_are_set_later_count(line: Line) -> None:
    id_ = say(line, "one", "It is 020 7946 0958.")
    assert kinds(line, id_) == []
    placing.set_places(actor=line.actor, call_id=id_, words=[placing.Word(End.CALLER, "GB", Source.OFFICER)])
    assert work(JOB) == [JOB]
    assert kinds(line, id_) == ["phone"]


def test_unreadable_words_are_tried_once_by_a_method_and_stop_nobody(line: Line) -> None:
    id_ = say(line, "one", NUMBER, is_concluded=False)
    whole = say(line, "two", NUMBER, is_concluded=False)
    with tenancy.scope(line.organisation_id):
        sealed = transcript(line, id_).object
        assert sealed is not None
        assert sealed.inline is not None
        inline = bytes(sealed.inline)
        mine = SealedObject.objects.for_organisation(line.organisation_id).filter(id=sealed.id)
        mine.update(inline=inline[:-1] + bytes([inline[-1] ^ 1]))
    work(JOB)
    assert rows(line)[id_].sealed is None
    assert kinds(line, whole) == ["phone"]
    with pytest.raises(store.Unreadable):
        opened(line, id_)
    check_insights()
    assert work(JOB) == []


# --- away with the words ----------------------------------------------------------------------------------------------


def test_an_erased_calls_go_in_the_deciding_transaction(line: Line) -> None:
    gone, stays = say(line, "gone", NUMBER), say(line, "stays", NUMBER)
    disposal.begin_call_disposal(actor=scheduler(line), call_id=gone, ground=Ground.ERASURE_REQUEST)
    assert list(rows(line)) == [stays]
    with pytest.raises(Gone):
        opened(line, gone)
    work("retention.carry_out", JOB)
    check_insights()
    assert work(JOB) == []
    assert list(rows(line)) == [stays]
    assert kinds(line, stays) == ["phone"]


def test_they_go_when_a_schedule_takes_the_transcript_and_not_before(line: Line) -> None:
    gone, stays = say(line, "gone", NUMBER), say(line, "stays", NUMBER)
    with tenancy.scope(line.organisation_id):
        (artifact,) = erasing.lock_batch(line.organisation_id, [transcript(line, gone).id])
        erasing.move_batch([artifact], ArtifactState.DUE)
    assert set(rows(line)) == {gone, stays}
    assert kinds(line, gone) == ["phone"]
    with tenancy.scope(line.organisation_id):
        (artifact,) = erasing.lock_batch(line.organisation_id, [artifact.id])
        erasing.move_batch([artifact], ArtifactState.DELETING)
    assert list(rows(line)) == [stays]
    assert work(JOB) == []
    with pytest.raises(NotFound):
        opened(line, gone)


def test_of_two_versions_the_other_one_is_looked_through(line: Line) -> None:
    id_ = say(line, "one", NUMBER)
    say(line, "one", "Write to jane@example.com.")
    with tenancy.scope(line.organisation_id):
        artifact = erasing.lock_artifact(line.organisation_id, transcript(line, id_).id)
        erasing.move_artifact(artifact, ArtifactState.DUE)
        erasing.move_artifact(artifact, ArtifactState.DELETING)
    assert rows(line) == {}
    work(JOB)
    assert kinds(line, id_) == ["phone"]


def test_a_job_that_comes_after_the_erasure_writes_nothing(line: Line) -> None:
    id_ = say(line, "one", NUMBER, is_concluded=False)
    disposal.begin_call_disposal(actor=scheduler(line), call_id=id_, ground=Ground.ERASURE_REQUEST)
    assert work(JOB) == [JOB]
    assert rows(line) == {}


def test_an_erasure_between_looking_and_keeping_wins(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    id_, conclude = say(line, "one", NUMBER, is_concluded=False), conclusions.conclude

    def overtaken(*args: Any, **options: Any) -> Any:
        disposal.begin_call_disposal(actor=scheduler(line), call_id=id_, ground=Ground.ERASURE_REQUEST)
        return conclude(*args, **options)

    monkeypatch.setattr(conclusions, "conclude", overtaken)
    assert not concluding.conclude_call(line.organisation_id, id_)
    assert rows(line) == {}


def test_a_call_that_is_not_erased_after_all_is_looked_through_again(line: Line) -> None:
    id_ = say(line, "one", NUMBER)
    with tenancy.scope(line.organisation_id):
        call = erasing.lock_call(line.organisation_id, id_)
        erasing.mark_call_erasing(call)
    assert rows(line) == {}
    with tenancy.scope(line.organisation_id):
        erasing.mark_call_active(erasing.lock_call(line.organisation_id, id_))
    work(JOB)
    assert kinds(line, id_) == ["phone"]


def test_with_a_persons_key_everything_about_them_ends(line: Line) -> None:
    """Even where the row is still there, as a thief's copy of it might be."""
    id_ = say(line, "one", NUMBER, phoneNumber="+14155550199", contactId="other", contactName="Ann Lee")
    with tenancy.scope(line.organisation_id):
        (subject_id,) = access.principals(line.organisation_id, id_)
        cause = log.append(
            actor=scheduler(line),
            event="recordings.call.updated",
            organisation_id=line.organisation_id,
            obj=("subject", subject_id),
            cls=log.EntryClass.DECISION,
        )
        store.begin_destruction(line.organisation_id, [scopes.subject(subject_id)], ground="test", cause=cause)
    assert list(rows(line)) == [id_]
    with pytest.raises(store.KeyDestroyed):
        opened(line, id_)
    assert not concluding.conclude_call(line.organisation_id, id_)


def test_what_a_restored_backup_brings_back_goes_with_the_replay(committed_line: Line, store_folder: Path) -> None:
    line = committed_line
    gone, stays = say(line, "gone", NUMBER), say(line, "stays", NUMBER)
    kept = rows(line)[gone]
    disposal.begin_call_disposal(actor=scheduler(line), call_id=gone, ground=Ground.ERASURE_REQUEST)
    work("retention.carry_out")
    with tenancy.scope(line.organisation_id):
        CallInsights.objects.create(
            organisation_id=line.organisation_id,
            call_id=gone,
            artifact_id=kept.artifact_id,
            method=kept.method,
            sealed=kept.sealed,
        )
    assert set(rows(line)) == {gone, stays}
    replaying.replay_everything()
    assert list(rows(line)) == [stays]
    assert kinds(line, stays) == ["phone"]
