"""A new data key and new ciphertext for one object, and the register's word on where it lies."""

from __future__ import annotations

from uuid import UUID

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.recordings.models import Location
from compliance.vault import rotating, store


def reseal_object(*, actor: Actor, object_id: UUID) -> None:
    """Seal an object again under a new data key; the old ciphertext is removed after that.

    Raises NotFound, KeyDestroyed, KmsUnavailable, Unavailable, Unreadable, and Conflict where somebody else does it.
    """
    access.require(actor, "vault.rotate_keys")
    organisation_id = actor.organisation_id
    store.remove_replaced(organisation_id, object_id)
    sealed = store.sealed_object(organisation_id, object_id)
    staged = store.stage_again(sealed)
    with tenancy.operation(actor):
        renewed = store.record_again(sealed, staged)
        places = Location.objects.for_organisation(organisation_id).filter(artifact__object_id=object_id)
        places.filter(place=Location.Place.STORE, key=sealed.store_key).update(key=renewed.store_key)
        rotating.note_object(actor=actor, sealed_id=object_id)
    store.remove_replaced(organisation_id, object_id)
