"""From a webhook to the register.

What can go wrong: we answer "accepted" and lose it; the platform sends it twice or in another order; the body lies
about in clear; one unreadable delivery stops the rest; or a late one brings an erased call back. So a delivery is
sealed and committed before it is answered, unique by its key, processed by a job that may run twice, quarantined where
it cannot be read, and refused where a tombstone stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor, ActorKind, Origin
from audit import log
from compliance import jobs
from compliance.connectors import access as connectors
from compliance.connectors import operations as connector_operations
from compliance.connectors.access import Reached
from compliance.connectors.facts import BatchFacts, CallFacts, Facts, UnknownEvent
from compliance.connectors.providers import registry
from compliance.connectors.providers.base import BadSignature, Incoming, Unparseable
from compliance.errors import Conflict, NotAllowed, NotFound, Unavailable
from compliance.intake import events
from compliance.intake.models import Delivery
from compliance.intake.states import DeliveryState, may_move
from compliance.recordings.operations import deliveries as bodies
from compliance.recordings.operations import registering
from compliance.recordings.operations.registering import CallErased
from compliance.recordings.states import ArtifactState
from compliance.vault import scopes, store

BODY = "application/octet-stream"
LOOK_BACK = timedelta(days=90)
"""How far back unfinished days are looked for: longer than any unread body is kept."""


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


def accept_delivery(*, reached: Reached, incoming: Incoming, origin: Origin) -> Accepted:
    """Verify, seal and note one webhook call; processing is a job.

    Raises Unauthenticated (an entry of its own, the body is not kept) and Unavailable for a paused connection.
    """
    actor = Actor(
        kind=ActorKind.CONNECTION, organisation_id=reached.organisation_id, id=reached.connection_id, origin=origin
    )
    rights.require(actor, "recordings.register")
    try:
        return _accept_once(actor, reached, incoming)
    except BadSignature as error:
        _note_denial(actor, error.code)
        raise Unauthenticated() from error


def _accept_once(actor: Actor, reached: Reached, incoming: Incoming) -> Accepted:
    """Where two doors bring the same delivery at one moment, the later one looks again and finds it known."""
    try:
        with tenancy.operation(actor):
            return _accept(actor, reached, incoming)
    except IntegrityError:
        with tenancy.operation(actor):
            return _accept(actor, reached, incoming)


def _accept(actor: Actor, reached: Reached, incoming: Incoming) -> Accepted:
    organisation_id, now = actor.organisation_id, timezone.now()
    connection = connectors.connection_of(organisation_id, reached.connection_id)
    provider = registry.provider_for(connection.platform)
    provider.verify_signature(incoming, connectors.secrets_of(connection), now)
    if connection.state != "active":
        raise Unavailable("This connection is paused", code="connection_paused")
    key = store.fingerprint(organisation_id, f"delivery:{connection.id}", provider.delivery_key(incoming))
    known = _sent_again(organisation_id, connection.id, key)
    if known is not None:
        return Accepted(known, is_new=False)
    size = len(incoming.raw_body)
    sealed = store.put_inline(
        organisation_id=organisation_id,
        scope=scopes.delivery(connection.id, now.date()),
        kind=store.ObjectKind.DELIVERY,
        plaintext=incoming.raw_body,
        media_type=BODY,
    )
    delivery = Delivery.objects.create(
        organisation_id=organisation_id,
        connection_id=connection.id,
        key_digest=key,
        size=size,
        received_at=now,
        object=sealed,
    )
    connector_operations.touch_connection(connection)
    _note(actor, events.DELIVERY_ACCEPTED, delivery, size=size)
    jobs.enqueue_on_commit("intake.process_delivery", organisation_id=organisation_id, object_id=delivery.id)
    return Accepted(delivery.id, is_new=True)


def _sent_again(organisation_id: UUID, connection_id: UUID, key: bytes) -> UUID | None:
    rows = Delivery.objects.for_organisation(organisation_id).filter(connection_id=connection_id, key_digest=key)
    known = rows.values_list("id", flat=True).first()
    if known is not None:
        rows.update(repeats=F("repeats") + 1)
    return known


def process_delivery(*, actor: Actor, delivery_id: UUID) -> Delivery:
    """Read one delivery into the register. Running twice changes nothing the second time."""
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        delivery = _locked(actor, delivery_id)
        if not may_move(DeliveryState(delivery.state), DeliveryState.PROCESSING) or not _has_body(delivery):
            return delivery
        _move(delivery, DeliveryState.PROCESSING)
        body = store.open_bytes(_sealed(delivery))
        try:
            found = registry.provider_for(delivery.connection.platform).parse(body)
        except Unparseable as error:
            _quarantine(actor, delivery, error.code)
        else:
            _take_in(actor, delivery, body, found)
    return delivery


def _take_in(actor: Actor, delivery: Delivery, body: bytes, found: Sequence[Facts]) -> None:
    calls = [one for one in found if isinstance(one, CallFacts)]
    if len(calls) > 1:
        _register_several(actor, delivery, calls)
    elif calls:
        _register_one(actor, delivery, body, calls[0])
    else:
        _ignore(actor, delivery, body, found[0] if found else UnknownEvent("empty"))


def _register_one(actor: Actor, delivery: Delivery, body: bytes, facts: CallFacts) -> None:
    try:
        call = registering.register_call(
            actor=actor, connection_id=delivery.connection_id, facts=facts, received_at=delivery.received_at
        )
    except CallErased as refusal:
        _refuse(actor, delivery, refusal.code)
        return
    _claim(actor, delivery, body, call.id)
    _finish(actor, delivery, DeliveryState.PROCESSED, events.DELIVERY_PROCESSED, calls=1)


def _register_several(actor: Actor, delivery: Delivery, calls: Sequence[CallFacts]) -> None:
    """A body about several people can be sealed under none of their calls, so once it is read it is not kept."""
    refused = 0
    for facts in sorted(calls, key=lambda one: one.external_id):
        try:
            registering.register_call(
                actor=actor, connection_id=delivery.connection_id, facts=facts, received_at=delivery.received_at
            )
        except CallErased:
            refused += 1
    _drop_body(delivery)
    code = "body_not_kept"
    _finish(
        actor, delivery, DeliveryState.PROCESSED, events.DELIVERY_PROCESSED, code, calls=len(calls), refused=refused
    )


def _ignore(actor: Actor, delivery: Delivery, body: bytes, facts: Facts) -> None:
    """Nothing to register: kept with the call that it names, else by itself, until its time is over."""
    if isinstance(facts, UnknownEvent) and facts.external_id:
        call = registering.known_call(actor.organisation_id, delivery.connection_id, facts.external_id)
        if call is not None and call.state != call.State.ACTIVE:
            _refuse(actor, delivery, CallErased.code)
            return
        if call is not None:
            _claim(actor, delivery, body, call.id)
            _finish(actor, delivery, DeliveryState.IGNORED, events.DELIVERY_IGNORED, "unknown_event")
            return
    bodies.keep_unclaimed_delivery(
        actor=actor, delivery_id=delivery.id, sealed=_sealed(delivery), state=ArtifactState.STORED
    )
    if isinstance(facts, BatchFacts):
        counts = {
            "total": facts.total,
            "processed": facts.processed,
            "succeeded": facts.succeeded,
            "failed": facts.failed,
        }
        code = f"batch_{facts.outcome.value}:{facts.total if facts.total is not None else '-'}"
        _finish(actor, delivery, DeliveryState.IGNORED, events.DELIVERY_IGNORED, code, **counts)
    else:
        _finish(actor, delivery, DeliveryState.IGNORED, events.DELIVERY_IGNORED, "unknown_event")


def _quarantine(actor: Actor, delivery: Delivery, code: str) -> None:
    bodies.keep_unclaimed_delivery(
        actor=actor, delivery_id=delivery.id, sealed=_sealed(delivery), state=ArtifactState.QUARANTINED
    )
    _finish(actor, delivery, DeliveryState.QUARANTINED, events.DELIVERY_QUARANTINED, code)


def _refuse(actor: Actor, delivery: Delivery, code: str) -> None:
    """A tombstone stands: nothing of the body stays here."""
    _drop_body(delivery)
    _finish(actor, delivery, DeliveryState.REFUSED, events.DELIVERY_REFUSED, code)


def _claim(actor: Actor, delivery: Delivery, body: bytes, call_id: UUID) -> None:
    """Seal the body under its call, so that it ends with it, and drop the copy under the day's key."""
    bodies.keep_delivery(actor=actor, call_id=call_id, delivery_id=delivery.id, body=body)
    _drop_body(delivery)
    delivery.call_id = call_id


def _drop_body(delivery: Delivery) -> None:
    store.delete_bytes(_sealed(delivery))
    bodies.close_unclaimed_delivery(organisation_id=delivery.organisation_id, delivery_id=delivery.id)
    delivery.object = None


def _has_body(delivery: Delivery) -> bool:
    return delivery.object is not None and delivery.object.deleted_at is None


def _sealed(delivery: Delivery) -> store.SealedObject:
    sealed: store.SealedObject | None = delivery.object
    if sealed is None:
        raise Conflict("The body of this delivery is not here any more", code="no_body")
    return sealed


def replay_delivery(*, actor: Actor, delivery_id: UUID) -> Delivery:
    """Read a quarantined delivery again, after the reader was mended."""
    rights.require(actor, "intake.replay")
    with tenancy.operation(actor):
        delivery = _locked(actor, delivery_id)
        if delivery.state != DeliveryState.QUARANTINED.value or not _has_body(delivery):
            raise Conflict("Only a quarantined delivery is read again", code="state_forbids")
        _note(actor, events.DELIVERY_REPLAYED, delivery)
        jobs.enqueue_on_commit("intake.process_delivery", organisation_id=actor.organisation_id, object_id=delivery.id)
    return delivery


def retire_delivery_keys(*, actor: Actor, before: date) -> int:
    """End the keys of past days under which no body lies any more, so that backups of those days open nothing; how
    many.

    `before` is the first day that is left alone. Must be called outside a transaction.
    """
    rights.require(actor, "intake.replay")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor) as entry_id:
        days = _finished_days(organisation_id, before)
        doomed = [scopes.delivery(connection_id, day) for connection_id, day in days]
        doomed = [scope for scope in doomed if not store.is_tombstoned(organisation_id, scope)]
        if not doomed:
            return 0
        log.append(
            actor=actor,
            event=events.KEYS_RETIRED,
            organisation_id=organisation_id,
            obj=("organisation", organisation_id),
            cls=log.EntryClass.DELETE,
            why={"ground": "processed"},
            what={"keys": len(doomed), "before": before.isoformat()},
        )
        store.begin_destruction(organisation_id, doomed, ground="processed", cause=entry_id)
    for scope in doomed:
        store.carry_out_destruction(organisation_id, scope)
    return len(doomed)


def _finished_days(organisation_id: UUID, before: date) -> list[tuple[UUID, date]]:
    """Connections and days of which every body went to its call."""
    first = datetime.combine(before - LOOK_BACK, time(), UTC)
    rows = Delivery.objects.for_organisation(organisation_id)
    rows = rows.filter(received_at__gte=first, received_at__lt=datetime.combine(before, time(), UTC))
    days = set(rows.values_list("connection_id", "received_at__date"))
    waiting = set(
        rows.filter(object__deleted_at=None, object__isnull=False).values_list("connection_id", "received_at__date")
    )
    return sorted(days - waiting)


def _locked(actor: Actor, delivery_id: UUID) -> Delivery:
    rows = Delivery.objects.for_organisation(actor.organisation_id).select_related("connection", "object")
    delivery: Delivery | None = rows.select_for_update(of=("self",)).filter(id=delivery_id).first()
    if delivery is None:
        raise NotFound()
    return delivery


def _move(delivery: Delivery, to: DeliveryState) -> None:
    if not may_move(DeliveryState(delivery.state), to):
        raise Conflict(f"From {delivery.state} there is no way to {to.value}", code="state_forbids")
    delivery.state = to.value


def _finish(
    actor: Actor, delivery: Delivery, to: DeliveryState, event: str, code: str = "", **counts: int | None
) -> None:
    _move(delivery, to)
    delivery.code, delivery.processed_at = code, timezone.now()
    delivery.save(update_fields=["state", "code", "processed_at", "object", "call"])
    _note(actor, event, delivery, **counts)


def _note(actor: Actor, event: str, delivery: Delivery, **what: int | None) -> None:
    facts: dict[str, str | int | bool | None] = {"connection": str(delivery.connection_id)}
    if delivery.code:
        facts["code"] = delivery.code
    if delivery.call_id:
        facts["call"] = str(delivery.call_id)
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("delivery", delivery.id),
        cls=log.EntryClass.CHANGE,
        outcome="refused" if delivery.state == DeliveryState.REFUSED.value else "ok",
        what=facts | what,
    )


def _note_denial(actor: Actor, code: str) -> None:
    with tenancy.operation(actor):
        log.append(
            actor=actor,
            event=events.DELIVERY_DENIED,
            organisation_id=actor.organisation_id,
            obj=("connection", actor.id),
            cls=log.EntryClass.AUTH,
            outcome="denied",
            why={"code": code},
        )
