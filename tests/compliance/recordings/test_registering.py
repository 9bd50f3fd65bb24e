from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connections

from accounts import due_work, tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.connectors.facts import CallFacts, Rank
from compliance.connectors.providers.dialgen import DialGen
from compliance.errors import Invalid
from compliance.recordings import access, people
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.models import DataSubject, SubjectIdentifier
from compliance.recordings.operations import erasing, registering
from compliance.recordings.states import ArtifactState
from tests.cast import Cast
from tests.compliance.calls import WORDS, Entries, Line, body_of

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


def facts_of(**fields: Any) -> CallFacts:
    (facts,) = DialGen().parse(body_of(**fields))
    assert isinstance(facts, CallFacts)
    return facts


def register(line: Line, **fields: Any) -> None:
    actor = Actor.scheduler(line.organisation_id)
    registering.register_call(actor=actor, connection_id=line.connection.id, facts=facts_of(**fields), received_at=NOW)


def due(line: Line) -> set[str]:
    return {name for name, organisation, _ in due_work.overdue(100) if organisation == line.organisation_id}


def subjects(line: Line, *call_ids: str) -> list[Any]:
    with tenancy.scope(line.organisation_id):
        return [access.principals(line.organisation_id, line.call(id_).id)[0] for id_ in call_ids]


# --- one call ------------------------------------------------------------------------------------


def test_everything_that_was_said_finds_its_place(line: Line, entries: Entries) -> None:
    register(line)
    call, artifacts = line.call(), line.artifacts()
    assert (call.status, call.direction, call.batch_id) == ("completed", "outbound", "batch_march_a")
    assert call.place == "US-CA"
    assert (call.duration_ms, call.started_at) == (27_000, datetime(2026, 3, 2, 17, 4, 10, tzinfo=UTC))
    assert call.agent is not None
    assert call.agent.external_id == "agent_frontdesk"
    assert {kind: one.state for kind, one in artifacts.items()} == {
        "recording": "announced", "transcript": "stored", "summary": "stored",
    }  # fmt: skip
    with tenancy.scope(line.organisation_id):
        assert access.kept_facts(call).phone_number == "+14155550132"
        transcript = access.transcript_of(line.organisation_id, call.id)
        assert transcript is not None
        assert [turn.content for turn in access.messages_in(transcript)] == [turn["content"] for turn in WORDS]
        assert access.source_of(artifacts["recording"]) == facts_of().recordings[0].url
        places = {
            one.kind: [(place.place, place.state, place.expected_gone_on) for place in found]
            for one in artifacts.values()
            if (found := access.locations_of(line.organisation_id, one.id))
        }
    assert places["recording"] == [("platform", "present", date(2026, 5, 31))]
    assert places["transcript"] == [("store", "present", None), ("platform", "present", None)]
    assert due(line) == {
        "recordings.fetch_recording", "retention.assign", "disclosure.audit_call", "recordings.index_transcript",
        "recordings.conclude_transcript",
    }  # fmt: skip
    assert entries.events[-4:] == [
        "recordings.call.registered", "recordings.artifact.announced",
        "recordings.artifact.stored", "recordings.artifact.stored",
    ]  # fmt: skip
    stored = entries[-2]
    assert stored.what["sha256"] == artifacts["transcript"].sha256
    assert stored.what["kind"] == "transcript"


def test_clear_columns_hold_nothing_that_identifies(line: Line) -> None:
    register(line)
    with tenancy.scope(line.organisation_id), connections["default"].cursor() as cursor:
        text = ""
        for table in ("call", "artifact", "location", "datasubject", "subjectidentifier", "party"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM recordings_{table} t")
            text += "".join(row[0] for row in cursor.fetchall())
    for secret in ("4155550132", "Delgado", "contact_2001", "maria.", "recordings.dialgen.example", "Caller moved"):
        assert secret not in text
        assert secret.encode().hex() not in text


def test_saying_it_again_changes_nothing(line: Line, entries: Entries) -> None:
    register(line)
    heard, before = len(entries), line.artifacts()
    register(line)
    assert len(entries) == heard
    assert line.artifacts() == before


def test_words_before_sound(line: Line) -> None:
    register(line, recordingUrl=None)
    assert set(line.artifacts()) == {"transcript", "summary"}
    register(line, transcription=None, summary=None, metricJson=None)
    assert set(line.artifacts()) == {"transcript", "summary", "recording"}


def test_a_late_poorer_word_blanks_nothing(line: Line, entries: Entries) -> None:
    register(line)
    poor = dict.fromkeys(("phoneNumber", "contactName", "transcription", "summary", "recordingUrl", "endTime"))
    register(line, **poor, status="IN-PROGRESS", duration=1)
    call = line.call()
    assert (call.status, call.duration_ms, call.ended_at) == ("completed", 27_000, facts_of().ended_at)
    with tenancy.scope(line.organisation_id):
        assert access.kept_facts(call).contact_name == "Maria Delgado"
    assert "recordings.call.updated" not in entries.events


def test_a_richer_word_fills_in(line: Line, entries: Entries) -> None:
    register(
        line, status="RINGING", transcription=None, recordingUrl=None, summary=None, metricJson=None, duration=None
    )
    assert line.call().status == "in_progress"
    register(line)
    assert line.call().status == "completed"
    assert set(line.artifacts()) == {"transcript", "summary", "recording"}
    assert "recordings.call.updated" in entries.events


def test_other_words_are_a_new_version(line: Line) -> None:
    register(line)
    register(line, transcription=[*WORDS, {"role": "user", "content": "One more thing."}])
    with tenancy.scope(line.organisation_id):
        versions = [
            one for one in access.artifacts_of(line.organisation_id, line.call().id) if one.kind == "transcript"
        ]
        assert [one.version for one in versions] == [1, 2]
        newest = access.transcript_of(line.organisation_id, line.call().id)
    assert newest == versions[1]


def test_what_was_disposed_of_does_not_come_back(line: Line) -> None:
    register(line)
    with tenancy.scope(line.organisation_id):
        for artifact in erasing.lock_artifacts(line.organisation_id, line.call().id):
            for state in (ArtifactState.DUE, ArtifactState.DELETING, ArtifactState.DELETED):
                erasing.move_artifact(artifact, state)
    before = line.artifacts()
    register(
        line, transcription=[{"role": "user", "content": "late"}], summary="late", recordingUrl="https://x.example/"
    )
    after = line.artifacts()
    assert {kind: (one.id, one.state) for kind, one in after.items()} == {
        kind: (one.id, "deleted") for kind, one in before.items()
    }


def test_only_who_may_registers(line: Line, cast: Cast) -> None:
    arguments: dict[str, Any] = {"connection_id": line.connection.id, "facts": facts_of(), "received_at": NOW}
    with pytest.raises(NotAllowed):
        registering.register_call(actor=cast.engineer.actor, **arguments)
    registering.register_call(actor=cast.officer.actor, **arguments)


@pytest.mark.parametrize("state", ["erasing", "erased"])
def test_an_erased_call_takes_nothing_in(line: Line, state: str, entries: Entries) -> None:
    register(line)
    with tenancy.scope(line.organisation_id):
        call = erasing.lock_call(line.organisation_id, line.call().id)
        erasing.mark_call_erasing(call)
        if state == "erased":
            erasing.mark_call_erased(call)
    with pytest.raises(registering.CallErased):
        register(line)
    assert entries.events[-1] == "recordings.call.refused"


def test_two_words_about_one_call_at_once(committed_line: Line) -> None:
    """Each thread has its own connection and commits; both succeed, and the register has one call with everything."""
    line, failures = committed_line, []
    words = {"recordingUrl": None}, {"transcription": None, "summary": None, "metricJson": None}
    start = threading.Barrier(len(words))

    def run(fields: dict[str, Any]) -> None:
        try:
            start.wait(10)
            register(line, **fields)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(fields,)) for fields in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert set(line.artifacts()) == {"transcript", "summary", "recording"}
    with tenancy.scope(line.organisation_id):
        assert access.calls(line.organisation_id).count() == 1
        assert DataSubject.objects.for_organisation(line.organisation_id).count() == 1


# --- who it is -----------------------------------------------------------------------------------


def test_the_same_contact_is_the_same_person(line: Line) -> None:
    register(line)
    register(line, id="second", phoneNumber="+12065550198")
    first, second = subjects(line, "call_9f31", "second")
    assert first == second
    with tenancy.scope(line.organisation_id):
        phones = {one.value for one in people.identifiers_of(line.organisation_id, first) if one.kind == "phone"}
    assert phones == {"+14155550132", "+12065550198"}


def test_the_same_telephone_is_the_same_person_where_nothing_speaks_against_it(line: Line) -> None:
    register(line)
    register(line, id="second", contactId=None, phoneNumber="+1 (415) 555-0132")
    first, second = subjects(line, "call_9f31", "second")
    assert first == second


def test_two_contacts_at_one_telephone_stay_two_people(line: Line) -> None:
    register(line)
    register(line, id="second", contactId="contact_2002", contactName="Her Brother")
    first, second = subjects(line, "call_9f31", "second")
    assert first != second
    with tenancy.scope(line.organisation_id):
        assert people.name_of(line.organisation_id, first) == "Maria Delgado"
        assert people.name_of(line.organisation_id, second) == "Her Brother"


def test_a_telephone_of_two_people_names_neither(line: Line) -> None:
    register(line)
    register(line, id="second", contactId="contact_2002")
    register(line, id="third", contactId=None)
    assert len(set(subjects(line, "call_9f31", "second", "third"))) == 3


def test_a_contact_id_of_another_organisation_is_nobody_here(line: Line, outside_line: Line) -> None:
    register(line)
    register(outside_line)
    assert subjects(line, "call_9f31") != subjects(outside_line, "call_9f31")


def test_a_person_whose_erasure_has_begun_is_not_taken_for_known(line: Line) -> None:
    from compliance.vault import scopes, store

    register(line)
    (first,) = subjects(line, "call_9f31")
    with tenancy.scope(line.organisation_id):
        store.begin_destruction(line.organisation_id, [scopes.subject(first)], ground="test", cause=first)
    register(line, id="second")
    assert subjects(line, "second") != [first]


def test_an_address_that_was_spoken_helps_to_find_the_person(line: Line) -> None:
    register(line)
    with tenancy.scope(line.organisation_id):
        row = SubjectIdentifier.objects.for_organisation(line.organisation_id).get(kind="email")
        assert row.source == "transcript"
        claim = people.Claim(IdentifierKind.EMAIL, "Maria.Delgado@Example.com")
        (match,) = people.find_calls(line.organisation_id, [claim])
    assert match.call_id == line.call().id
    assert match.kinds == frozenset({IdentifierKind.EMAIL})


def test_what_the_agent_says_is_not_the_persons(line: Line) -> None:
    register(line, transcription=[{"role": "assistant", "content": "We are help@harbor.example."}])
    (subject,) = subjects(line, "call_9f31")
    with tenancy.scope(line.organisation_id):
        kinds = people.identifier_kinds(line.organisation_id, subject)
    assert kinds == [IdentifierKind.CONTACT_ID, IdentifierKind.PHONE]


def test_a_number_without_country_is_kept_but_identifies_nobody(line: Line) -> None:
    register(line, phoneNumber="555 0132")
    (subject,) = subjects(line, "call_9f31")
    with tenancy.scope(line.organisation_id):
        assert IdentifierKind.PHONE not in people.identifier_kinds(line.organisation_id, subject)
        assert access.kept_facts(line.call()).phone_number == "555 0132"


# --- finding -------------------------------------------------------------------------------------


class TestFinding:
    def test_by_every_kind(self, line: Line) -> None:
        register(line)
        register(line, id="other", contactId="contact_9", phoneNumber="+12065550198", transcription=None)
        for kind, value in (
            (IdentifierKind.PHONE, "001-415-555-0132".replace("001-", "+1 ")),
            (IdentifierKind.CONTACT_ID, "contact_2001"),
            (IdentifierKind.EMAIL, "maria.delgado@example.com"),
        ):
            with tenancy.scope(line.organisation_id):
                found = people.find_calls(line.organisation_id, [people.Claim(kind, value)])
            assert [match.call_id for match in found] == [line.call().id]

    def test_several_claims_tell_what_matched(self, line: Line) -> None:
        register(line)
        claims = [
            people.Claim(IdentifierKind.PHONE, "(415) 555-0132", "US"),
            people.Claim(IdentifierKind.CONTACT_ID, "contact_2001"),
            people.Claim(IdentifierKind.EMAIL, "nobody@example.com"),
        ]
        with tenancy.scope(line.organisation_id):
            (match,) = people.find_calls(line.organisation_id, claims)
        assert match.kinds == {IdentifierKind.PHONE, IdentifierKind.CONTACT_ID}

    def test_another_organisation_finds_nothing(self, line: Line, outside_line: Line) -> None:
        register(line)
        claim = people.Claim(IdentifierKind.PHONE, "+14155550132")
        with tenancy.scope(outside_line.organisation_id):
            assert people.find_calls(outside_line.organisation_id, [claim]) == []
            assert people.find_calls(line.organisation_id, [claim]) == []  # row security is the second wall

    @pytest.mark.parametrize(
        ("kind", "value"), [(IdentifierKind.NAME, "Maria"), (IdentifierKind.PHONE, "x"), (IdentifierKind.EMAIL, "x")]
    )
    def test_what_is_no_identifier_is_refused(self, line: Line, kind: IdentifierKind, value: str) -> None:
        with tenancy.scope(line.organisation_id), pytest.raises(Invalid):
            people.find_calls(line.organisation_id, [people.Claim(kind, value)])

    def test_by_index_only(self, line: Line) -> None:
        register(line)
        with tenancy.scope(line.organisation_id), connections["default"].cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(
                "EXPLAIN (FORMAT JSON) SELECT subject_id FROM recordings_subjectidentifier"
                " WHERE organisation_id = %s AND kind = 'phone' AND fingerprint IN (%s)",
                [line.organisation_id, b"\0" * 32],
            )
            plan = json.dumps(cursor.fetchone()[0])
        assert "Index" in plan
        assert "Seq Scan" not in plan


def test_ranks_of_facts_are_as_the_register_expects() -> None:
    assert facts_of().rank is Rank.COMPLETED
    assert facts_of(status="RINGING").rank is Rank.PARTIAL
