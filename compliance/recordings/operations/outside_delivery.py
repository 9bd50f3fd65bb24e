"""The archive of an outside check, made while it is read: objects first, keys last.

What can go wrong: the connection or the process ends half-way. So an archive that was begun is counted before its first
byte, and what opens the objects comes at the end, with an entry for each key in one transaction with the mark that this
check has had its keys. Before that only ciphertext has left; after it there is no second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from zipstream import ZIP_STORED, ZipStream

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance.errors import Conflict
from compliance.recordings import access, events
from compliance.recordings.models import Call, OutsideCheck
from compliance.recordings.operations import links
from compliance.recordings.operations.outside_checks import PROPOSE, lock_check, note, refuse_late
from compliance.recordings.outside import files
from compliance.recordings.outside.files import Exported, Missing
from compliance.vault import store

MOST_DELIVERIES = 5
_State = OutsideCheck.State


def deliver_outside_check(*, actor: Actor, check_id: UUID) -> Iterator[bytes]:
    """A ZIP with the approved objects, their keys, and the page that opens them; by who proposed it.

    Raises Conflict where it is not approved, is somebody else's, or was begun MOST_DELIVERIES times; Gone when its time
    is over. Nothing is kept, and at no time more than one piece is in memory.
    """
    check = begin_delivery(actor=actor, check_id=check_id)
    return _archive(actor, check)


def begin_delivery(*, actor: Actor, check_id: UUID) -> OutsideCheck:
    """Count a delivery, before its first byte."""
    rights.require(actor, PROPOSE)
    with tenancy.operation(actor):
        row = lock_check(actor.organisation_id, check_id, _State.APPROVED)
        if row.proposed_by != actor.reference:
            raise Conflict("Who proposed a check fetches it", code="not_yours")
        refuse_late(row)
        if row.deliveries >= MOST_DELIVERIES:
            raise Conflict(f"This was begun {MOST_DELIVERIES} times: propose a new one", code="too_often")
        row.deliveries += 1
        row.save(update_fields=["deliveries"])
        note(actor, events.OUTSIDE_DELIVERY_BEGUN, row, delivery=row.deliveries)
    return row


def hand_over_keys(
    *, actor: Actor, check_id: UUID, delivery: int, objects: Sequence[Exported]
) -> dict[UUID, store.DataKey]:
    """The keys of those of these objects that live, by object id, each with its entry; the check is at its end.

    Raises Conflict where it was withdrawn or delivered meanwhile, Gone where its time is over.
    """
    rights.require(actor, PROPOSE)
    with tenancy.operation(actor):
        row = lock_check(actor.organisation_id, check_id, _State.APPROVED)
        refuse_late(row)
        keys = store.hand_over_keys(actor.organisation_id, [one.object_id for one in objects])
        for one in objects:
            if one.object_id in keys:
                links.note_access(actor, events.KEY_GIVEN, ("artifact", one.artifact_id), row.purpose, _what(row, one))
        row.state, row.keys_given, row.delivered_at = _State.DELIVERED, len(keys), timezone.now()
        row.save(update_fields=["state", "keys_given", "delivered_at"])
        note(actor, events.OUTSIDE_CHECK_DELIVERED, row, delivery=delivery, keys=len(keys))
    return keys


def _what(row: OutsideCheck, one: Exported) -> dict[str, str | int | bool | None]:
    return {
        "check": str(row.id),
        "call": str(one.call_id),
        "kind": one.kind,
        "version": one.version,
        "sha256": one.sha256,
        "ciphertext_sha256": one.ciphertext_sha256,
    }


def _archive(actor: Actor, check: OutsideCheck) -> Iterator[bytes]:
    archive = ZipStream(compress_type=ZIP_STORED)  # ciphertext does not shrink
    sent: list[Exported] = []
    missing: list[Missing] = []
    for artifact_id in check.artifact_ids:
        found = _open(actor.organisation_id, artifact_id)
        if isinstance(found, Missing):
            missing.append(found)
            continue
        one, pieces = found
        archive.add(pieces, one.file)
        yield from archive.all_files()
        sent.append(one)
    keys = hand_over_keys(actor=actor, check_id=check.id, delivery=check.deliveries, objects=sent)
    missing += [Missing(one.artifact_id, "erased") for one in sent if one.object_id not in keys]
    known = [(one, keys[one.object_id]) for one in sent if one.object_id in keys]
    others = files.texts() | {"keys.json": files.keys_document([(one, key.key, key.context) for one, key in known])}
    others["manifest.json"] = files.manifest(_facts(check), sent, missing, others)
    for name, data in others.items():
        archive.add(data, name)
    yield from archive.finalize()


def _open(organisation_id: UUID, artifact_id: UUID) -> tuple[Exported, Iterator[bytes]] | Missing:
    """An object and its ciphertext, proven to open here; or why not. Raises what passes by (Unavailable)."""
    with tenancy.scope(organisation_id):
        artifact = access.artifacts(organisation_id).get(id=artifact_id)
    call, sealed = artifact.call, artifact.object
    if call is None or call.state != Call.State.ACTIVE or artifact.state in access.LEAVING:
        return Missing(artifact_id, "erased")
    if sealed is None or artifact.state not in access.READABLE:
        return Missing(artifact_id, "not_stored")
    one = Exported(
        artifact_id=artifact_id,
        call_id=call.id,
        object_id=sealed.id,
        kind=artifact.kind,
        version=sealed.version,
        media_type=artifact.media_type,
        size=sealed.size,
        sha256=sealed.sha256,
        ciphertext_size=sealed.ciphertext_length,
        ciphertext_sha256=sealed.ciphertext_sha256,
    )
    try:
        store.prove_intact(sealed)
        return one, store.stored_bytes(sealed)
    except store.KeyDestroyed:
        return Missing(artifact_id, "erased")
    except store.Unreadable:
        return Missing(artifact_id, "unreadable")


def _facts(check: OutsideCheck) -> dict[str, Any]:
    return {
        "check": str(check.id),
        "purpose": check.purpose,
        "proposed_by": check.proposed_by,
        "approved_by": check.decided_by,
        "approved_at": check.decided_at.isoformat() if check.decided_at else None,
        "made_at": timezone.now().isoformat(),
        "delivery": check.deliveries,
    }
