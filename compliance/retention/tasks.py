"""Jobs of retention: dates, disposals that go on, debts that are asked again."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from accounts import routing, tenancy
from accounts.actors import Actor
from compliance import jobs
from compliance.retention import disposal, holds, operations
from compliance.retention.operations import alarming, upstream

_DAILY = 24 * 3600
_BATCHES_A_JOB = 100
"""So many transactions of 500 artifacts, and then other work gets its turn."""


@jobs.job("retention.assign")
def assign(organisation_id: UUID, object_id: UUID) -> None:
    """Dates for the artifacts of one call."""
    operations.assign_retention(actor=Actor.scheduler(organisation_id), call_id=object_id)


@jobs.job("retention.assign_artifact")
def assign_artifact(organisation_id: UUID, object_id: UUID) -> None:
    """A date for an artifact without a call."""
    operations.assign_retention_alone(actor=Actor.scheduler(organisation_id), artifact_id=object_id)


@jobs.job("retention.assign_all", lease_seconds=900)
def assign_all(organisation_id: UUID, object_id: UUID) -> None:
    """Dates for everything, after the rules changed."""
    operations.assign_everything(actor=Actor.scheduler(organisation_id))


@jobs.job("retention.assign_person", lease_seconds=600)
def assign_person(organisation_id: UUID, object_id: UUID) -> None:
    """Dates for the other calls of the people of a call, which may be their last contact."""
    operations.assign_person(actor=Actor.scheduler(organisation_id), call_id=object_id)


@jobs.job("retention.apply_schedules", lease_seconds=900)
def apply_schedules(organisation_id: UUID, object_id: UUID) -> None:
    """The day's run, batch by batch, and the questions to people. What is left after a while goes on at once."""
    actor = Actor.scheduler(organisation_id)
    while operations.open_reviews(actor=actor) == disposal.BATCH:
        pass
    for _ in range(_BATCHES_A_JOB):
        if not operations.apply_schedules(actor=actor):
            return
    raise jobs.TryLater("more_is_due", seconds=0)


@jobs.job("retention.carry_out_batches", ladder=(2, 10, 60, 300, 900, 3600), lease_seconds=900)
def carry_out_batches(organisation_id: UUID, object_id: UUID) -> None:
    """Go on with every disposal of a single artifact, until our own bytes are proven absent."""
    actor, after, is_refused = Actor.scheduler(organisation_id), None, False
    for _ in range(_BATCHES_A_JOB):
        batch = disposal.open_batch(organisation_id, after)
        if not batch:
            break
        is_refused |= bool(disposal.carry_out_batch(actor=actor, disposal_ids=batch))
        after = batch[-1]
    else:
        raise jobs.TryLater("more_to_do", seconds=0)
    if is_refused:
        raise jobs.TryLater("store_keeps")


@jobs.job("retention.carry_out", ladder=(2, 10, 60, 300, 900, 3600))
def carry_out(organisation_id: UUID, object_id: UUID) -> None:
    """Go on with the disposals of one call (or one artifact) until our part is done."""
    actor = Actor.scheduler(organisation_id)
    for disposal_id in disposal.open_disposals(organisation_id, object_id):
        disposal.carry_out(actor=actor, disposal_id=disposal_id)
    if disposal.is_call(organisation_id, object_id) and not disposal.finish_call(actor=actor, call_id=object_id):
        raise jobs.TryLater("call_not_finished")


@jobs.job("retention.check_location", ladder=(60, 300, 900, 3600, 4 * 3600, 12 * 3600, _DAILY), lease_seconds=180)
def check_location(organisation_id: UUID, object_id: UUID) -> None:
    """Ask a platform to delete, and for its proof, until it is proven gone or a person attests it."""
    progress = upstream.settle_location(actor=Actor.scheduler(organisation_id), location_id=object_id)
    if not progress.is_gone:
        raise jobs.TryLater(progress.code, seconds=progress.wait)


@jobs.job("retention.upstream_reported", lease_seconds=600)
def upstream_reported(organisation_id: UUID, object_id: UUID) -> None:
    """A platform told how a deletion went: its places of this call are looked at now. Its word is no proof."""
    upstream.check_call(actor=Actor.scheduler(organisation_id), call_id=object_id)


@jobs.job("retention.delete_late")
def delete_late(organisation_id: UUID, object_id: UUID) -> None:
    """A platform spoke of an erased call: it is to delete it again."""
    upstream.delete_late(actor=Actor.scheduler(organisation_id), call_id=object_id)


@jobs.job("retention.freeze_hold", lease_seconds=900)
def freeze_hold(organisation_id: UUID, object_id: UUID) -> None:
    """List the calls of a hold; it covers them already."""
    while operations.freeze_hold(actor=Actor.scheduler(organisation_id), hold_id=object_id):
        pass


@jobs.job("retention.let_go", lease_seconds=900)
def let_go(organisation_id: UUID, object_id: UUID) -> None:
    """What a released hold kept is due again."""
    after: UUID | None = None
    while after := operations.let_go(actor=Actor.scheduler(organisation_id), hold_id=object_id, after=after):
        pass


@shared_task(name="retention.watch_debt", ignore_result=True)
def watch_debt() -> None:
    """Hourly: debts and tasks that are too old are told, and holds that also cover later calls list them."""
    for organisation_id in routing.organisations():
        actor = Actor.scheduler(organisation_id)
        alarming.alarm_debt(actor=actor)
        with tenancy.scope(organisation_id):
            found = [hold.id for hold in holds.standing(organisation_id)]
        for hold_id in found:
            freeze_hold(organisation_id, hold_id)


@shared_task(name="retention.sweep", ignore_result=True)
def sweep() -> None:
    """Each organisation's run of the day, as a job of its own: one that fails holds up no other."""
    for organisation_id in routing.organisations():
        with tenancy.scope(organisation_id):
            jobs.enqueue_on_commit(
                "retention.apply_schedules", organisation_id=organisation_id, object_id=organisation_id
            )
