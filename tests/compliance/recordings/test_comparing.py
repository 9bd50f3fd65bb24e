"""A hash that is told late, compared with what is stored, whether its kind was taken on the way in or not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from accounts import tenancy
from accounts.errors import NotAllowed
from compliance.recordings import access
from compliance.recordings.operations import comparing, downloading
from compliance.recordings.operations.downloading import Fetched, Task
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, Media, work
from tests.compliance.recordings.platforms import CALL, platform, recording, register, sound, told
from tests.compliance.recordings.test_announcing import FETCH, SOUND, is_due

__all__ = ["platform"]

COMPARE = "recordings.compare_hash"
SHA512 = hashlib.sha512(SOUND).hexdigest()
DISPUTED = "recordings.artifact.disputed"


@pytest.fixture
def stored(line: Line, platform: object, media: Media) -> Callable[[str], None]:
    """The recording is stored; then this hash is told."""
    register(line, told(sound(media.url)))
    work(FETCH)
    return lambda announced: register(line, told(sound(media.url, announced_hash=announced)))


@pytest.mark.parametrize(("announced", "code"), [(f"sha512:{SHA512}", ""), ("sha512:" + "0" * 128, "hash_mismatch")])
def test_sha512_that_is_told_late_is_taken_then(
    line: Line, stored: Callable[[str], None], entries: Entries, announced: str, code: str
) -> None:
    stored(announced)
    assert (recording(line).expected_hash, recording(line).failure_code) == (announced, "")
    assert work(COMPARE) == [COMPARE]
    found = recording(line)
    assert (found.state, found.failure_code) == ("stored", code)
    assert len(entries.of(DISPUTED)) == (1 if code else 0)
    assert not is_due(line, COMPARE)


def test_comparing_twice_tells_once(line: Line, stored: Callable[[str], None], entries: Entries, cast: Cast) -> None:
    stored("sha512:" + "0" * 128)
    actor = cast.officer.actor
    assert [comparing.compare_hash(actor=actor, artifact_id=recording(line).id) for _ in range(2)] == [False, False]
    assert len(entries.of(DISPUTED)) == 1


def test_sha512_that_is_told_in_time_needs_no_second_reading(line: Line, platform: object, media: Media) -> None:
    register(line, told(sound(media.url, announced_hash=f"sha512:{SHA512}")))
    work(FETCH)
    found = recording(line)
    assert (found.state, found.failure_code, found.object and found.object.sha512) == ("stored", "", SHA512)
    assert not is_due(line, COMPARE)


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_a_hash_that_is_told_while_the_bytes_come_is_compared(
    line: Line, platform: object, media: Media, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    register(line, told(sound(media.url)))
    download = downloading.download
    wrong = f"{name}:" + "0" * hashlib.new(name).digest_size * 2

    def downloaded(task: Task) -> Fetched:
        fetched = download(task)
        register(line, told(sound(media.url, announced_hash=wrong)))
        return fetched

    monkeypatch.setattr(downloading, "download", downloaded)
    work(FETCH)
    assert recording(line).failure_code == ""
    work(COMPARE)
    assert recording(line).failure_code == "hash_mismatch"


def test_nothing_is_compared_that_is_gone(line: Line, stored: Callable[[str], None], cast: Cast) -> None:
    stored("sha512:" + "0" * 128)
    with tenancy.scope(line.organisation_id):
        scope = access.call_scope(line.organisation_id, line.call(CALL).id)
        store.begin_destruction(line.organisation_id, [scope], ground="erasure", cause=recording(line).id)
    assert comparing.compare_hash(actor=cast.officer.actor, artifact_id=recording(line).id)
    assert recording(line).failure_code == ""


def test_only_who_may_register_may_compare(line: Line, stored: Callable[[str], None], cast: Cast) -> None:
    stored("sha512:" + "0" * 128)
    with pytest.raises(NotAllowed):
        comparing.compare_hash(actor=cast.auditor.actor, artifact_id=recording(line).id)
    assert not comparing.compare_hash(actor=cast.officer.actor, artifact_id=recording(line).id)
