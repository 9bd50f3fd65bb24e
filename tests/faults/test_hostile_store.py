"""A store that gives other bytes than it was given: altered, cut, lengthened, exchanged, or none.

Over HTTP nobody hears one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from accounts import tenancy
from compliance import law
from compliance.config import samples
from compliance.recordings import access as register
from compliance.recordings.operations import links
from compliance.rest import PROBLEM_JSON
from compliance.vault import envelope
from compliance.vault.errors import Unreadable
from tests.cast import Cast, Member
from tests.compliance.dsr import requests as wishes

SHORT, LONG, OTHER = "01", "07", "02"
"""Sample calls: one whose sound is opened in a single piece, one of two megabytes, and somebody else's."""


@dataclass(frozen=True)
class Recording:
    """A recording as the store has it, and as it was."""

    path: Path
    link: str
    sound: bytes

    def play(self, **headers: str) -> Any:
        return Client().get(self.link, headers=headers)

    def heard(self) -> bytes:
        """Everything that a player gets before the answer ends or breaks off."""
        answer = self.play()
        return _received(answer) if answer.streaming else b""


def _received(answer: Any) -> bytes:
    """What came before the server closed the connection, where it met bytes that are not what was sealed."""
    got = bytearray()
    try:
        for piece in answer.streaming_content:
            got += piece
    except Unreadable:
        assert len(got) < int(answer["Content-Length"])
    return bytes(got)


@pytest.fixture
def calls(arrived: Callable[..., dict[str, UUID]]) -> dict[str, UUID]:
    return arrived(SHORT, LONG, OTHER)


@pytest.fixture
def recordings(cast: Cast, calls: dict[str, UUID]) -> dict[str, Recording]:
    folder, sounds = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]), dict[str, bytes]()
    for sample in samples.samples(""):
        sounds[sample.name[:2]] = sample.audio.read_bytes()
    found = {}
    with tenancy.scope(cast.organisation_id):
        for name, call_id in calls.items():
            artifact = register.recording_of(cast.organisation_id, call_id)
            assert artifact is not None
            assert artifact.object is not None
            issued = links.issue_playback_link(actor=cast.officer.actor, artifact_id=artifact.id, purpose="complaint")
            found[name] = Recording(folder / artifact.object.store_key, f"/play/{issued.token}", sounds[name])
    return found


def _altered(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


WRONG: dict[str, Callable[[bytes], bytes]] = {
    "salt": lambda data: _altered(data, 3),
    "commitment": lambda data: _altered(data, envelope.SALT + 3),
    "first byte of the sound": lambda data: _altered(data, envelope.HEADER),
    "a tag": lambda data: _altered(data, envelope.HEADER + envelope.SEALED_CHUNK - 1),
    "last byte": lambda data: _altered(data, len(data) - 1),
    "two chunks exchanged": lambda data: (
        data[: envelope.HEADER]
        + data[envelope.HEADER + envelope.SEALED_CHUNK : envelope.HEADER + 2 * envelope.SEALED_CHUNK]
        + data[envelope.HEADER : envelope.HEADER + envelope.SEALED_CHUNK]
        + data[envelope.HEADER + 2 * envelope.SEALED_CHUNK :]
    ),
    "cut by a byte": lambda data: data[:-1],
    "cut at a chunk's edge": lambda data: data[: envelope.HEADER + 2 * envelope.SEALED_CHUNK],
    "a chunk taken out": lambda data: data[: envelope.HEADER] + data[envelope.HEADER + envelope.SEALED_CHUNK :],
    "lengthened by a byte": lambda data: data + b"\0",
    "emptied": lambda data: b"",
    "clear sound in its place": lambda data: b"ID3" + bytes(len(data) - 3),
}
IN_THE_HEADER = {"salt", "commitment"}
"""In the file these are copies: what counts stands in the row, bound by the wrap of the data key, so that a range needs
one read.
"""


@pytest.mark.parametrize("wrong", [name for name in WRONG if name not in IN_THE_HEADER])
def test_what_is_not_what_was_sealed_is_a_problem_and_no_sound(recordings: dict[str, Recording], wrong: str) -> None:
    recording = recordings[SHORT]
    assert recording.heard() == recording.sound
    recording.path.write_bytes(WRONG[wrong](recording.path.read_bytes()))
    answer = recording.play()
    assert (answer.status_code, answer["Content-Type"], answer.json()["code"]) == (500, PROBLEM_JSON, "unreadable")
    assert recording.heard() == b""
    assert recordings[OTHER].heard() == recordings[OTHER].sound


@pytest.mark.parametrize("wrong", sorted(IN_THE_HEADER))
def test_the_header_in_the_file_is_not_what_counts(recordings: dict[str, Recording], wrong: str) -> None:
    recording = recordings[SHORT]
    recording.path.write_bytes(WRONG[wrong](recording.path.read_bytes()))
    assert recording.heard() == recording.sound


def test_a_long_answer_breaks_off_before_the_first_wrong_byte(recordings: dict[str, Recording]) -> None:
    """What was sent before is authentic, and shorter than the answer promised: nobody takes it for the whole."""
    recording = recordings[LONG]
    data = recording.path.read_bytes()
    recording.path.write_bytes(_altered(data, len(data) - 50_000))
    answer = recording.play()
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(recording.sound)))
    with pytest.raises(Unreadable):
        b"".join(answer.streaming_content)
    heard = recording.heard()
    assert 0 < len(heard) < len(recording.sound)
    assert recording.sound.startswith(heard)
    spoiled = recording.play(Range=f"bytes={len(recording.sound) - 50_000}-")
    assert (spoiled.status_code, spoiled.json()["code"]) == (500, "unreadable")
    whole = recording.play(Range="bytes=0-99999")
    assert b"".join(whole.streaming_content) == recording.sound[:100_000]


def test_two_recordings_exchanged_in_the_store(recordings: dict[str, Recording]) -> None:
    """Even where both have the same length, one call's sound is not another's."""
    one, other = recordings[SHORT], recordings[OTHER]
    first, second = one.path.read_bytes(), other.path.read_bytes()
    one.path.write_bytes(second)
    other.path.write_bytes(first)
    assert (one.heard(), other.heard()) == (b"", b"")
    one.path.write_bytes(second[: len(first)].ljust(len(first), b"\0"))  # in the length that the register knows
    assert one.play().status_code == 500
    assert one.heard() == b""


def test_a_recording_that_is_gone_from_the_store(recordings: dict[str, Recording]) -> None:
    recordings[SHORT].path.unlink()
    answer = recordings[SHORT].play()
    assert (answer.status_code, answer.json()["code"]) == (500, "unreadable")
    assert str(recordings[SHORT].path.name) not in answer.content.decode()


def test_words_altered_or_exchanged_in_the_database(cast: Cast, calls: dict[str, UUID], api: APIClient) -> None:
    """Transcripts lie in rows: the same seal holds for them."""
    addresses = [f"/api/v1/calls/{calls[name]}/transcript" for name in (SHORT, OTHER)]
    with tenancy.scope(cast.organisation_id):
        rows = []
        for name in (SHORT, OTHER):
            artifact = register.transcript_of(cast.organisation_id, calls[name])
            assert artifact is not None
            assert artifact.object is not None
            rows.append(artifact.object)
        sealed = [bytes(row.inline or b"") for row in rows]
        for wrong in ([_altered(sealed[0], 90), sealed[1][:-20]], [sealed[1], sealed[0]]):
            for row, data in zip(rows, wrong, strict=True):
                row.inline = data
                row.save(update_fields=["inline"])
            for address in addresses:
                answer = api.get(address)
                assert (answer.status_code, answer.json()["code"]) == (500, "unreadable")
        for row, data in zip(rows, sealed, strict=True):
            row.inline = data
            row.save(update_fields=["inline"])
    assert [api.get(address).status_code for address in addresses] == [200, 200]


def test_a_package_that_was_altered_is_not_handed_over(
    cast: Cast, arrived: Callable[..., dict[str, UUID]], jobs: Any, signed_in: Callable[[Member], APIClient]
) -> None:
    arrived(SHORT, "05")  # both hers, and together more than is opened in one piece
    request = wishes.receive(cast, law.Right.ACCESS)
    wishes.approve(cast, jobs, request)
    jobs.drain()
    client: Any = signed_in(cast.officer)
    address = f"/api/v1/requests/{request.id}/package"
    whole = b"".join(client.get(address).streaming_content)
    with tenancy.scope(cast.organisation_id):
        (artifact,) = register.artifacts(cast.organisation_id).filter(kind="export_package")
    assert artifact.object is not None
    path = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]) / artifact.object.store_key
    sealed = path.read_bytes()
    path.write_bytes(_altered(sealed, envelope.HEADER + 5))
    refused = client.get(address)
    assert (refused.status_code, refused.json()["code"]) == (500, "unreadable")
    path.write_bytes(_altered(sealed, len(sealed) - 5))
    got = _received(client.get(address))
    assert 0 < len(got) < len(whole)
    assert whole.startswith(got)
