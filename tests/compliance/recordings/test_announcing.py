"""What a platform says of a call and its recordings, beyond the plain case: columns, absences, days, hashes."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from accounts import due_work, tenancy
from compliance.connectors.facts import Absence, CallFacts, Consent, Message, Rank, RecordingFacts, RecordingKind, Trust
from compliance.recordings import access, people
from compliance.recordings.models import Call
from compliance.recordings.operations import announcing, placing
from tests.cast import Cast
from tests.compliance.calls import MP3, Entries, Line, Media, work
from tests.compliance.recordings.platforms import (
    CALL,
    NOW,
    FakePlatform,
    artifacts,
    originals,
    platform,
    recording,
    register,
    sound,
    told,
)

__all__ = ["platform"]

URL = "https://recordings.dialgen.example/a.mp3"
FETCH = "recordings.fetch_recording"
SOUND = MP3.read_bytes()
GONE = date(2026, 6, 1)


def is_due(line: Line, job: str = FETCH) -> bool:
    return job in {name for name, organisation, _ in due_work.overdue(100) if organisation == line.organisation_id}


# --- the wider facts ------------------------------------------------------------------------------


def test_the_wider_facts_have_columns(line: Line, platform: FakePlatform) -> None:
    register(
        line,
        told(
            consent=Consent.GRANTED,
            consent_at=NOW,
            ended_reason="customer-ended-call" * 20,
            agent_id="agent_1",
            agent_name="Front desk",
            agent_version="v7",
            language="de-AT",
            trust=Trust.SIGNED,
            labels=("vip", "billing"),
        ),
    )
    call = line.call(CALL)
    assert (call.consent, call.consent_at, call.language, call.trust) == ("granted", NOW, "de-AT", "signed")
    assert (call.agent_version, sorted(call.labels)) == ("v7", ["billing", "vip"])
    assert len(call.ended_reason) == 80
    assert call.agent is not None
    assert (call.agent.name, call.agent.version) == ("Front desk", "v7")


def test_history_does_not_set_an_agents_version_back(line: Line, platform: FakePlatform) -> None:
    register(line, told(agent_id="agent_1", agent_version="v7", started_at=NOW))
    old = told(agent_id="agent_1", agent_version="v3", started_at=NOW - timedelta(days=90))
    register(line, named(old, "older"))
    call = line.call("older")
    assert call.agent is not None
    assert (call.agent_version, call.agent.version) == ("v3", "v7")


def named(facts: CallFacts, external_id: str) -> CallFacts:
    return dataclasses.replace(facts, external_id=external_id)


def test_a_label_that_an_officer_took_away_stays_away(line: Line, platform: FakePlatform, cast: Cast) -> None:
    register(line, told(labels=("vip", "billing")))
    placing.set_labels(actor=cast.officer.actor, call_id=line.call(CALL).id, labels=["billing", "ours"])
    register(line, told(labels=("vip", "billing", "new"), rank=Rank.ANALYSED))
    assert sorted(line.call(CALL).labels) == ["billing", "new", "ours"]


def test_mail_addresses_identify_where_the_platform_tells_them(line: Line, platform: FakePlatform) -> None:
    register(line, told(email="Maria@Example.com"))
    register(line, named(told(email="maria@example.com"), "second"))
    heard = told(transcript=(Message("user", "write to maria@example.com"),))
    register(line, named(heard, "third"))
    with tenancy.scope(line.organisation_id):
        first, second, third = (access.principals(line.organisation_id, line.call(id_).id) for id_ in (
            CALL, "second", "third"))  # fmt: skip
    assert first == second
    assert third != first  # what was only heard decides nothing


def test_an_address_that_is_told_and_heard_is_one_identifier(line: Line, platform: FakePlatform) -> None:
    register(line, told(transcript=(Message("user", "write to maria@example.com"),)))
    register(line, told(email="maria@example.com", rank=Rank.ANALYSED))
    with tenancy.scope(line.organisation_id):
        (subject,) = access.principals(line.organisation_id, line.call(CALL).id)
        (one,) = people.identifiers_of(line.organisation_id, subject)
    assert (one.kind, one.value) == ("email", "maria@example.com")
    register(line, named(told(email="maria@example.com"), "second"))
    with tenancy.scope(line.organisation_id):
        assert access.principals(line.organisation_id, line.call("second").id) == (subject,)


# --- recordings that are not there ----------------------------------------------------------------

ABSENCES = [
    (Absence.ABSENT, None, "unavailable", "absent", "confirmed_gone"),
    (Absence.FAILED, None, "unavailable", "failed", "unknown"),
    (Absence.DELETED, None, "unavailable", "deleted", "unknown"),
    (Absence.NOT_KEPT, None, "never_recorded", "not_kept", "confirmed_gone"),
    (Absence.ABSENT, Consent.REFUSED, "never_recorded", "consent_refused", "confirmed_gone"),
    (Absence.FAILED, Consent.REFUSED, "unavailable", "failed", "unknown"),
]


@pytest.mark.parametrize(("absence", "consent", "state", "code", "original"), ABSENCES)
def test_an_absence_is_a_state_with_its_reason(
    line: Line,
    platform: FakePlatform,
    entries: Entries,
    absence: Absence,
    consent: Consent | None,
    state: str,
    code: str,
    original: str,
) -> None:
    facts = told(RecordingFacts(url="", absence=absence), consent=consent)
    register(line, facts)
    found = recording(line)
    assert (found.state, found.failure_code, found.sealed_source) == (state, code, None)
    assert originals(line, found) == [(original, None)]
    assert not is_due(line)
    (entry,) = entries.of("recordings.artifact.not_recorded")
    assert entry.what["code"] == code
    heard = len(entries)
    register(line, facts)
    assert len(entries) == heard
    assert len(artifacts(line)) == 1


@pytest.mark.parametrize(("absence", "consent", "state", "code", "original"), ABSENCES)
def test_a_recording_that_turns_up_after_all_is_fetched(
    line: Line,
    platform: FakePlatform,
    media: Media,
    absence: Absence,
    consent: Consent | None,
    state: str,
    code: str,
    original: str,
) -> None:
    register(line, told(RecordingFacts(url="", absence=absence), consent=consent))
    register(line, told(sound(media.url), consent=consent, rank=Rank.ANALYSED))
    assert work(FETCH) == [FETCH]
    found = recording(line)
    assert (found.state, found.sha256) == ("stored", hashlib.sha256(SOUND).hexdigest())
    assert found.version == (2 if state == "never_recorded" else 1)
    assert originals(line, found)[0][0] == "present"
    again = len(artifacts(line))
    register(line, told(sound(media.url), consent=consent, rank=Rank.ANALYSED))
    assert len(artifacts(line)) == again


def test_an_announced_recording_that_failed_is_not_fetched(line: Line, platform: FakePlatform) -> None:
    register(line, told(sound(URL)))
    register(line, told(RecordingFacts(url="", absence=Absence.DELETED), rank=Rank.ANALYSED))
    found = recording(line)
    assert (found.state, found.failure_code) == ("unavailable", "deleted")
    assert originals(line, found) == [("unknown", None)]
    work(FETCH)
    assert recording(line).state == "unavailable"


def test_what_is_stored_stays_when_the_platform_deletes_its_own(
    line: Line, platform: FakePlatform, media: Media
) -> None:
    register(line, told(sound(media.url)))
    work(FETCH)
    register(line, told(RecordingFacts(url="", absence=Absence.DELETED), rank=Rank.ANALYSED))
    found = recording(line)
    assert found.state == "stored"
    assert originals(line, found) == [("unknown", None)]  # its word is no proof


def test_our_own_never_recorded_is_final(line: Line, platform: FakePlatform) -> None:
    from compliance.recordings.operations import erasing
    from compliance.recordings.states import ArtifactState

    register(line, told(sound(URL)))
    with tenancy.scope(line.organisation_id):
        artifact = erasing.lock_artifact(line.organisation_id, recording(line).id)
        erasing.move_artifact(artifact, ArtifactState.NEVER_RECORDED)
    register(line, told(sound(URL + "?again"), rank=Rank.ANALYSED))
    assert [one.state for one in artifacts(line)] == ["never_recorded"]


# --- days, hashes, several recordings -------------------------------------------------------------


def test_days_of_the_platforms_clock_for_sound_and_words(line: Line, platform: FakePlatform) -> None:
    platform.gone_on, platform.words_gone_on = GONE, GONE + timedelta(days=9)
    words = (Message("user", "hello"),)
    register(line, told(sound(URL), transcript=words, summary="short"))
    days = {one.kind: originals(line, one) for one in artifacts(line)}
    assert days == {
        "recording": [("present", GONE)],
        "transcript": [("present", GONE + timedelta(days=9))],
        "summary": [("present", GONE + timedelta(days=9))],
    }


def test_a_day_that_the_platform_names_later_counts(line: Line, platform: FakePlatform) -> None:
    platform.gone_on = GONE
    register(line, told(sound(URL), transcript=(Message("user", "hello"),)))
    platform.gone_on = GONE + timedelta(days=5)  # worked out from a later receipt
    register(line, told(duration_seconds=3, rank=Rank.ANALYSED))
    assert originals(line, recording(line)) == [("present", GONE)]
    platform.gone_on = GONE - timedelta(days=5)
    register(line, told(duration_seconds=4, rank=Rank.ANALYSED))
    assert originals(line, recording(line)) == [("present", GONE - timedelta(days=5))]
    later = datetime(2027, 1, 1, tzinfo=UTC)
    register(line, told(recording_gone_at=later, transcript_gone_at=later, rank=Rank.POLLED))
    assert {one.kind: originals(line, one)[0][1] for one in artifacts(line)} == {
        "recording": later.date(), "transcript": later.date(),
    }  # fmt: skip


def test_several_recordings_of_one_call(line: Line, platform: FakePlatform) -> None:
    kinds = [*RecordingKind]
    facts = [RecordingFacts(url=f"{URL}?{kind}", kind=kind, external_id=f"RE{kind}") for kind in kinds]
    register(line, told(*facts))
    register(line, told(*facts))
    found = {one.variant.partition(":")[0]: one.kind for one in artifacts(line)}
    assert found == {kind.value: "redacted_copy" if kind is RecordingKind.REDACTED else "recording" for kind in kinds}
    assert len(artifacts(line)) == len(kinds)


@pytest.mark.parametrize("word", ["md5:00", "sha256:zz", "sha512:" + "a" * 64, "x" * 300, ""])
def test_a_hash_that_is_none_is_left_out(line: Line, platform: FakePlatform, word: str) -> None:
    register(line, told(sound(URL, announced_hash=word)))
    assert recording(line).expected_hash == ""


def test_a_hash_that_is_told_late_is_compared_with_what_is_stored(
    line: Line, platform: FakePlatform, media: Media, entries: Entries
) -> None:
    register(line, told(sound(media.url)))
    work(FETCH)
    register(line, told(sound(media.url, announced_hash=f"sha512:{hashlib.sha512(SOUND).hexdigest()}")))
    assert recording(line).failure_code == ""
    register(line, told(sound(media.url, announced_hash="sha256:" + "0" * 64), rank=Rank.ANALYSED))
    found = recording(line)
    assert (found.state, found.failure_code) == ("stored", "hash_mismatch")
    assert len(entries.of("recordings.artifact.disputed")) == 1


def test_any_order_of_partial_words_comes_to_the_same(line: Line, platform: FakePlatform) -> None:
    """Sound, words, absence of a second recording and the end of the call, at ranks that differ."""
    words = [
        told(rank=Rank.PARTIAL, ended_reason="ringing"),
        told(sound(URL), rank=Rank.COMPLETED, consent=Consent.GRANTED),
        told(RecordingFacts(url="", kind=RecordingKind.AGENT, absence=Absence.ABSENT), rank=Rank.ANALYSED),
        told(transcript=(Message("user", "hello"),), rank=Rank.POLLED, language="en"),
    ]
    seen = set()
    for number, order in enumerate(itertools.permutations(words)):
        for facts in (*order, order[0]):
            register(line, named(facts, f"c{number}"))
        call = line.call(f"c{number}")
        with tenancy.scope(line.organisation_id):
            rows = access.artifacts_of(line.organisation_id, call.id)
        parts = tuple(sorted((one.kind, one.variant, one.state, one.failure_code) for one in rows))
        seen.add((call.consent, call.language, call.ended_reason, parts))
    assert len(seen) == 1


def test_late_words_about_an_erased_call_are_to_be_deleted_upstream(line: Line, platform: FakePlatform) -> None:
    from compliance.recordings.operations import erasing, registering

    register(line, told(sound(URL)))
    with tenancy.scope(line.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(line.organisation_id, line.call(CALL).id))
    with pytest.raises(registering.CallErased):
        register(line, told(sound(URL + "?late")))
    assert is_due(line, "retention.delete_late")
    assert line.call(CALL).state == Call.State.ERASING


def test_agreement_of_hashes() -> None:
    hashes = {"sha256": "aa", "sha512": "bb"}
    assert announcing.agrees("", **hashes)
    assert announcing.agrees("sha256:aa", **hashes)
    assert announcing.agrees("sha512:bb", **hashes)
    assert not announcing.agrees("sha256:bb", **hashes)
    assert not announcing.agrees("sha1:aa", **hashes)
