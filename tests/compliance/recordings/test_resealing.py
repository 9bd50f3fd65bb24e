"""One object gets a new data key and new bytes: nobody notices, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.errors import Conflict, Unavailable
from compliance.recordings import access
from compliance.recordings.models import Location
from compliance.recordings.operations import resealing
from compliance.recordings.states import ArtifactKind
from compliance.vault import blobs, scopes, store
from compliance.vault.hierarchy import KeyName
from compliance.vault.keystore import custody
from compliance.vault.store import KeyDestroyed, SealedObject, Unreadable
from tests.cast import Cast
from tests.compliance.calls import Entries
from tests.compliance.calls import entries as entries


@pytest.fixture
def call_id(arrived: Callable[..., dict[str, UUID]]) -> UUID:
    return arrived("01")["01"]


def sealed_of(cast: Cast, call_id: UUID, kind: ArtifactKind = ArtifactKind.RECORDING) -> SealedObject:
    with tenancy.scope(cast.organisation_id):
        artifact = access.artifacts(cast.organisation_id).get(call_id=call_id, kind=kind.value)
        assert artifact.object is not None
        found: SealedObject = artifact.object
    return found


def files(organisation_id: UUID) -> set[str]:
    folder = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]) / str(organisation_id)
    return {f"{organisation_id}/{path.name}" for path in folder.iterdir()}


def reseal(cast: Cast, sealed: SealedObject) -> None:
    resealing.reseal_object(actor=Actor.system(cast.organisation_id), object_id=sealed.id)


def test_it_lies_elsewhere_under_another_key_and_reads_the_same(cast: Cast, call_id: UUID, entries: Entries) -> None:
    old = sealed_of(cast, call_id)
    words, others = store.open_bytes(old), files(cast.organisation_id) - {old.store_key}
    reseal(cast, old)
    new = sealed_of(cast, call_id)
    assert (new.id, new.sha256, new.size, new.version) == (old.id, old.sha256, old.size, old.version)
    for name in ("store_key", "header", "wrapped_dek", "ciphertext_sha256"):
        assert getattr(new, name) != getattr(old, name), name
    assert store.open_bytes(new) == words
    assert store.check_stored(new)
    assert files(cast.organisation_id) == others | {new.store_key}
    assert new.replaced_key == ""
    (entry,) = entries.of("vault.key.rotated")
    assert (entry.obj, entry.what) == (("object", old.id), {"key": "data", "level": "object"})


def test_the_register_says_where_it_lies_now(cast: Cast, call_id: UUID) -> None:
    reseal(cast, sealed_of(cast, call_id))
    new = sealed_of(cast, call_id)
    with tenancy.scope(cast.organisation_id):
        places = access.locations(cast.organisation_id).filter(artifact__object=new)
        keys = [place.key for place in places if place.place == Location.Place.STORE]
    assert keys == [new.store_key]


def test_what_lies_in_a_row_gets_a_new_key_too(cast: Cast, call_id: UUID) -> None:
    old = sealed_of(cast, call_id, ArtifactKind.TRANSCRIPT)
    assert old.store_key == ""
    words = store.open_bytes(old)
    reseal(cast, old)
    new = sealed_of(cast, call_id, ArtifactKind.TRANSCRIPT)
    assert bytes(new.inline or b"") != bytes(old.inline or b"")
    assert store.open_bytes(new) == words


def test_who_has_read_the_row_before_still_reads(cast: Cast, call_id: UUID) -> None:
    """A player between two ranges, or a worker: the row at hand is the old one."""
    old = sealed_of(cast, call_id)
    words = store.open_bytes(old)
    started = store.open_stream(old)
    reseal(cast, old)
    assert b"".join(started) == words
    assert b"".join(store.open_range(old, 5, 4000)) == words[5:4000]


def test_a_changed_byte_is_still_an_alarm(cast: Cast, call_id: UUID) -> None:
    reseal(cast, sealed_of(cast, call_id))
    new = sealed_of(cast, call_id)
    path = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]) / new.store_key
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(Unreadable):
        store.open_bytes(new)
    with pytest.raises(Unreadable):
        reseal(cast, new)
    assert files(cast.organisation_id) == {new.store_key}


@pytest.mark.parametrize("verb", ["write", "length", "delete"])
def test_a_run_that_stops_is_gone_on_with(
    cast: Cast, call_id: UUID, verb: str, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = sealed_of(cast, call_id)
    words = store.open_bytes(old)

    def fail(*_: object) -> None:
        raise Unavailable()

    with monkeypatch.context() as patch:
        patch.setattr(blobs.FileBlobs, verb, fail)
        with pytest.raises(Unavailable):
            reseal(cast, old)
    assert store.open_bytes(old) == words
    assert store.open_bytes(sealed_of(cast, call_id)) == words
    jobs.settle()
    is_changed = verb == "delete"  # by then the new one is committed, and the job removes what it replaced
    assert (sealed_of(cast, call_id).store_key != old.store_key) is is_changed
    assert sealed_of(cast, call_id).replaced_key == ""
    assert (old.store_key in files(cast.organisation_id)) is not is_changed


def test_two_at_once_are_one(cast: Cast, call_id: UUID) -> None:
    old = sealed_of(cast, call_id)
    staged = store.stage_again(old)
    reseal(cast, old)
    with pytest.raises(Conflict), tenancy.scope(cast.organisation_id):
        store.record_again(old, staged)
    new = sealed_of(cast, call_id)
    assert files(cast.organisation_id) == {new.store_key}
    assert store.open_bytes(new)


def test_what_is_erased_meanwhile_stays_erased(cast: Cast, call_id: UUID) -> None:
    old = sealed_of(cast, call_id)
    staged = store.stage_again(old)
    with tenancy.scope(cast.organisation_id):
        store.begin_destruction(cast.organisation_id, [old.scope], ground="erasure_request", cause=uuid4())
    with pytest.raises(KeyDestroyed), tenancy.scope(cast.organisation_id):
        store.record_again(old, staged)
    assert files(cast.organisation_id) == {old.store_key}
    with pytest.raises(KeyDestroyed):
        reseal(cast, old)


def test_other_objects_and_keys_are_as_they_were(cast: Cast, call_id: UUID) -> None:
    sealed = sealed_of(cast, call_id)
    transcript = sealed_of(cast, call_id, ArtifactKind.TRANSCRIPT)
    names = [KeyName.of_scope(sealed.scope.kind, sealed.scope.id)]
    before = custody.load(cast.organisation_id, names)
    reseal(cast, sealed)
    custody.forget()
    assert custody.load(cast.organisation_id, names)[names[0]].key == before[names[0]].key
    assert sealed_of(cast, call_id, ArtifactKind.TRANSCRIPT).header == transcript.header


def test_by_the_command_only(cast: Cast, call_id: UUID, capsys: pytest.CaptureFixture[str]) -> None:
    sealed = sealed_of(cast, call_id)
    with pytest.raises(NotAllowed):
        resealing.reseal_object(actor=cast.owner.actor, object_id=sealed.id)
    with pytest.raises(CommandError):
        call_command("rotate_keys", "--object", str(uuid4()))
    call_command("rotate_keys", "--object", str(sealed.id))
    assert "sealed again" in capsys.readouterr().out
    assert sealed_of(cast, call_id).store_key != sealed.store_key
    assert scopes.call(call_id, sealed.principals) == sealed.scope
