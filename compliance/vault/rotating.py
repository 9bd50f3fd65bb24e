"""Rotation by the operator: of the key service's key, and of an organisation's. No object is read or written.

Each step is committed by itself and may run twice; whatever stops in between, the next run goes on from the rows. One
process at a time works on an organisation, others wait; everybody seals and opens meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.vault import admission, events
from compliance.vault.keystore import roots

BATCH = 500
_ROTATION = "rotation"


@dataclass(frozen=True)
class Step:
    """How far a rotation is: keys done by now in this run, and left."""

    done: int
    left: int


def rotate_wraps(*, actor: Actor) -> int:
    """Have the current key service guard the organisation's key, where another key of it or another service does; how
    many wraps were renewed. Raises KmsUnavailable, Unreadable.
    """
    access.require(actor, "vault.rotate_keys")
    organisation_id = actor.organisation_id
    with admission.alone(organisation_id, _ROTATION):
        renewed = [wrap for wrap in roots.renew_wraps(organisation_id) if not wrap.is_told]
        if renewed:
            with tenancy.operation(actor):
                for wrap in renewed:
                    _log_rotated(actor, ("key", wrap.key_id), "key_service", key="root", service=wrap.provider)
            roots.note_told(organisation_id, [wrap.key_id for wrap in renewed])
    return len(renewed)


def rotate_root(*, actor: Actor, tell: Callable[[Step], object] = lambda step: None) -> int:
    """Replace the organisation's key: every other key is wrapped under a new one, then the old one is deleted; how
    many keys were wrapped anew. Goes on with what was begun. Raises KmsUnavailable, Unreadable.
    """
    access.require(actor, "vault.rotate_keys")
    with admission.alone(actor.organisation_id, _ROTATION):
        change = roots.begin_change(actor.organisation_id)
        if change is None:
            return 0
        done, is_told = 0, False
        while True:
            left = roots.count_left(change)
            tell(Step(done, left))
            if left:
                done += roots.move_keys(change, BATCH)
                continue
            if not is_told:
                _tell_root(actor, change, done)
                is_told = True
            if roots.end_change(change):
                return done


def note_object(*, actor: Actor, sealed_id: UUID) -> None:
    """The entry of an object that got a new data key, in the transaction that names it."""
    _log_rotated(actor, ("object", sealed_id), "object", key="data")


def _tell_root(actor: Actor, change: roots.Change, keys: int) -> None:
    """Before the old key goes: a run that stops in between tells it twice, never not at all."""
    with tenancy.operation(actor):
        replaced = str(change.old_id)
        _log_rotated(actor, ("key", change.new_id), "organisation", key="root", replaced=replaced, keys=keys)


def _log_rotated(actor: Actor, obj: tuple[str, UUID], level: str, **what: str | int) -> None:
    log.append(
        actor=actor,
        event=events.KEY_ROTATED,
        organisation_id=actor.organisation_id,
        obj=obj,
        cls=log.EntryClass.CONFIG,
        what={**what, "level": level},
    )
