from __future__ import annotations

import io
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import tenancy
from accounts.errors import NotAllowed
from compliance.errors import Conflict, Gone, Invalid, NotFound
from compliance.recordings import access
from compliance.recordings.models import Artifact, PlaybackLink
from compliance.recordings.operations import erasing, links, opening
from compliance.recordings.operations.links import IssuedLink
from compliance.recordings.states import ArtifactState
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.calls import MP3, Entries, Line

SOUND = MP3.read_bytes()
SIZE = len(SOUND)


@pytest.fixture
def link(played_line: Line, cast: Cast) -> IssuedLink:
    return issue(played_line, cast)


def issue(line: Line, cast: Cast, **options: Any) -> IssuedLink:
    recording = line.artifacts()["recording"]
    options = {"purpose": "complaint"} | options
    return links.issue_playback_link(actor=cast.officer.actor, artifact_id=recording.id, **options)


def get(link: IssuedLink, method: str = "get", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return getattr(Client(), method)(f"/play/{link.token}", headers=named)


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def row(link: IssuedLink) -> PlaybackLink:
    with tenancy.scope(link.link.organisation_id):
        return access.link_of(link.link.organisation_id, link.link.id)


# --- the bytes -----------------------------------------------------------------------------------


def test_everything(link: IssuedLink) -> None:
    answer = get(link)
    assert (answer.status_code, answer["Content-Length"], answer["Content-Type"]) == (200, str(SIZE), "audio/mpeg")
    assert body(answer) == SOUND


RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-99", 0, 100),
    ("bytes=16380-16400", 16_380, 16_401),
    ("bytes=100000-", 100_000, SIZE),
    ("bytes=-500", SIZE - 500, SIZE),
    (f"bytes=-{SIZE * 2}", 0, SIZE),
    (f"bytes=5-{SIZE * 2}", 5, SIZE),
]


def test_ranges(link: IssuedLink) -> None:
    for asked, start, stop in RANGES:
        answer, is_whole = get(link, Range=asked), stop - start == SIZE
        assert answer.status_code == (200 if is_whole else 206), asked
        assert answer["Content-Length"] == str(stop - start), asked
        assert answer.get("Content-Range") == (None if is_whole else f"bytes {start}-{stop - 1}/{SIZE}"), asked
        assert body(answer) == SOUND[start:stop], asked


def test_what_is_no_single_range_gets_everything(link: IssuedLink) -> None:
    for asked in ("bytes=0-9,20-29", "seconds=1-2", "bytes=9-1", "bytes=", "nonsense"):
        answer = get(link, Range=asked)
        assert (answer.status_code, body(answer)) == (200, SOUND), asked


def test_ranges_outside(link: IssuedLink, entries: Entries) -> None:
    heard = len(entries)
    for asked in (f"bytes={SIZE}-", "bytes=-0", "bytes=99999999-99999999"):
        answer = get(link, Range=asked)
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{SIZE}"), asked
    assert len(entries) == heard
    assert row(link).opened == 0


def test_if_range(link: IssuedLink) -> None:
    etag = get(link, "head")["ETag"]
    assert etag.startswith('"')
    assert get(link, Range="bytes=0-9", If_Range=etag).status_code == 206
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2026 07:28:00 GMT"):
        answer = get(link, Range="bytes=0-9", If_Range=other)
        assert (answer.status_code, body(answer)) == (200, SOUND)


def test_head_tells_and_opens_nothing(link: IssuedLink, entries: Entries) -> None:
    heard = len(entries)
    answer = get(link, "head", Range="bytes=0-9")
    assert (answer.status_code, answer["Content-Length"], answer["Accept-Ranges"]) == (200, str(SIZE), "bytes")
    assert body(answer) == b""
    assert len(entries) == heard


def test_an_open_end_gets_a_bounded_answer(played_line: Line, cast: Cast) -> None:
    data = secrets.token_bytes(5 * 1024 * 1024)
    with tenancy.scope(played_line.organisation_id):
        artifact = played_line.artifacts()["recording"]
        artifact.object = store.put(
            organisation_id=played_line.organisation_id,
            scope=access.call_scope(played_line.organisation_id, played_line.call().id),
            kind=store.ObjectKind.RECORDING,
            source=data,
            media_type="audio/mpeg",
        )
        artifact.save(update_fields=["object"])
    link = issue(played_line, cast)
    answer = get(link, Range="bytes=100-")
    assert answer["Content-Range"] == f"bytes 100-{100 + 4 * 1024 * 1024 - 1}/{len(data)}"
    assert body(answer) == data[100 : 100 + 4 * 1024 * 1024]
    assert body(get(link)) == data


def test_headers(link: IssuedLink) -> None:
    for answer in (get(link), get(link, Range="bytes=0-1"), get(link, Range="bytes=99999999-"), get(link, "head")):
        assert answer["Cache-Control"] == "private, no-store"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["X-Accel-Buffering"] == "no"
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"


def test_only_get_and_head(link: IssuedLink) -> None:
    assert Client().post(f"/play/{link.token}").status_code == 405


def test_bytes_that_are_not_what_was_sealed_are_not_sent(
    played_line: Line, link: IssuedLink, settings: Any, log_lines: io.StringIO
) -> None:
    artifact = played_line.artifacts()["recording"]
    assert artifact.object is not None
    path = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]) / artifact.object.store_key
    sealed = bytearray(path.read_bytes())
    sealed[len(sealed) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(sealed)
    middle = SIZE // 2
    answer = get(link, Range=f"bytes={middle - 100}-{middle + 100}")
    assert (answer.status_code, answer.json()["code"]) == (500, "unreadable")
    assert "vault.unreadable" in log_lines.getvalue()
    assert link.token not in log_lines.getvalue()
    assert body(get(link, Range="bytes=0-99")) == SOUND[:100]


# --- who opened what -----------------------------------------------------------------------------


def test_each_opening_is_counted_and_logged_before_the_first_byte(
    link: IssuedLink, entries: Entries, cast: Cast
) -> None:
    get(link)  # the body is not even read
    get(link, Range="bytes=10-19")
    assert (row(link).opened, row(link).bytes_served) == (2, SIZE + 10)
    first, second = entries.of("recordings.artifact.opened")
    assert first.obj == ("artifact", link.link.artifact_id)
    assert (first.cls, first.actor) == ("access", f"person:{cast.officer.user.id}")
    assert first.why == {"purpose": "complaint"}
    assert second.what == {"link": str(link.link.id), "from": 10, "bytes": 10}


def test_a_purpose_in_own_words_stays_destroyable(played_line: Line, cast: Cast, entries: Entries) -> None:
    issue(played_line, cast, purpose="complaint of Maria Delgado")
    (entry,) = entries.of("recordings.link.issued")
    assert entry.why == {"purpose": "stated"}
    assert entry.identifying == {"purpose": "complaint of Maria Delgado"}


# --- whose link ----------------------------------------------------------------------------------


class TestIssuing:
    @pytest.mark.parametrize("who", ["auditor", "engineer"])
    def test_not_for_those_who_open_no_content(self, played_line: Line, cast: Cast, who: str) -> None:
        recording = played_line.artifacts()["recording"]
        with pytest.raises(NotAllowed):
            links.issue_playback_link(actor=getattr(cast, who).actor, artifact_id=recording.id)
        links.issue_playback_link(actor=cast.colleague.actor, artifact_id=recording.id)

    def test_not_for_another_organisation(self, played_line: Line, cast: Cast) -> None:
        recording = played_line.artifacts()["recording"]
        with pytest.raises(NotFound):
            links.issue_playback_link(actor=cast.outsider.actor, artifact_id=recording.id)

    def test_not_without_a_purpose(self, played_line: Line, cast: Cast) -> None:
        recording = played_line.artifacts()["recording"]
        with pytest.raises(Invalid) as refused:
            links.issue_playback_link(actor=cast.officer.actor.with_purpose(""), artifact_id=recording.id)
        assert refused.value.code == "purpose_needed"

    @pytest.mark.parametrize("seconds", [0, -1, 3601])
    def test_not_for_ever(self, played_line: Line, cast: Cast, seconds: int) -> None:
        with pytest.raises(Invalid):
            issue(played_line, cast, lifetime=timedelta(seconds=seconds))

    def test_not_to_words(self, played_line: Line, cast: Cast) -> None:
        words = played_line.artifacts()["transcript"]
        with pytest.raises(Conflict):
            links.issue_playback_link(actor=cast.officer.actor, artifact_id=words.id)

    def test_not_to_what_is_not_stored(self, line: Line, cast: Cast) -> None:
        line.deliver()
        with pytest.raises(Conflict):
            issue(line, cast)


def refusal(answer: Any) -> tuple[int, bytes]:
    return answer.status_code, body(answer)


def test_unknown_expired_and_revoked_look_the_same(played_line: Line, cast: Cast) -> None:
    expired, revoked, unknown = (issue(played_line, cast) for _ in range(3))
    links.revoke_playback_link(actor=cast.officer.actor, link_id=revoked.link.id)
    with tenancy.scope(played_line.organisation_id):
        erasing.withdraw_links(played_line.organisation_id, [])  # nothing named, nothing withdrawn
    answers = [
        refusal(get(revoked)),
        refusal(Client().get(f"/play/{unknown.token[:-1]}x")),
        refusal(Client().get("/play/x")),
    ]
    with time_machine.travel(datetime.now(UTC) + links.LIFETIME + timedelta(seconds=1)):
        answers.append(refusal(get(expired)))
    assert set(answers) == {answers[0]}
    assert answers[0][0] == 404


def test_revoking_is_for_the_organisation_only_and_happens_once(link: IssuedLink, cast: Cast, entries: Entries) -> None:
    with pytest.raises(NotFound):
        links.revoke_playback_link(actor=cast.outsider.actor, link_id=link.link.id)
    assert get(link).status_code == 200
    for _ in range(2):
        links.revoke_playback_link(actor=cast.colleague.actor, link_id=link.link.id)
    assert len(entries.of("recordings.link.revoked")) == 1
    assert get(link).status_code == 404


def test_a_token_alone_opens_nothing_without_its_row(link: IssuedLink, settings: Any) -> None:
    settings.PLAYBACK_KEY = "another" * 6
    assert get(link).status_code == 404


def move(line: Line, *states: ArtifactState) -> None:
    with tenancy.scope(line.organisation_id):
        artifact = erasing.lock_artifact(line.organisation_id, line.artifacts()["recording"].id)
        for state in states:
            erasing.move_artifact(artifact, state)


def test_what_was_disposed_of_is_gone_through_a_valid_link(played_line: Line, link: IssuedLink) -> None:
    move(played_line, ArtifactState.DUE)
    assert get(link).status_code == 200
    move(played_line, ArtifactState.DELETING)
    answer = get(link)
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_a_call_being_erased_is_gone_at_once(played_line: Line, link: IssuedLink, cast: Cast) -> None:
    with tenancy.scope(played_line.organisation_id):
        call = erasing.lock_call(played_line.organisation_id, played_line.call().id)
        erasing.mark_call_erasing(call)
    assert get(link).status_code == 410
    with pytest.raises(Gone):
        issue(played_line, cast)
    with tenancy.scope(played_line.organisation_id):
        erasing.mark_call_erased(call)
    assert get(link).status_code == 404


def test_a_destroyed_key_is_gone_whatever_the_rows_say(played_line: Line, link: IssuedLink) -> None:
    with tenancy.scope(played_line.organisation_id):
        scope = access.call_scope(played_line.organisation_id, played_line.call().id)
        store.begin_destruction(played_line.organisation_id, [scope], ground="test", cause=scope.id)
    assert get(link).status_code == 410


def test_routes_of_ended_links_are_cleared_away(link: IssuedLink) -> None:
    organisation_id, now = link.link.organisation_id, datetime.now(UTC)
    assert links.withdraw_expired(organisation_id, now) == 0
    later = now + timedelta(hours=2)
    assert links.withdraw_expired(organisation_id, later) == 1


# --- words ---------------------------------------------------------------------------------------


class TestTranscript:
    def test_is_opened_for_a_purpose_and_logged(self, line: Line, cast: Cast, entries: Entries) -> None:
        line.deliver()
        call = line.call()
        words = opening.open_transcript(actor=cast.officer.actor, call_id=call.id, purpose="dispute")
        assert [turn.role for turn in words] == ["assistant", "user"]
        (entry,) = entries.of("recordings.artifact.opened")
        assert (entry.why, entry.what["call"], entry.cls) == ({"purpose": "dispute"}, str(call.id), "access")
        with pytest.raises(Invalid):
            opening.open_transcript(actor=cast.officer.actor.with_purpose(""), call_id=call.id)

    @pytest.mark.parametrize("who", ["auditor", "engineer"])
    def test_not_for_those_who_open_no_content(self, line: Line, cast: Cast, who: str) -> None:
        line.deliver()
        with pytest.raises(NotAllowed):
            opening.open_transcript(actor=getattr(cast, who).actor, call_id=line.call().id)

    def test_absent_and_anothers_look_the_same(self, line: Line, cast: Cast) -> None:
        line.deliver(transcription=None)
        for actor in (cast.officer.actor, cast.outsider.actor):
            with pytest.raises(NotFound):
                opening.open_transcript(actor=actor, call_id=line.call().id)


def test_a_link_is_bound_to_its_artifact(played_line: Line, link: IssuedLink) -> None:
    with tenancy.scope(played_line.organisation_id):
        assert isinstance(row(link).artifact, Artifact)
        assert row(link).artifact.kind == "recording"
