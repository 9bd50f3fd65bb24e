"""A webhook call is verified, sealed and noted before it is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError
from django.db import connection as database
from django.db.models import F
from django.utils import timezone

from accounts import access as rights
from accounts import rows, tenancy
from accounts.actors import Actor, ActorKind, Origin
from audit import log, wire
from compliance import jobs
from compliance.connectors import access as connectors
from compliance.connectors import operations as connector_operations
from compliance.connectors.access import Reached
from compliance.connectors.providers.base import BadSignature, Incoming
from compliance.connectors.providers.registry import provider_for
from compliance.errors import NotAllowed, Unavailable
from compliance.intake import events
from compliance.intake.models import Delivery
from compliance.intake.operations.noting import note
from compliance.vault import scopes, store

BODY = "application/octet-stream"


class Unauthenticated(NotAllowed):
    """The sender did not prove to be the platform."""

    code = "unauthenticated"
    status = 401
    title = "The delivery did not prove where it comes from"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the platform is told. The same delivery sent again gets the same answer."""

    delivery_id: UUID
    is_new: bool


@dataclass(frozen=True, slots=True)
class Post:
    """What came in, through which address, at which second."""

    reached: Reached
    incoming: Incoming
    at: datetime


Seal = Callable[[UUID, Post], store.SealedObject]
"""How a body becomes an object of the transaction: sealed now into the row, or staged in the store before."""


def accept_delivery(*, reached: Reached, incoming: Incoming, origin: Origin) -> Accepted:
    """Verify, seal and note one webhook call; processing is a job.

    Raises Unauthenticated (an entry of its own, the body is not kept) and Unavailable for a paused connection.
    """
    actor = Actor(
        kind=ActorKind.CONNECTION, organisation_id=reached.organisation_id, id=reached.connection_id, origin=origin
    )
    rights.require(actor, "recordings.register")
    post = Post(reached, incoming, timezone.now())
    try:
        if len(incoming.raw_body) > store.INLINE_LIMIT:
            return _accept_large(actor, post)
        return _accept_once(actor, post, _sealed_inline)
    except BadSignature as error:
        _note_denial(actor, reached.connection_id, error.code)
        raise Unauthenticated() from error


def _accept_once(actor: Actor, post: Post, seal: Seal) -> Accepted:
    """A delivery is taken for new first, since nearly all are: the unique key says otherwise, and only then it is
    looked up.
    """
    try:
        with tenancy.operation(actor):
            return _accept(actor, post, seal)
    except IntegrityError:
        with tenancy.operation(actor):
            receiver, key = _proven(actor.organisation_id, post)
            known = _sent_again(actor.organisation_id, receiver.id, key)
            if known is None:  # not the key was taken: a fault of ours, which must not be answered with success
                raise
            return Accepted(known, is_new=False)


def _accept_large(actor: Actor, post: Post) -> Accepted:
    """What is too large for a row goes to the store, proven first and outside any transaction."""
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        receiver, key = _proven(organisation_id, post)
        known = _sent_again(organisation_id, receiver.id, key)
    if known is not None:
        return Accepted(known, is_new=False)
    staged = store.stage(
        organisation_id=organisation_id,
        scope=scopes.delivery(receiver.id, post.at.date()),
        kind=store.ObjectKind.DELIVERY,
        source=post.incoming.raw_body,
        media_type=BODY,
    )
    try:
        accepted = _accept_once(actor, post, lambda _, __: store.record(staged))
    except BaseException:
        store.abandon(staged)
        raise
    if not accepted.is_new:
        store.abandon(staged)
    return accepted


def _proven(organisation_id: UUID, post: Post) -> tuple[connectors.Receiver, bytes]:
    """The connection to which the delivery has proven itself, and the delivery's key. Raises BadSignature,
    Unavailable.
    """
    receiver = connectors.receiver(organisation_id, post.reached.connection_id)
    provider = provider_for(receiver.platform)
    incoming = replace(post.incoming, options=connectors.options_of(receiver)) if provider.options else post.incoming
    provider.verify_signature(incoming, receiver.secrets, post.at)
    if receiver.state != "active":
        raise Unavailable("This connection is paused", code="connection_paused")
    key = store.fingerprint(organisation_id, f"delivery:{receiver.id}", provider.delivery_key(post.incoming))
    return receiver, key


def _accept(actor: Actor, post: Post, seal: Seal) -> Accepted:
    organisation_id, size = actor.organisation_id, len(post.incoming.raw_body)
    receiver, key = _proven(organisation_id, post)
    connector_operations.touch_connection(receiver)
    with wire.together(database):  # the object, the delivery, its entry and its job are one statement
        delivery = Delivery(
            organisation_id=organisation_id,
            connection_id=receiver.id,
            key_digest=key,
            size=size,
            received_at=post.at,
            object=seal(organisation_id, post),
        )
        rows.insert(delivery)
        note(actor, events.DELIVERY_ACCEPTED, delivery, size=size)
        jobs.enqueue_on_commit("intake.process_delivery", organisation_id=organisation_id, object_id=delivery.id)
    return Accepted(delivery.id, is_new=True)


def _sealed_inline(organisation_id: UUID, post: Post) -> store.SealedObject:
    return store.put_inline(
        organisation_id=organisation_id,
        scope=scopes.delivery(post.reached.connection_id, post.at.date()),
        kind=store.ObjectKind.DELIVERY,
        plaintext=post.incoming.raw_body,
        media_type=BODY,
    )


def _sent_again(organisation_id: UUID, connection_id: UUID, key: bytes) -> UUID | None:
    same = Delivery.objects.for_organisation(organisation_id).filter(connection_id=connection_id, key_digest=key)
    known = same.values_list("id", flat=True).first()
    if known is not None:
        same.update(repeats=F("repeats") + 1)
    return known


def _note_denial(actor: Actor, connection_id: UUID, code: str) -> None:
    with tenancy.operation(actor):
        log.append(
            actor=actor,
            event=events.DELIVERY_DENIED,
            organisation_id=actor.organisation_id,
            obj=("connection", connection_id),
            cls=log.EntryClass.AUTH,
            outcome="denied",
            why={"code": code},
        )
        connector_operations.count_denial(actor.organisation_id, connection_id)
