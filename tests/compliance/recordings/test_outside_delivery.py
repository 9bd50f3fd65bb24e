"""What an outside check is handed: objects as they are stored, and keys that open them without us."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor

from accounts import tenancy
from accounts.actors import Actor
from compliance.config import samples
from compliance.errors import Conflict
from compliance.recordings import access
from compliance.recordings.models import Artifact, OutsideCheck
from compliance.recordings.operations import outside_checks as checks
from compliance.recordings.operations import outside_delivery as delivery
from compliance.retention import disposal
from compliance.retention import operations as retention
from compliance.vault import blobs, store
from tests.cast import Cast, Member
from tests.compliance.calls import Entries
from tests.compliance.recordings.outside import approved, read, second_owner, unzipped

Arrived = Callable[..., dict[str, UUID]]
KEY_GIVEN = "recordings.outside_check.key_given"


@pytest.fixture
def partner(cast: Cast) -> Member:
    return second_owner(cast)


def _fresh(cast: Cast, row: OutsideCheck) -> OutsideCheck:
    with tenancy.scope(cast.organisation_id):
        return checks.outside_checks(cast.owner.actor).get(id=row.id)


def _artifacts(cast: Cast, row: OutsideCheck) -> dict[str, Artifact]:
    with tenancy.scope(cast.organisation_id):
        rows = access.artifacts(cast.organisation_id).filter(id__in=row.artifact_ids)
        return {str(one.id): one for one in rows}


def _erase(cast: Cast, call_id: UUID) -> None:
    disposal.begin_call_disposal(
        actor=Actor.scheduler(cast.organisation_id), call_id=call_id, ground=disposal.Ground.ERASURE_REQUEST
    )


def test_the_recipe_opens_every_object_with_its_key(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries
) -> None:
    row = approved(cast, partner, *arrived("01", "02").values())
    artifacts = _artifacts(cast, row)
    archive = unzipped(delivery.deliver_outside_check(actor=cast.owner.actor, check_id=row.id))
    assert archive.testzip() is None
    listed = read(archive, "keys.json")["objects"]
    assert {one["artifact"] for one in listed} == set(artifacts)
    assert {one["kind"] for one in listed} >= {"recording", "transcript"}
    for one in listed:
        sealed, artifact = archive.read(one["file"]), artifacts[one["artifact"]]
        recipe = Cobblestone256Decryptor(bytes.fromhex(one["dek"]), bytes.fromhex(one["context"]))
        plain = recipe.update(sealed) + recipe.finalize()
        assert hashlib.sha256(plain).hexdigest() == one["sha256"] == artifact.sha256
        assert hashlib.sha256(sealed).hexdigest() == one["ciphertext_sha256"]
        assert (len(plain), len(sealed)) == (one["size"], one["ciphertext_size"])
        assert artifact.object is not None
        stored = artifact.object
        assert sealed == bytes(stored.inline or b"") or sealed == _in_store(stored)
    sounds = {hashlib.sha256(path.read_bytes()).hexdigest() for path in samples.FOLDER.glob("0[12]*.mp3")}
    assert {one["sha256"] for one in listed if one["kind"] == "recording"} <= sounds
    given = {str(one.obj[1]): one for one in entries.of(KEY_GIVEN)}
    assert {id_: entry.what["sha256"] for id_, entry in given.items()} == {
        one["artifact"]: one["sha256"] for one in listed
    }
    assert all(given[one["artifact"]].what["ciphertext_sha256"] == one["ciphertext_sha256"] for one in listed)
    assert not any(one["dek"] in str((entry.what, entry.identifying)) for one in listed for entry in entries)


def _in_store(sealed: store.SealedObject) -> bytes:
    stored = blobs.store().open(sealed.store_key, 0, sealed.ciphertext_length)
    buffer = memoryview(bytearray(sealed.ciphertext_length))
    assert stored.read_into(buffer) == len(buffer)
    stored.close()
    return bytes(buffer)


def test_the_manifest_names_every_file_with_its_digest(cast: Cast, partner: Member, arrived: Arrived) -> None:
    row = approved(cast, partner, arrived("01")["01"])
    archive = unzipped(delivery.deliver_outside_check(actor=cast.owner.actor, check_id=row.id))
    found = read(archive, "manifest.json")
    files = {one["file"]: one for one in found["files"]}
    assert set(files) == set(archive.namelist()) - {"manifest.json"}
    for name, one in files.items():
        data = archive.read(name)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (one["sha256"], one["size"])
    assert (found["proposed_by"], found["approved_by"]) == (row.proposed_by, row.decided_by)
    assert (found["check"], found["left_out"]) == (str(row.id), [])


def test_keys_leave_once_and_what_broke_off_is_counted(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries
) -> None:
    row, owner = approved(cast, partner, arrived("01")["01"]), cast.owner.actor
    for number in (1, 2):
        pieces = delivery.deliver_outside_check(actor=owner, check_id=row.id)
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]  # the connection broke
        assert (_fresh(cast, row).deliveries, _fresh(cast, row).state) == (number, "approved")
    assert entries.of(KEY_GIVEN) == []
    whole, late = (delivery.deliver_outside_check(actor=owner, check_id=row.id) for _ in range(2))
    assert "keys.json" in unzipped(whole).namelist()
    with pytest.raises(Conflict):  # two at once: the second one gets no key
        list(late)
    with pytest.raises(Conflict):
        delivery.deliver_outside_check(actor=owner, check_id=row.id)
    after = _fresh(cast, row)
    assert (after.deliveries, after.state, after.keys_given) == (4, "delivered", len(row.artifact_ids))
    assert len(entries.of(KEY_GIVEN)) == len(row.artifact_ids)
    assert len(entries.of("recordings.outside_check.delivery_begun")) == 4


def test_it_is_not_begun_for_ever(cast: Cast, partner: Member, arrived: Arrived) -> None:
    row, owner = approved(cast, partner, arrived("01")["01"]), cast.owner.actor
    for _ in range(delivery.MOST_DELIVERIES):
        delivery.begin_delivery(actor=owner, check_id=row.id)
    with pytest.raises(Conflict):
        delivery.begin_delivery(actor=owner, check_id=row.id)


def test_withdrawn_on_its_way_it_ends_without_keys(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries
) -> None:
    row = approved(cast, partner, arrived("01")["01"])
    pieces = delivery.deliver_outside_check(actor=cast.owner.actor, check_id=row.id)
    sent = [next(pieces)]
    checks.withdraw_outside_check(actor=partner.actor, check_id=row.id)
    with pytest.raises(Conflict):
        sent.extend(pieces)
    assert b"keys.json" not in b"".join(sent)
    assert entries.of(KEY_GIVEN) == []


def test_an_erasure_in_between_keeps_its_keys_and_is_named(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries
) -> None:
    """One call is erased before the archive, one while it is on its way; the third is held, and comes whole."""
    calls = arrived("01", "02", "05")
    row = approved(cast, partner, *calls.values())
    retention.place_hold(actor=cast.officer.actor, matter="case", reason="a claim", call_ids=[calls["05"]])
    _erase(cast, calls["01"])
    artifacts = _artifacts(cast, row)
    pieces = delivery.deliver_outside_check(actor=cast.owner.actor, check_id=row.id)
    sent = [next(pieces)]
    while not _all_left(sent, artifacts, calls["02"]):
        sent.append(next(pieces))
    _erase(cast, calls["02"])
    archive = unzipped([*sent, *pieces])
    listed = read(archive, "keys.json")["objects"]
    assert {one["call"] for one in listed} == {str(calls["05"])}
    left_out = {one["artifact"]: one["why"] for one in read(archive, "manifest.json")["left_out"]}
    assert left_out == {id_: "erased" for id_, one in artifacts.items() if one.call_id != calls["05"]}
    assert {one.what["call"] for one in entries.of(KEY_GIVEN)} == {str(calls["05"])}


def _all_left(sent: list[bytes], artifacts: dict[str, Artifact], call_id: UUID) -> bool:
    """Whether every object of the call has begun to leave."""
    data = b"".join(sent)
    return all(id_.encode() in data for id_, one in artifacts.items() if one.call_id == call_id)


def test_what_does_not_open_here_is_named_and_its_key_stays(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries, settings: Any
) -> None:
    row = approved(cast, partner, *arrived("01", "02").values())
    damaged = next(one for one in _artifacts(cast, row).values() if one.object and one.object.store_key)
    assert damaged.object is not None
    path = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]) / damaged.object.store_key
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    archive = unzipped(delivery.deliver_outside_check(actor=cast.owner.actor, check_id=row.id))
    assert read(archive, "manifest.json")["left_out"] == [{"artifact": str(damaged.id), "why": "unreadable"}]
    assert str(damaged.id) not in {one["artifact"] for one in read(archive, "keys.json")["objects"]}
    assert f"objects/{damaged.id}.c2sp" not in archive.namelist()
    assert len(entries.of(KEY_GIVEN)) == len(row.artifact_ids) - 1
    path.unlink()


def test_a_data_key_is_not_shown(cast: Cast, arrived: Arrived) -> None:
    call_id = arrived("01")["01"]
    with tenancy.scope(cast.organisation_id):
        words = access.transcript_of(cast.organisation_id, call_id)
        assert words is not None
        keys = store.hand_over_keys(cast.organisation_id, [words.object_id])  # type: ignore[list-item]
    (key,) = keys.values()
    assert key.key.hex() not in repr(key)
    assert str(key.key) not in repr(key)
