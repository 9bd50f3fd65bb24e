"""The search index follows the transcripts: away with them at once, and built anew where it was lost."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import due_work, tenancy
from accounts.actors import Actor
from accounts.models import DueWork
from audit import log
from compliance.recordings import access, search
from compliance.recordings.models import Artifact, SearchCoverage
from compliance.recordings.operations import erasing, indexing, rebuilding
from compliance.recordings.operations.searching import Box, Count
from compliance.recordings.states import ArtifactState
from compliance.recordings.tasks import check_search
from compliance.retention import disposal
from compliance.retention.grounds import Ground
from compliance.vault import scopes, store
from compliance.vault.models import SealedObject
from tests.compliance.calls import Entries, Line, work
from tests.compliance.recordings import talks
from tests.compliance.recordings.talks import found, indexed, lose_index, say
from tests.database import Databases


def transcript(line: Line, call_id: UUID) -> Artifact:
    with tenancy.scope(line.organisation_id):
        one = access.transcript_of(line.organisation_id, call_id)
    assert one is not None
    return one


def scheduler(line: Line) -> Actor:
    return Actor.scheduler(line.organisation_id)


def rebuild(line: Line, **options: Any) -> bool:
    return rebuilding.rebuild(actor=scheduler(line), **options)


# --- away with the transcript -----------------------------------------------------------------------------------------


def test_an_erased_call_leaves_the_index_in_the_deciding_transaction(line: Line) -> None:
    gone, stays = say(line, "gone", "The chargeback."), say(line, "stays", "The chargeback.")
    disposal.begin_call_disposal(actor=scheduler(line), call_id=gone, ground=Ground.ERASURE_REQUEST)
    assert indexed(line) == {stays}
    assert found(line, "chargeback") == found(line, "ch") == [stays]
    work("retention.carry_out", *talks.INDEXING)
    rebuild(line, is_fresh=True)
    assert indexed(line) == {stays}


def test_a_transcript_that_a_schedule_takes_leaves_the_index(line: Line) -> None:
    gone, stays = say(line, "gone", "The chargeback."), say(line, "stays", "The chargeback.")
    with tenancy.scope(line.organisation_id):
        (artifact,) = erasing.lock_batch(line.organisation_id, [transcript(line, gone).id])
        erasing.move_batch([artifact], ArtifactState.DUE)
        assert indexed(line) == {gone, stays}
        erasing.move_batch([artifact], ArtifactState.DELETING)
    assert indexed(line) == {stays}
    assert found(line, "chargeback") == [stays]
    assert work(*talks.INDEXING) == []


def test_what_is_left_of_two_versions_is_indexed_in_place_of_the_other(line: Line) -> None:
    id_ = say(line, "one", "The first wording.")
    say(line, "one", "The second wording.")
    with tenancy.scope(line.organisation_id):
        artifact = erasing.lock_artifact(line.organisation_id, transcript(line, id_).id)
        erasing.move_artifact(artifact, ArtifactState.DUE)
        erasing.move_artifact(artifact, ArtifactState.DELETING)
    assert found(line, "first wording") == [id_]  # it waits for the index, and is looked at
    talks.index()
    assert indexed(line) == {id_}
    assert found(line, "first wording") == [id_]
    assert found(line, "second wording") == []


def test_the_words_of_a_person_whose_key_ended_are_not_found(line: Line) -> None:
    """Even where the index still knows them, as a thief's copy of it might."""
    gone = say(line, "gone", "The chargeback.", phoneNumber="+14155550199", contactId="other", contactName="Ann Lee")
    stays = say(line, "stays", "The chargeback.")
    with tenancy.scope(line.organisation_id):
        (subject_id,) = access.principals(line.organisation_id, gone)
        cause = log.append(
            actor=scheduler(line),
            event="recordings.call.updated",
            organisation_id=line.organisation_id,
            obj=("subject", subject_id),
            cls=log.EntryClass.DECISION,
        )
        store.begin_destruction(line.organisation_id, [scopes.subject(subject_id)], ground="test", cause=cause)
    assert indexed(line) == {gone, stays}
    assert found(line, "chargeback") == found(line, "ch") == [stays]
    rebuild(line, is_fresh=True)
    assert indexed(line) == {stays}


def test_a_job_that_comes_after_the_erasure_writes_nothing(line: Line) -> None:
    id_ = say(line, "one", "The chargeback.", is_indexed=False)
    disposal.begin_call_disposal(actor=scheduler(line), call_id=id_, ground=Ground.ERASURE_REQUEST)
    assert "recordings.index_transcript" in work(*talks.INDEXING)
    assert indexed(line) == set()


def test_a_call_that_is_not_erased_after_all_is_indexed_again(line: Line) -> None:
    id_ = say(line, "one", "The chargeback.")
    with tenancy.scope(line.organisation_id):
        call = erasing.lock_call(line.organisation_id, id_)
        erasing.mark_call_erasing(call)
        assert indexed(line) == set()
        erasing.mark_call_active(call)
    talks.index()
    assert found(line, "chargeback") == [id_]


def test_an_unreadable_transcript_is_counted_and_stops_nobody(line: Line) -> None:
    broken, whole = say(line, "broken", "The chargeback."), say(line, "whole", "The chargeback.", hours=-1)
    with tenancy.scope(line.organisation_id):
        sealed = transcript(line, broken).object
        assert sealed is not None
        assert sealed.inline is not None
        inline = bytes(sealed.inline)
        rows = SealedObject.objects.for_organisation(line.organisation_id).filter(id=sealed.id)
        rows.update(inline=inline[:-1] + bytes([inline[-1] ^ 1]))
    for words in ("chargeback", "ch"):
        answer = talks.search(line, words)
        assert ([hit.position.id for hit in answer.hits], answer.unreadable) == ([whole], 1)
    rebuild(line, is_fresh=True)
    assert indexed(line) == {whole}


def test_an_index_that_is_far_behind_says_so(line: Line) -> None:
    """More calls wait than a search looks at: the answer is not called whole, nor its count exact."""
    id_ = say(line, "one", "The chargeback.")
    assert talks.search(line, "chargeback").count == Count(1, "exact")
    with tenancy.scope(line.organisation_id):
        for _ in range(search.WAITING_MOST + 1):
            due_work.add(search.INDEX_JOB, organisation_id=line.organisation_id, object_id=uuid4())
    answer = talks.search(line, "chargeback")
    assert [hit.position.id for hit in answer.hits] == [id_]
    assert answer.coverage.is_behind
    assert answer.count != Count(1, "exact")


# --- lost and built anew ----------------------------------------------------------------------------------------------


def test_the_tables_are_unlogged_and_so_out_of_backups(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, relpersistence::text FROM pg_class WHERE relname LIKE 'recordings_search%'"
            " AND relkind = 'r' ORDER BY 1"
        )
        assert cursor.fetchall() == [("recordings_searchcoverage", "u"), ("recordings_searchentry", "u")]


def test_after_a_crash_the_answer_says_so_finds_all_the_same_and_has_it_rebuilt(line: Line) -> None:
    ids = [say(line, f"call_{number}", "The chargeback.", hours=-number) for number in range(3)]
    lose_index(line)
    answer = talks.search(line, "chargeback")
    assert [hit.position.id for hit in answer.hits] == ids
    assert not answer.coverage.is_complete
    assert indexed(line) == set()
    assert talks.index() == ["recordings.rebuild_search"]
    assert indexed(line) == set(ids)
    again = talks.search(line, "chargeback")
    assert ([hit.position.id for hit in again.hits], again.coverage.is_complete) == (ids, True)


def test_after_a_crash_a_search_that_is_cut_short_says_how_far_back_it_went(line: Line) -> None:
    oldest = say(line, "oldest", "The chargeback.", is_indexed=False)
    for number in range(110):
        say(line, f"call_{number}", "Nothing of note.", hours=number + 1, is_indexed=False)
    lose_index(line)
    DueWork.objects.filter(job="recordings.index_transcript").delete()
    answer = talks.search(line, "chargeback", box=Box(seconds=0, calls=1))
    assert (list(answer.hits), answer.count) == ([], Count(0, "at_least"))
    assert answer.after is not None
    assert answer.after.at > talks.BEGAN
    assert not answer.coverage.is_complete
    assert found(line, "chargeback", after=answer.after) == [oldest]


def test_a_rebuild_goes_on_where_it_stopped_and_is_used_as_far_as_it_came(line: Line, entries: Entries) -> None:
    ids = [say(line, f"call_{number}", f"The chargeback {number}.", hours=-number) for number in range(5)]
    lose_index(line)
    entries.clear()
    actor, blinder = scheduler(line), store.blinder(line.organisation_id)
    indexing.begin_rebuild(actor=actor)
    step = indexing.continue_rebuild(actor=actor, blinder=blinder, size=2)
    assert (step.looked_at, step.indexed, step.is_finished) == (2, 2, False)
    assert indexed(line) == set(ids[:2])
    answer = talks.search(line, "chargeback")
    assert [hit.position.id for hit in answer.hits] == ids
    assert not answer.coverage.is_complete
    assert found(line, "chargeback 4") == [ids[4]]
    pages, after = [], None
    for _ in range(9):
        answer = talks.search(line, "chargeback", limit=1, after=after)
        pages += [hit.position.id for hit in answer.hits]
        after = answer.after
        if after is None:
            break
    assert pages == ids
    assert rebuild(line)
    assert indexed(line) == set(ids)
    assert talks.search(line, "chargeback").coverage.is_complete
    built = [entry for entry in entries if entry.event.startswith("recordings.search_index")]
    assert [entry.event for entry in built] == ["recordings.search_index.build_begun", "recordings.search_index.built"]
    assert built[1].what == {"indexed": 5}


def test_a_rebuild_that_is_finished_opens_nothing_again(line: Line) -> None:
    say(line, "one", "The chargeback.")
    assert rebuild(line)
    with tenancy.scope(line.organisation_id):
        SearchCoverage.objects.for_organisation(line.organisation_id).update(
            finished_at=None, reached_at=None, reached_id=None, indexed=0
        )
    steps: list[indexing.Progress] = []
    assert rebuild(line, tell=steps.append)
    assert [(step.looked_at, step.indexed) for step in steps] == [(1, 0)]


def test_a_rebuild_stops_when_its_time_is_over_and_says_that_it_is_not_whole(line: Line) -> None:
    for number in range(3):
        say(line, f"call_{number}", "The chargeback.", hours=number)
    lose_index(line)
    assert not rebuild(line, seconds=0, size=1)
    assert len(indexed(line)) == 1
    assert rebuild(line)
    assert len(indexed(line)) == 3


def test_the_scheduler_finds_an_index_that_a_crash_has_emptied(line: Line, outside_line: Line) -> None:
    id_ = say(line, "one", "The chargeback.")
    check_search()
    assert talks.index() == []
    lose_index(line)
    check_search()
    assert talks.index() == ["recordings.rebuild_search"]
    assert indexed(line) == {id_}


def test_the_command_builds_shows_how_far_it_is_and_goes_on(line: Line) -> None:
    ids = {say(line, f"call_{number}", "The chargeback.", hours=number) for number in range(3)}
    lose_index(line)
    out = io.StringIO()
    call_command("rebuild_search", "--organisation", str(line.organisation_id), stdout=out)
    assert f"{line.organisation_id}: the index is whole; 3 calls were indexed now." in out.getvalue()
    assert indexed(line) == ids
    call_command("rebuild_search", "--organisation", str(line.organisation_id), stdout=out)
    assert "0 calls were indexed now" in out.getvalue()
    call_command("rebuild_search", "--fresh", stdout=out)
    assert out.getvalue().count("3 calls were indexed now") == 2
    with pytest.raises(CommandError, match="no such organisation"):
        call_command("rebuild_search", "--organisation", str(UUID(int=1)))


def test_a_real_truncation_by_the_owner_is_noticed(committed_line: Line, committed_db: Databases) -> None:
    """What Postgres does with unlogged tables when it starts after a crash."""
    id_ = say(committed_line, "one", "The chargeback.")
    with psycopg.connect(committed_db.owner_url, autocommit=True) as owner:
        owner.execute("TRUNCATE recordings_searchentry, recordings_searchcoverage")
    answer = talks.search(committed_line, "chargeback")
    assert ([hit.position.id for hit in answer.hits], answer.coverage.is_complete) == ([id_], False)
    assert talks.index() == ["recordings.rebuild_search"]
    assert talks.search(committed_line, "chargeback").coverage.is_complete
