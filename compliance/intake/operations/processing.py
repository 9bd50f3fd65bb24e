"""One delivery is read into the register, or said why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.connectors.facts import BatchFacts, CallFacts, DeletionFacts, Facts, UnknownEvent
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.registry import provider_for
from compliance.intake import events
from compliance.intake.models import Delivery
from compliance.intake.operations.batches import ask_for_check, take_in_report
from compliance.intake.operations.dropping import let_go
from compliance.intake.operations.noting import finish, has_body, locked_delivery, move, sealed_body
from compliance.intake.states import DeliveryState, event_word, may_move
from compliance.recordings.operations import deliveries as bodies
from compliance.recordings.operations import registering
from compliance.recordings.operations.registering import CallErased
from compliance.recordings.states import ArtifactState
from compliance.vault import store

WAIT_FOR_CALL: Final = timedelta(hours=72)
"""How long the word that a call was deleted waits for the call itself, since platforms promise no order."""
_WAIT_SECONDS: Final = 3600
CALL_UNKNOWN: Final = "call_unknown"
"""The code of a delivery that waits for the call of which it speaks."""
_WORDS: Final = {CallFacts: "call", BatchFacts: "batch", DeletionFacts: "deletion"}


def process_delivery(*, actor: Actor, delivery_id: UUID) -> Delivery:
    """Read one delivery into the register. Running twice changes nothing the second time.

    Raises jobs.TryLater where it speaks of a call that may still come.
    """
    rights.require(actor, "recordings.register")
    with tenancy.operation(actor):
        delivery = locked_delivery(actor, delivery_id)
        if not may_move(DeliveryState(delivery.state), DeliveryState.PROCESSING) or not has_body(delivery):
            return delivery
        move(delivery, DeliveryState.PROCESSING)
        body = store.open_bytes(sealed_body(delivery))
        try:
            found = provider_for(delivery.connection.platform).parse(body)
        except Unparseable as error:
            _quarantine(actor, delivery, error.code)
        else:
            _take_in(actor, delivery, body, found)
    if delivery.code == CALL_UNKNOWN:
        raise jobs.TryLater(CALL_UNKNOWN, seconds=_WAIT_SECONDS)
    return delivery


def _take_in(actor: Actor, delivery: Delivery, body: bytes, found: Sequence[Facts]) -> None:
    delivery.event = _word_for(found)
    calls = [one for one in found if isinstance(one, CallFacts)]
    match found:
        case _ if len(calls) > 1:
            _register_several(actor, delivery, calls)
        case _ if calls:
            _register_one(actor, delivery, body, calls[0])
        case [DeletionFacts() as deletion]:
            _report_deletion(actor, delivery, body, deletion)
        case [BatchFacts() as batch]:
            _report_batch(actor, delivery, batch)
        case [UnknownEvent(external_id=str(external_id)), *_] if external_id:
            _keep_with_call(actor, delivery, body, external_id)
        case _:
            _keep_by_itself(actor, delivery, "unknown_event")


def _word_for(found: Sequence[Facts]) -> str:
    """What happened, in one word for all platforms; the platform's own where we have none."""
    if not found:
        return "empty"
    first = found[0]
    return event_word(first.event) if isinstance(first, UnknownEvent) else _WORDS[type(first)]


# --- calls ------------------------------------------------------------------------------------------------------------


def _register_one(actor: Actor, delivery: Delivery, body: bytes, facts: CallFacts) -> None:
    try:
        call = registering.register_call(
            actor=actor, connection_id=delivery.connection_id, facts=facts, received_at=delivery.received_at
        )
    except CallErased as refusal:
        _refuse(actor, delivery, refusal.code)
        return
    ask_for_check(delivery, facts.batch_id)
    # Sound inside the body is read out of it by the register's own job, once it lies under the call.
    _claim(actor, delivery, body, call.id)
    _finish_processed(actor, delivery, calls=1)


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
        else:
            ask_for_check(delivery, facts.batch_id)
    let_go(delivery)
    _finish_processed(actor, delivery, "body_not_kept", calls=len(calls), refused=refused)


# --- other events -----------------------------------------------------------------------------------------------------


def _report_deletion(actor: Actor, delivery: Delivery, body: bytes, facts: DeletionFacts) -> None:
    """A platform's word on a deletion: whoever asked for it asks once more. An erased call is found by its digest."""
    call = registering.known_call(actor.organisation_id, delivery.connection_id, facts.external_id)
    if call is None:
        _wait_for_call(actor, delivery)
        return
    if call.state == call.State.ACTIVE:
        _claim(actor, delivery, body, call.id)
    else:
        delivery.call_id = call.id
        let_go(delivery)
    jobs.enqueue_on_commit("retention.upstream_reported", organisation_id=actor.organisation_id, object_id=call.id)
    _finish_processed(actor, delivery, f"deletion_{facts.outcome.value}")


def _wait_for_call(actor: Actor, delivery: Delivery) -> None:
    """The word came before its call, or the call never came here. It stays accepted, and says what it waits for."""
    if timezone.now() - delivery.received_at >= WAIT_FOR_CALL:
        _keep_by_itself(actor, delivery, "never_registered")
        return
    delivery.state, delivery.code = DeliveryState.ACCEPTED.value, CALL_UNKNOWN
    delivery.save(update_fields=["code", "event"])


def _report_batch(actor: Actor, delivery: Delivery, facts: BatchFacts) -> None:
    """The end of a batch: its numbers are compared with the calls that came. Its body is kept by itself."""
    take_in_report(actor, delivery, facts)
    _keep_unclaimed(actor, delivery, ArtifactState.STORED)
    counts = {name: getattr(facts, name) for name in ("total", "processed", "succeeded", "failed")}
    _finish_processed(actor, delivery, f"batch_{facts.outcome.value}", **counts)


def _keep_with_call(actor: Actor, delivery: Delivery, body: bytes, external_id: str) -> None:
    """Nothing to register: kept with the call that it names."""
    call = registering.known_call(actor.organisation_id, delivery.connection_id, external_id)
    if call is None:
        _keep_by_itself(actor, delivery, "unknown_event")
    elif call.state != call.State.ACTIVE:
        _refuse(actor, delivery, CallErased.code)
    else:
        _claim(actor, delivery, body, call.id)
        finish(actor, delivery, DeliveryState.IGNORED, events.DELIVERY_IGNORED, "unknown_event")


def _keep_by_itself(actor: Actor, delivery: Delivery, code: str) -> None:
    """Nothing to register, and no call that we know: kept until its time is over."""
    _keep_unclaimed(actor, delivery, ArtifactState.STORED)
    finish(actor, delivery, DeliveryState.IGNORED, events.DELIVERY_IGNORED, code)


def _quarantine(actor: Actor, delivery: Delivery, code: str) -> None:
    _keep_unclaimed(actor, delivery, ArtifactState.QUARANTINED)
    finish(actor, delivery, DeliveryState.QUARANTINED, events.DELIVERY_QUARANTINED, code)


def _refuse(actor: Actor, delivery: Delivery, code: str) -> None:
    """A tombstone stands: nothing of the body stays here."""
    let_go(delivery)
    finish(actor, delivery, DeliveryState.REFUSED, events.DELIVERY_REFUSED, code)


# --- bodies -----------------------------------------------------------------------------------------------------------


def _claim(actor: Actor, delivery: Delivery, body: bytes, call_id: UUID) -> None:
    """Seal the body under its call, so that it ends with it, and let the copy under the day's key go."""
    bodies.keep_delivery(actor=actor, call_id=call_id, delivery_id=delivery.id, body=body)
    let_go(delivery)
    delivery.call_id = call_id


def _keep_unclaimed(actor: Actor, delivery: Delivery, state: ArtifactState) -> None:
    bodies.keep_unclaimed_delivery(actor=actor, delivery_id=delivery.id, sealed=sealed_body(delivery), state=state)


def _finish_processed(actor: Actor, delivery: Delivery, code: str = "", **counts: int | None) -> None:
    finish(actor, delivery, DeliveryState.PROCESSED, events.DELIVERY_PROCESSED, code, **counts)
