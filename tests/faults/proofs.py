"""What must hold after an erasure, however often its workers were killed: everything once, nothing twice, nothing
left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from accounts import tenancy
from audit import export, publish
from audit.verify import __main__ as verifier
from compliance.dsr import access as requests
from compliance.dsr import certificate
from compliance.dsr.models import Suppression
from compliance.recordings import access as register
from compliance.recordings.models import Artifact
from compliance.recordings.states import ArtifactState
from compliance.retention import disposal
from compliance.vault import store
from compliance.vault.keystore.models import Key
from compliance.vault.models import SealedObject, Tombstone
from compliance.vault.router import KEYS
from tests.faults.erasure import Erasure
from tests.faults.worlds import World


def assert_finished_once(erasure: Erasure, world: World) -> None:
    """Every promise of an erasure, read from the rows, the store, the key store and the log."""
    with tenancy.scope(erasure.organisation_id):
        _calls_are_erased(erasure)
        _keys_are_gone(erasure, world)
        _bytes_are_gone(erasure, world)
        _entries_are_single(erasure)
        _person_is_answered_once(erasure)
        _others_are_untouched(erasure)
    _log_verifies(erasure, world)


def _artifacts(erasure: Erasure) -> list[Artifact]:
    return [one for call_id in erasure.calls for one in register.artifacts_of(erasure.organisation_id, call_id)]


def _calls_are_erased(erasure: Erasure) -> None:
    for call_id in erasure.calls:
        call = register.call_of(erasure.organisation_id, call_id)
        assert (call.state, call.external_id, call.sealed_facts) == ("erased", "", None)
    assert {one.state for one in _artifacts(erasure)} == {ArtifactState.DELETED}
    rows = disposal.disposals_for(erasure.organisation_id, call_ids=erasure.calls)
    assert sorted(row.artifact_id for row in rows) == sorted(one.id for one in _artifacts(erasure))
    assert {row.step for row in rows} == {"done"}


def _keys_are_gone(erasure: Erasure, world: World) -> None:
    """Each ended key: its row is away, its tombstone lies in both places, one entry says so."""
    tombstones = list(Tombstone.objects.for_organisation(erasure.organisation_id))
    ended = {tombstone.scope_id for tombstone in tombstones}
    assert ended >= {*erasure.calls, *erasure.subjects}
    with tenancy.scope(erasure.organisation_id, using=KEYS):
        assert not Key.objects.for_organisation(erasure.organisation_id).filter(scope_id__in=ended).exists()
    for tombstone in tombstones:
        assert tombstone.stored_at is not None
        assert (world.store / "tombstones" / str(erasure.organisation_id) / str(tombstone.key_id)).is_file()
    told = Counter(_objects(erasure, "vault.key.destroyed"))
    assert told == Counter(tombstone.key_id for tombstone in tombstones)


def _bytes_are_gone(erasure: Erasure, world: World) -> None:
    for artifact in _artifacts(erasure):
        sealed = artifact.object
        assert sealed is not None
        assert sealed.deleted_at is not None
        assert (sealed.inline, bytes(sealed.wrapped_dek)) == (None, b"")
        assert not sealed.store_key or not (world.store / sealed.store_key).exists()


def _entries_are_single(erasure: Erasure) -> None:
    artifacts = Counter(one.id for one in _artifacts(erasure))
    assert Counter(_objects(erasure, "retention.bytes.proven_absent")) == artifacts
    assert Counter(_objects(erasure, "retention.artifact.deleted")) == artifacts
    assert Counter(_objects(erasure, "retention.disposal.begun")) == Counter(erasure.calls)
    assert Counter(_objects(erasure, "retention.call.erased")) == Counter(erasure.calls)
    assert Counter(_objects(erasure, "retention.subject.erased")) == Counter(erasure.subjects)
    for event in ("dsr.package.built", "dsr.suppression.set", "dsr.request.fulfilled"):
        assert len(_objects(erasure, event)) == 1, event


def _objects(erasure: Erasure, event: str) -> list[UUID | None]:
    views = publish.list_entries(erasure.organisation_id, act=event, limit=1000, with_disclosures=False)
    return [view.leaf.object_id for view in views]


def _person_is_answered_once(erasure: Erasure) -> None:
    """Each certificate has its letter, the package has one, and only the last certificate is final."""
    request = requests.request_of(erasure.organisation_id, erasure.request_id)
    certificates = requests.certificates_of(request)
    assert [row.is_final for row in certificates] == [True] + [False] * (len(certificates) - 1)
    assert len(certificates) >= 2
    letters = Counter(letter.template for letter in requests.letters_of(request))
    expected = {"acknowledgement": 1, "one_time_code": 1, "package_ready": 1, "erasure_answer": len(certificates)}
    assert letters == expected
    assert len(requests.packages_of(request)) == 1
    assert {right.outcome for right in requests.rights_of(request)} == {"fulfilled"}
    assert Suppression.objects.for_organisation(erasure.organisation_id).count() == 1


def _others_are_untouched(erasure: Erasure) -> None:
    others = register.calls(erasure.organisation_id).exclude(id__in=erasure.calls)
    for call in others:
        recording = register.recording_of(erasure.organisation_id, call.id)
        assert recording is not None
        assert recording.object is not None
        assert store.open_bytes(recording.object)
        transcript = register.transcript_of(erasure.organisation_id, call.id)
        assert transcript is not None
        assert register.messages_in(transcript)
    assert others


def strays(erasure: Erasure, world: World) -> list[Path]:
    """Files of the store that no row knows: what was staged and never recorded."""
    with tenancy.scope(erasure.organisation_id):
        known = set(SealedObject.objects.for_organisation(erasure.organisation_id).values_list("store_key", flat=True))
    files = [path for path in world.store.rglob("*") if path.is_file()]
    return [path for path in _below(files, world) if str(path) not in known and path.parts[0] != "tombstones"]


def _below(files: Iterable[Path], world: World) -> list[Path]:
    return [path.relative_to(world.store) for path in files]


def _log_verifies(erasure: Erasure, world: World) -> None:
    """The whole log, and the last certificate by itself, as an outsider checks them."""
    keys = [part for key in publish.verifier_keys(erasure.organisation_id) for part in ("--key", key.vkey)]
    folder = world.folder / "export"
    with tenancy.scope(erasure.organisation_id):
        export.export_log(erasure.organisation_id, export.Folder(folder), with_disclosures=True)
        request = requests.request_of(erasure.organisation_id, erasure.request_id)
        last = requests.certificates_of(request)[0]
        (world.folder / "certificate.json").write_bytes(store.open_bytes(last.statement))
    assert certificate.verifier_key(erasure.organisation_id) in keys
    for path in (folder, world.folder / "certificate.json"):
        assert verifier.main([str(path), *keys]) == 0, path.name
