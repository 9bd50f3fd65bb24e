"""Where a recording's bytes come from: an address of any kind of file, an encrypted one, one that needs credentials or
a fresh link, a delivery that holds the sound itself, a file at hand.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import access as connectors
from compliance.connectors import operations as connector_operations
from compliance.connectors.facts import Absence, CallFacts, Rank, RecordingCipher, RecordingFacts, RecordingKind
from compliance.connectors.providers import registry
from compliance.connectors.providers.questions import AskFailed
from compliance.connectors.sniffing import Container
from compliance.errors import Gone
from compliance.recordings import access
from compliance.recordings.models import Artifact
from compliance.recordings.operations import deliveries, erasing, fetching, registering
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.calls import MP3, Line, Media, respond, work
from tests.compliance.connectors.tones import KINDS, tone
from tests.compliance.recordings.platforms import (
    CALL,
    NOW,
    FakeApi,
    FakePlatform,
    api,
    artifacts,
    platform,
    recording,
    register,
    sound,
    told,
)

__all__ = ["api", "platform"]

FETCH = "recordings.fetch_recording"
SOUND = MP3.read_bytes()
SHA256, SHA512 = hashlib.sha256(SOUND).hexdigest(), hashlib.sha512(SOUND).hexdigest()


def clear(line: Line, artifact: Artifact) -> bytes:
    assert artifact.object is not None
    with tenancy.scope(line.organisation_id):
        return store.open_bytes(artifact.object)


def blobs(settings: Any) -> list[Path]:
    folder = Path(settings.STORAGES["vault"]["OPTIONS"]["location"])
    return [path for path in folder.rglob("*") if path.is_file()]


def outcome(line: Line) -> tuple[str, str]:
    found = recording(line)
    return found.state, found.failure_code


# --- every kind of file ---------------------------------------------------------------------------

TYPES = {
    Container.MP3: ("audio/mpeg", "audio/wav"),
    Container.WAV: ("audio/x-wav", "audio/mpeg"),
    Container.OGG: ("audio/ogg", "audio/flac"),
    Container.FLAC: ("audio/flac", "audio/ogg"),
    Container.MP4: ("audio/x-m4a", "audio/mpeg"),
}


@pytest.mark.parametrize(("container", "encoder", "codec"), KINDS, ids=str)
@pytest.mark.parametrize("header", ["right", "none", "wrong"])
def test_every_kind_of_file_by_its_content(
    line: Line, media: Media, platform: FakePlatform, container: Container, encoder: str, codec: str, header: str
) -> None:
    body = tone(container, encoder, "stereo", seconds=3)
    right, wrong = TYPES[container]
    announced = {"right": right, "none": "application/octet-stream", "wrong": wrong}[header]
    media.answer = respond(body, media_type=announced)
    register(line, told(sound(media.url)))
    work(FETCH)
    found = recording(line)
    if header == "wrong":
        assert (found.state, found.failure_code, found.object) == ("quarantined", "type_mismatch", None)
        return
    assert (found.state, found.codec, found.media_type) == ("stored", codec, container.media_type)
    assert (found.size, found.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert found.duration_ms is not None
    assert abs(found.duration_ms - 3_000) < 200


def test_several_recordings_of_one_call_are_all_fetched(line: Line, media: Media, platform: FakePlatform) -> None:
    kinds = [*RecordingKind]
    bodies = {kind: tone(*KINDS[number][:2], "mono") for number, kind in enumerate(kinds)}

    def answer(connection: Any) -> None:
        kind = next(kind for kind in kinds if f"leg={kind} " in media.requests[-1])
        respond(bodies[kind], media_type="application/octet-stream")(connection)

    media.answer = answer
    register(line, told(*[RecordingFacts(url=f"{media.url}&leg={kind}", kind=kind) for kind in kinds]))
    for _ in kinds:
        work(FETCH)
    found = {one.variant: (one.state, one.sha256, one.kind) for one in artifacts(line)}
    assert found == {
        kind.value: (
            "stored",
            hashlib.sha256(bodies[kind]).hexdigest(),
            "redacted_copy" if kind is RecordingKind.REDACTED else "recording",
        )
        for kind in kinds
    }


# --- what was announced ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "size", "state", "code"),
    [
        (f"sha256:{SHA256}", None, "stored", ""),
        (f"sha512:{SHA512}", len(SOUND), "stored", ""),
        (f"SHA512:{SHA512.upper()}", None, "stored", ""),
        ("sha256:" + "0" * 64, None, "quarantined", "hash_mismatch"),
        ("sha512:" + "0" * 128, None, "quarantined", "hash_mismatch"),
        (None, len(SOUND) + 1, "quarantined", "size_mismatch"),
    ],
)
def test_what_was_announced_is_compared_with_what_came(
    line: Line, media: Media, platform: FakePlatform, settings: Any,
    word: str | None, size: int | None, state: str, code: str,
) -> None:  # fmt: skip
    register(line, told(sound(media.url, announced_hash=word, size=size)))
    before = blobs(settings)
    work(FETCH)
    assert outcome(line) == (state, code)
    assert (len(blobs(settings)) > len(before)) == (state == "stored")


# --- encrypted for us -----------------------------------------------------------------------------

KEY_ID = "CR0123"


class Vendor:
    """Encrypts a recording as the platform does: AES-256-GCM, the key wrapped under our public key."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(65_537, 2_048)
        key, iv = os.urandom(32), os.urandom(12)
        self.body = AESGCM(key).encrypt(iv, SOUND, None)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        wrapped = self.private.public_key().encrypt(key, oaep)
        self.cipher = RecordingCipher(KEY_ID, base64.b64encode(wrapped).decode(), base64.b64encode(iv).decode())

    @property
    def pem(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def our_key(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    keys = {KEY_ID: vendor.pem}
    monkeypatch.setattr(connectors, "recording_key_of", lambda connection, key_id: keys.get(key_id))
    return keys


def test_an_encrypted_recording_is_kept_as_the_sound_that_it_is(
    line: Line, media: Media, platform: FakePlatform, vendor: Vendor, our_key: Any, settings: Any
) -> None:
    media.answer = respond(vendor.body, media_type="audio/mpeg")
    announced = f"sha256:{hashlib.sha256(vendor.body).hexdigest()}"
    register(line, told(sound(media.url, cipher=vendor.cipher, announced_hash=announced, size=len(vendor.body))))
    work(FETCH)
    found = recording(line)
    assert (found.state, found.failure_code) == ("stored", "")
    assert (found.sha256, found.size, found.codec) == (SHA256, len(SOUND), "mp3")  # of the clear sound
    assert clear(line, found) == SOUND
    assert all(SOUND[5_000:5_064] not in path.read_bytes() for path in blobs(settings))


def test_what_the_cipher_is_made_of_lies_sealed(
    line: Line, platform: FakePlatform, vendor: Vendor, media: Media
) -> None:
    register(line, told(sound(media.url, cipher=vendor.cipher)))
    sealed = bytes(recording(line).sealed_cipher or b"")
    assert sealed
    assert KEY_ID.encode() not in sealed


def test_without_our_key_it_waits(
    line: Line, media: Media, platform: FakePlatform, vendor: Vendor, our_key: dict[str, bytes]
) -> None:
    pem = our_key.pop(KEY_ID)
    media.answer = respond(vendor.body)
    register(line, told(sound(media.url, cipher=vendor.cipher)))
    work(FETCH)
    assert outcome(line) == ("retry_wait", "no_key")
    assert media.requests == []
    our_key[KEY_ID] = pem
    fetching.fetch_recording(actor=Actor.scheduler(line.organisation_id), artifact_id=recording(line).id)
    assert outcome(line) == ("stored", "")


@pytest.mark.parametrize(
    ("spoil", "state", "code"),
    [
        (lambda body: body[:-1] + bytes([body[-1] ^ 1]), "quarantined", "not_authentic"),
        (lambda body: body[:9_000] + bytes([body[9_000] ^ 1]) + body[9_001:], "quarantined", "not_authentic"),
        (lambda body: body[:-5_000], "quarantined", "not_authentic"),
    ],
)
def test_an_encrypted_recording_that_was_changed_is_not_kept(
    line: Line, media: Media, platform: FakePlatform, vendor: Vendor, our_key: Any, settings: Any,
    spoil: Any, state: str, code: str,
) -> None:  # fmt: skip
    media.answer = respond(spoil(vendor.body))
    register(line, told(sound(media.url, cipher=vendor.cipher)))
    before = blobs(settings)
    work(FETCH)
    assert outcome(line) == (state, code)
    assert blobs(settings) == before


def test_another_key_than_ours_waits_for_the_right_one(
    line: Line, media: Media, platform: FakePlatform, vendor: Vendor, our_key: dict[str, bytes]
) -> None:
    our_key[KEY_ID] = Vendor().pem
    media.answer = respond(vendor.body)
    register(line, told(sound(media.url, cipher=vendor.cipher)))
    work(FETCH)
    assert outcome(line) == ("retry_wait", "wrong_key")


# --- credentials and fresh links ------------------------------------------------------------------


def test_media_are_asked_for_with_the_platforms_credentials(
    line: Line, media: Media, api: FakeApi, log_lines: io.StringIO
) -> None:
    api.headers = {"Authorization": "Basic c2VjcmV0"}
    media.answer = respond(b"", status="404 Not Found")
    register(line, told(sound(media.url)))
    work(FETCH)
    assert "authorization: basic c2vjcmv0" in media.requests[-1].lower()
    assert "c2VjcmV0" not in log_lines.getvalue()


def test_without_credentials_it_waits(line: Line, media: Media, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, credentials: Any) -> Any:
        raise AskFailed("no_credentials")

    monkeypatch.setattr(api, "media_headers", refuse, raising=False)
    register(line, told(sound(media.url)))
    work(FETCH)
    assert outcome(line) == ("retry_wait", "no_credentials")
    assert media.requests == []


@pytest.fixture
def fresh(media: Media) -> str:
    """The old address answers as it is told to; the fresh one has the sound."""
    media.answer = only_fresh(media, "403 Forbidden")
    return media.url + "&fresh=1"


def only_fresh(media: Media, status: str) -> Any:
    def answer(connection: Any) -> None:
        is_fresh = "fresh=1" in media.requests[-1]
        respond(SOUND if is_fresh else b"", status="200 OK" if is_fresh else status)(connection)

    return answer


def polled(url: str, **fields: Any) -> Any:
    return told(sound(url, **fields), rank=Rank.POLLED)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"])
def test_a_refused_link_is_renewed_and_tried_at_once(
    line: Line, media: Media, api: FakeApi, fresh: str, status: str
) -> None:
    media.answer = only_fresh(media, status)
    api.answer = polled(fresh)
    register(line, told(sound(media.url)))
    assert work(FETCH)[0] == FETCH
    assert outcome(line) == ("stored", "")
    assert api.asked == [f"/calls/{CALL}"]
    assert len(media.requests) == 2


def test_an_expired_link_is_renewed_before_it_is_tried(line: Line, media: Media, api: FakeApi, fresh: str) -> None:
    api.answer = polled(fresh, expires_at=datetime.now(UTC) + timedelta(hours=1))
    register(line, told(sound(media.url, expires_at=datetime.now(UTC) - timedelta(minutes=1))))
    work(FETCH)
    assert outcome(line) == ("stored", "")
    assert len(media.requests) == 1
    assert "fresh=1" in media.requests[0]


@pytest.mark.parametrize("expires_in", [-60, 3_600, None])
def test_the_platform_is_asked_once_a_try(
    line: Line, media: Media, api: FakeApi, fresh: str, expires_in: int | None
) -> None:
    expires_at = None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
    api.answer = polled(media.url + "&also=dead")
    register(line, told(sound(media.url, expires_at=expires_at)))
    fetching.fetch_recording(actor=Actor.scheduler(line.organisation_id), artifact_id=recording(line).id)
    assert outcome(line) == ("retry_wait", "denied")
    assert len(api.asked) == 1


def test_the_same_address_again_is_not_tried_twice(line: Line, media: Media, api: FakeApi, fresh: str) -> None:
    api.answer = polled(media.url)
    register(line, told(sound(media.url)))
    work(FETCH)
    assert len(media.requests) == len(api.asked) == 1
    assert outcome(line) == ("retry_wait", "denied")


def test_a_platform_that_does_not_answer_changes_nothing(line: Line, media: Media, api: FakeApi, fresh: str) -> None:
    api.failure = AskFailed("platform_unavailable", is_retryable=True)
    register(line, told(sound(media.url)))
    work(FETCH)
    assert outcome(line) == ("retry_wait", "denied")


def test_a_platform_that_has_it_no_more_ends_the_asking(line: Line, media: Media, api: FakeApi, fresh: str) -> None:
    api.answer = told(RecordingFacts(url="", absence=Absence.DELETED), rank=Rank.POLLED)
    register(line, told(sound(media.url)))
    work(FETCH)
    assert outcome(line) == ("unavailable", "deleted")


def test_other_failures_ask_nobody(line: Line, media: Media, api: FakeApi) -> None:
    media.answer = respond(b"", status="500 Internal Server Error")
    register(line, told(sound(media.url)))
    work(FETCH)
    assert api.asked == []


# --- sound inside a delivery ----------------------------------------------------------------------


def deliver(line: Line, platform: FakePlatform, name: str = "one", content: bytes = SOUND, **fields: Any) -> Any:
    """A delivery in which the sound itself stands."""
    facts = told(RecordingFacts(url="", content=content, **fields))
    platform.prepared[name] = facts
    padding_of_body = "x" * len(content)
    answer = line.post(b'{"event":"audio","prepared":"%s","body":"%s"}' % (name.encode(), padding_of_body.encode()))
    assert answer.status_code == 202, answer.content
    work("intake.process_delivery")
    return facts


def test_sound_inside_a_delivery_is_kept_like_any_other(line: Line, platform: FakePlatform, settings: Any) -> None:
    settings.WEBHOOK_MAX_BYTES = 10_000_000
    deliver(line, platform)
    assert work(FETCH) == [FETCH]
    found = recording(line)
    assert (found.state, found.failure_code, found.sealed_source) == ("stored", "", None)
    assert (found.sha256, found.size, found.codec) == (SHA256, len(SOUND), "mp3")
    assert clear(line, found) == SOUND
    assert all(SOUND[5_000:5_064] not in path.read_bytes() for path in blobs(settings))


def test_sound_that_is_delivered_again_changes_nothing(line: Line, platform: FakePlatform, settings: Any) -> None:
    deliver(line, platform)
    work(FETCH)
    before = [path.name for path in blobs(settings)]
    deliver(line, platform, "two")
    work(FETCH)
    assert [path.name for path in blobs(settings)] == before
    assert len([one for one in artifacts(line) if one.kind == "recording"]) == 1


def test_a_second_event_does_not_hide_sound_that_waits(line: Line, platform: FakePlatform) -> None:
    """The words come after the sound and before the job."""
    deliver(line, platform)
    platform.prepared["words"] = told(ended_reason="bye", rank=Rank.ANALYSED)
    line.post(b'{"event":"words","prepared":"words"}')
    work("intake.process_delivery")
    work(FETCH)
    assert outcome(line) == ("stored", "")


@pytest.mark.parametrize("comes_first", ["sound", "address"])
def test_sound_in_a_delivery_is_better_than_an_address(
    line: Line, platform: FakePlatform, media: Media, comes_first: str
) -> None:
    """ElevenLabs tells the address with the words, and sends the sound in an event of its own, in any order."""
    media.answer = respond(b"", status="401 Unauthorized")
    if comes_first == "sound":
        deliver(line, platform)
    register(line, told(sound(media.url)))
    if comes_first == "address":
        deliver(line, platform)
    work(FETCH)
    assert outcome(line) == ("stored", "")
    assert media.requests == []


@pytest.mark.parametrize(
    ("content", "fields", "code"),
    [
        (b"<html>no sound</html>" * 99, {}, "unavailable"),
        (b"\x89PNG" * 99, {}, "not_audio"),
        (SOUND, {"media_type": "audio/wav"}, "type_mismatch"),
        (SOUND, {"announced_hash": "sha256:" + "1" * 64}, "hash_mismatch"),
    ],
)
def test_what_is_no_sound_in_a_delivery_is_not_kept(
    line: Line, platform: FakePlatform, content: bytes, fields: dict[str, Any], code: str
) -> None:
    deliver(line, platform, content=content, **fields)
    work(FETCH)
    assert outcome(line)[1] == code
    assert recording(line).object is None


def test_sound_whose_delivery_is_gone_is_visibly_not_there(line: Line, platform: FakePlatform) -> None:
    deliver(line, platform)
    platform.prepared.clear()
    work(FETCH)
    assert outcome(line) == ("unavailable", "no_content")


def test_sound_inside_a_delivery_of_an_erased_call_is_refused(
    line: Line, platform: FakePlatform, settings: Any
) -> None:
    deliver(line, platform)
    with tenancy.scope(line.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(line.organisation_id, line.call(CALL).id))
    before = blobs(settings)
    work(FETCH)
    assert recording(line).state == "announced"
    assert blobs(settings) == before


def test_elevenlabs_own_audio_event(cast: Cast) -> None:
    """Seven megabytes of body: too large for a row, so it lies in the store, and the sound is read out of it."""
    body_sound = MP3.read_bytes() * 30
    actor = cast.officer.actor
    new = connector_operations.NewConnection("elevenlabs", "Agents", allowed_hosts=["api.elevenlabs.io"])
    connection = connector_operations.create_connection(actor=actor, new=new).connection
    data = {
        "agent_id": "agent_7",
        "conversation_id": "conv_7",
        "full_audio": base64.b64encode(body_sound).decode(),
    }
    body = json.dumps({"type": "post_call_audio", "event_timestamp": 1_772_000_000, "data": data}).encode()
    (facts,) = registry.provider_for("elevenlabs").parse(body)
    assert isinstance(facts, CallFacts)
    call = registering.register_call(actor=actor, connection_id=connection.id, facts=facts, received_at=NOW)
    deliveries.keep_delivery(actor=actor, call_id=call.id, delivery_id=UUID(int=7), body=body)
    work(FETCH)
    with tenancy.scope(cast.organisation_id):
        found = {one.kind: one for one in access.artifacts_of(cast.organisation_id, call.id)}
        recorded, kept = found["recording"], found["delivery"]
        assert (recorded.state, recorded.failure_code) == ("stored", "")
        assert recorded.sha256 == hashlib.sha256(body_sound).hexdigest()
        assert kept.object is not None
        assert kept.object.store_key
        assert store.open_bytes(kept.object) == body


# --- a file at hand -------------------------------------------------------------------------------


def take_in(line: Line, body: bytes = SOUND, **fields: Any) -> fetching.Outcome:
    pieces = [body[start : start + 1_000] for start in range(0, len(body), 1_000)]
    found = RecordingFacts(url="", **fields)
    actor = Actor.scheduler(line.organisation_id)
    _, what = fetching.take_in_recording(actor=actor, call_id=line.call(CALL).id, recording=found, chunks=pieces)
    return what


def test_a_file_at_hand_is_taken_in_once(line: Line, platform: FakePlatform) -> None:
    register(line, told())
    assert take_in(line).state == "stored"
    assert take_in(line).code == "nothing_to_fetch"
    found = recording(line)
    assert (found.sha256, found.codec) == (SHA256, "mp3")
    with tenancy.scope(line.organisation_id):
        places = access.locations_of(line.organisation_id, found.id)
    assert [one.place for one in places] == ["store"]  # it never lay at a platform, as far as we know
    assert clear(line, found) == SOUND


def test_a_file_that_is_no_sound_is_not_taken_in(line: Line, platform: FakePlatform) -> None:
    register(line, told())
    assert take_in(line, b"%PDF-1.7" * 999).code == "not_audio"
    assert outcome(line) == ("quarantined", "not_audio")


def test_a_file_of_an_erased_call_is_refused(line: Line, platform: FakePlatform) -> None:
    register(line, told())
    with tenancy.scope(line.organisation_id):
        erasing.mark_call_erasing(erasing.lock_call(line.organisation_id, line.call(CALL).id))
    with pytest.raises(Gone):
        take_in(line)
