from __future__ import annotations

import hashlib
import io
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine

from accounts import due_work, tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from accounts.models import DueWork
from compliance.connectors import fetching as transport
from compliance.errors import Conflict, NotFound
from compliance.recordings import access
from compliance.recordings.models import Artifact
from compliance.recordings.operations import downloading, erasing, fetching
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.calls import MP3, Entries, Line, Media, respond, work

SOUND = MP3.read_bytes()
FETCH = "recordings.fetch_recording"


def recording(line: Line) -> Artifact:
    return line.artifacts()["recording"]


def stored_blobs(settings: Any) -> list[str]:
    from pathlib import Path

    folder = Path(settings.STORAGES["vault"]["OPTIONS"]["location"])
    return [path.name for path in folder.rglob("*") if path.is_file()]


def wait_of(artifact: Artifact) -> timedelta:
    row = DueWork.objects.get(job=FETCH, object_id=artifact.id)
    return row.due_at - datetime.now(UTC)


def test_sound_is_stored_with_its_hash_and_measures(line: Line, media: Media, entries: Entries) -> None:
    line.deliver(recordingUrl=media.url)
    assert work(FETCH) == [FETCH]
    found = recording(line)
    assert (found.state, found.sha256, found.size) == ("stored", hashlib.sha256(SOUND).hexdigest(), len(SOUND))
    assert (found.codec, found.media_type, found.failure_code) == ("mp3", "audio/mpeg", "")
    assert found.duration_ms is not None
    assert abs(found.duration_ms - 41_885) < 200
    assert found.stored_at is not None
    with tenancy.scope(line.organisation_id):
        assert found.object is not None
        assert store.open_bytes(found.object) == SOUND
        assert found.object.scope == access.call_scope(line.organisation_id, line.call().id)
        places = {
            (one.place, one.name, one.key, one.state) for one in access.locations_of(line.organisation_id, found.id)
        }
    assert places == {("platform", "dialgen", "", "present"), ("store", "vault", found.object.store_key, "present")}
    (entry,) = [entry for entry in entries.of("recordings.artifact.stored") if entry.what["kind"] == "recording"]
    assert (entry.obj, entry.what["sha256"], entry.what["size"]) == (("artifact", found.id), found.sha256, found.size)
    assert len(entries.of("recordings.artifact.fetch_begun")) == 1
    assert "retention.assign" in {name for name, _, _ in due_work.overdue(100)}


def test_it_is_fetched_once(line: Line, media: Media) -> None:
    line.deliver(recordingUrl=media.url)
    work(FETCH)
    outcome = fetching.fetch_recording(actor=Actor.scheduler(line.organisation_id), artifact_id=recording(line).id)
    assert outcome == fetching.Outcome(recording(line).state, "nothing_to_fetch")  # type: ignore[arg-type]
    assert len(media.requests) == 1


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: 1000000\r\n\r\n" + SOUND[:5000])
    connection.recv(1)  # says no more


PAGE = b"<!doctype html><html><body>Please sign in</body></html>"
FAULTS: dict[str, tuple[Callable[[socket.socket], None], str, str]] = {
    "a page": (respond(PAGE, media_type="text/html"), "retry_wait", "unavailable"),
    "a page that says it is sound": (respond(PAGE), "retry_wait", "unavailable"),
    "not there yet": (respond(b"", status="404 Not Found"), "retry_wait", "not_found"),
    "forbidden": (respond(b"", status="403 Forbidden"), "retry_wait", "denied"),
    "broken": (respond(b"", status="500 Internal Server Error"), "retry_wait", "bad_status"),
    "half of it": (respond(SOUND[:9000], length=len(SOUND)), "retry_wait", "truncated"),
    "nothing": (respond(b""), "retry_wait", "empty"),
    "too slow": (drip, "retry_wait", "too_slow"),
    "gone": (respond(b"", status="410 Gone"), "unavailable", "gone"),
    "elsewhere": (
        respond(b"", status="302 Found", Location="http://10.0.0.1/private.mp3"), "unavailable", "redirect_refused",
    ),
    "too much": (respond(SOUND, length=600_000_000), "quarantined", "too_large"),
    "another kind": (respond(SOUND, media_type="audio/wav"), "quarantined", "type_mismatch"),
    "a picture": (respond(b"\x89PNG\r\n\x1a\n" + b"\0" * 5000, media_type="image/png"), "quarantined", "not_audio"),
    "squeezed": (respond(SOUND, Content_Encoding="gzip"), "quarantined", "encoded"),
}  # fmt: skip


def test_a_second_worker_changes_nothing(line: Line, media: Media, entries: Entries, settings: Any) -> None:
    """A try that outlasts its lease is started again; both get the sound, one is kept."""
    line.deliver(recordingUrl=media.url)
    scheduler, download = Actor.scheduler(line.organisation_id), downloading.download

    def overtaken(task: Any) -> Any:
        fetched = download(task)
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(downloading, "download", download)
            assert fetching.fetch_recording(actor=scheduler, artifact_id=task.artifact_id).state == "stored"
        return fetched

    before = stored_blobs(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloading, "download", overtaken)
        outcome = fetching.fetch_recording(actor=scheduler, artifact_id=recording(line).id)
    assert outcome.code == "already_stored"
    assert len(stored_blobs(settings)) == len(before) + 1
    assert entries.of("recordings.artifact.refused") == []


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(
    line: Line, media: Media, entries: Entries, settings: Any, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    quick = transport.FetchLimits(read_seconds=1, max_bytes=settings.FETCH_MAX_BYTES)
    monkeypatch.setattr(downloading, "FetchLimits", lambda max_bytes: quick)
    media.answer, state, code = FAULTS[fault]
    before = stored_blobs(settings)
    line.deliver(recordingUrl=media.url)
    assert work(FETCH) == [FETCH]
    found = recording(line)
    assert (found.state, found.failure_code) == (state, code)
    assert (found.object, found.sha256, found.stored_at) == (None, "", None)
    assert stored_blobs(settings) == before
    (entry,) = entries.of("recordings.artifact.not_fetched")
    assert (entry.outcome, entry.what["code"], entry.what["state"]) == ("failed", code, state)
    is_waiting = DueWork.objects.filter(job=FETCH, object_id=found.id).exists()
    assert is_waiting == (state == "retry_wait")


def test_sound_that_is_none_inside_is_quarantined(line: Line, media: Media, settings: Any) -> None:
    before = stored_blobs(settings)
    media.answer = respond(b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\xff" * 4000, media_type="audio/wav")
    line.deliver(recordingUrl=media.url)
    work(FETCH)
    assert recording(line).state == "quarantined"
    assert stored_blobs(settings) == before


def test_a_host_that_is_not_on_the_list_is_never_asked(line: Line, media: Media) -> None:
    line.deliver(recordingUrl="https://elsewhere.example/call.mp3")
    work(FETCH)
    assert (recording(line).state, recording(line).failure_code) == ("unavailable", "blocked_host")


def test_the_ladder(line: Line, media: Media) -> None:
    media.answer = respond(b"", status="404 Not Found")
    started = datetime.now(UTC)
    with time_machine.travel(started, tick=False) as clock:
        line.deliver(recordingUrl=media.url)
        for seconds in (*fetching.LADDER, 24 * 3600):
            assert work(FETCH) == [FETCH]
            assert abs(wait_of(recording(line)) - timedelta(seconds=seconds)) < timedelta(seconds=1)
            clock.shift(seconds)
        media.answer = respond(SOUND)
        work(FETCH)
    assert recording(line).state == "stored"


def test_asking_ends_when_the_platforms_copy_is_gone(line: Line, media: Media) -> None:
    media.answer = respond(b"", status="404 Not Found")
    line.deliver(recordingUrl=media.url)
    work(FETCH)
    with tenancy.scope(line.organisation_id):
        (original,) = access.locations_of(line.organisation_id, recording(line).id)
    assert original.expected_gone_on is not None
    day_after = datetime.combine(original.expected_gone_on, datetime.min.time(), UTC) + timedelta(days=1, hours=1)
    with time_machine.travel(max(day_after, datetime.now(UTC) + timedelta(days=4))):
        work(FETCH)
    assert (recording(line).state, recording(line).failure_code) == ("unavailable", "not_found")


def test_a_call_erased_while_its_sound_was_coming(line: Line, media: Media, entries: Entries, settings: Any) -> None:
    line.deliver(recordingUrl=media.url)
    before, call = stored_blobs(settings), line.call()
    download = downloading.download

    def slow(task: Any) -> Any:
        fetched = download(task)
        with tenancy.scope(line.organisation_id):
            erasing.mark_call_erasing(erasing.lock_call(line.organisation_id, call.id))
        return fetched

    media.answer = respond(SOUND)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloading, "download", slow)
        work(FETCH)
    assert recording(line).state == "fetching"
    assert recording(line).object is None
    assert stored_blobs(settings) == before
    (entry,) = entries.of("recordings.artifact.refused")
    assert (entry.outcome, entry.what["code"]) == ("refused", "call_erased")
    assert DueWork.objects.filter(job="retention.delete_late", object_id=call.id).exists()  # it lies at the platform


def test_an_erased_call_is_not_fetched(line: Line, media: Media) -> None:
    line.deliver(recordingUrl=media.url)
    with tenancy.scope(line.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(line.organisation_id, line.call().id))
    work(FETCH)
    assert media.requests == []
    assert recording(line).state == "announced"


def test_a_worker_that_died_over_it_leaves_it_to_the_next(line: Line, media: Media) -> None:
    line.deliver(recordingUrl=media.url)
    fetching._begin(Actor.scheduler(line.organisation_id), recording(line).id)
    assert recording(line).state == "fetching"
    work(FETCH)
    assert recording(line).state == "stored"


def test_a_new_address_is_tried_at_once(line: Line, media: Media) -> None:
    media.answer = respond(b"", status="410 Gone")
    line.deliver(recordingUrl=media.url)
    work(FETCH)
    media.answer = respond(SOUND)
    line.deliver(recordingUrl=media.url + "&fresh=1")
    work(FETCH)
    assert recording(line).state == "stored"
    assert "fresh=1" in media.requests[-1]


class TestRetry:
    def test_by_an_officer(self, line: Line, media: Media, cast: Cast, entries: Entries) -> None:
        line.deliver(recordingUrl="https://elsewhere.example/call.mp3")
        work(FETCH)
        with pytest.raises(NotAllowed):
            fetching.retry_fetch(actor=cast.colleague.actor, artifact_id=recording(line).id)
        with pytest.raises(NotFound):
            fetching.retry_fetch(actor=cast.outsider.actor, artifact_id=recording(line).id)
        fetching.retry_fetch(actor=cast.officer.actor, artifact_id=recording(line).id)
        assert work(FETCH) == [FETCH]
        assert len(entries.of("recordings.artifact.retried")) == 1

    def test_not_what_is_stored(self, played_line: Line, cast: Cast) -> None:
        with pytest.raises(Conflict):
            fetching.retry_fetch(actor=cast.officer.actor, artifact_id=recording(played_line).id)


def test_the_address_appears_in_no_log_line(line: Line, media: Media, log_lines: io.StringIO) -> None:
    media.answer = respond(b"", status="404 Not Found")
    line.deliver(recordingUrl=media.url)
    work(FETCH)
    assert "recording not fetched" in log_lines.getvalue()
    assert "signature" not in log_lines.getvalue()


def test_nothing_of_it_in_the_store_is_readable(played_line: Line, settings: Any) -> None:
    from pathlib import Path

    folder = Path(settings.STORAGES["vault"]["OPTIONS"]["location"])
    for path in folder.rglob("*"):
        if path.is_file():
            assert SOUND[2000:2064] not in path.read_bytes()


def test_an_artifact_that_does_not_exist(line: Line) -> None:
    with pytest.raises(NotFound):
        fetching.fetch_recording(actor=Actor.scheduler(line.organisation_id), artifact_id=UUID(int=1))
