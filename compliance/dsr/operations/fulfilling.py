"""Doing what was approved. Runs as a job that may be killed anywhere and asked again; every step is found done or does
itself.

Access comes before erasure where both were asked for. Erasure goes by `retention.disposal` only, and is answered from
what was proven: while a platform has not confirmed its copy, or a hold keeps a call, the certificate says so and the
request stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance import jobs, law
from compliance.dsr import access as requests
from compliance.dsr import certificate, events, export, notices
from compliance.dsr.models import PlanItem, SubjectRequest, Suppression
from compliance.dsr.operations.deciding import close
from compliance.dsr.states import GROUNDS, Decision, Ground, State, outcome
from compliance.errors import Held
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactState
from compliance.retention import disposal
from compliance.vault import store

DELIVERED, ERASED, KEPT, AWAITING = "delivered", "erased", "kept", "awaiting_platform"
GONE = "gone"  # it ended by its schedule before a copy of it was made


def fulfil_request(*, actor: Actor, request_id: UUID) -> None:
    """Carry out the approved plan. Raises jobs.TryLater while something is under way."""
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        request = requests.request_of(organisation_id, request_id)
        if request.state != State.IN_PROGRESS or request.approved_at is None:
            return
        rights = {right.right for right in requests.rights_of(request)}
    if law.Right.ACCESS in rights:
        _give_copy(actor, request)
    if law.Right.ERASURE in rights:
        _erase(actor, request)
    _answer(actor, request_id)


def continue_after_hold(*, actor: Actor, hold_call_ids: Sequence[UUID]) -> int:
    """A hold ended: what it kept is erased now, in every request that waited for it."""
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        waiting = PlanItem.objects.for_organisation(organisation_id).filter(
            call_id__in=list(hold_call_ids), ground=Ground.LEGAL_HOLD, request__state=State.IN_PROGRESS
        )
        request_ids = sorted(set(waiting.values_list("request_id", flat=True)))
        waiting.update(decision=Decision.FULFIL, ground="", result="")
        for request_id in request_ids:
            jobs.enqueue_on_commit("dsr.fulfil_request", organisation_id=organisation_id, object_id=request_id)
    return len(request_ids)


def _give_copy(actor: Actor, request: SubjectRequest) -> None:
    with tenancy.scope(actor.organisation_id):
        items = _items(request, law.Right.ACCESS, Decision.FULFIL)
        if requests.packages_of(request) or not items:
            return

    def announce(built: export.Built) -> None:
        _settle([item for item in items if item.artifact_id in built.artifact_ids], DELIVERED)
        _settle([item for item in items if item.artifact_id not in built.artifact_ids], GONE)
        notices.queue(actor, request, notices.package_ready(request, built.url, built.package.expires_at))

    export.build_package(actor=actor, request_id=request.id, announce=announce)


def _erase(actor: Actor, request: SubjectRequest) -> None:
    with tenancy.scope(actor.organisation_id):
        items = [item for item in _items(request, law.Right.ERASURE, Decision.FULFIL) if item.result != ERASED]
    whole, single = _by_call(actor, request, items)
    for call_id in whole:
        _erase_call(actor, request, call_id)
    single = _erase_parts(actor, request, single)
    for object_id in [*whole, *single]:
        if not disposal.is_our_part_done(actor.organisation_id, object_id):
            raise jobs.TryLater("erasing", seconds=10)
    subject_ids = sorted({item.subject_id for item in items})
    disposal.erase_subjects(actor=actor, subject_ids=subject_ids, request_id=request.id)
    _suppress(actor, request)
    with tenancy.scope(actor.organisation_id):
        _note_results(_items(request, law.Right.ERASURE, Decision.FULFIL))


def _by_call(actor: Actor, request: SubjectRequest, items: list[PlanItem]) -> tuple[list[UUID], list[UUID]]:
    """Calls that go whole (every artifact is to go: the key goes too), and single artifacts of calls of which something
    stays.
    """
    with tenancy.scope(actor.organisation_id):
        staying = {item.call_id for item in _items(request, law.Right.ERASURE, Decision.KEEP)}
    whole = sorted({item.call_id for item in items} - staying)
    return whole, sorted(item.artifact_id for item in items if item.call_id in staying)


def _erase_call(actor: Actor, request: SubjectRequest, call_id: UUID) -> None:
    try:
        disposal.begin_call_disposal(
            actor=actor, call_id=call_id, ground=disposal.Ground.ERASURE_REQUEST, request_id=request.id
        )
    except Held:
        _keep_for_hold(actor, request, call_id)


def _erase_parts(actor: Actor, request: SubjectRequest, artifact_ids: list[UUID]) -> list[UUID]:
    """Begin with single artifacts of calls of which something stays; those that no hold has kept."""
    held: set[UUID] = set()
    for start in range(0, len(artifact_ids), disposal.BATCH):
        begun = disposal.begin_artifact_disposal(
            actor=actor,
            artifact_ids=artifact_ids[start : start + disposal.BATCH],
            ground=disposal.Ground.ERASURE_REQUEST,
            request_id=request.id,
        )
        held.update(begun.held)
    with tenancy.scope(actor.organisation_id):
        calls = {item.call_id for item in requests.plan_of(request) if item.artifact_id in held}
    for call_id in sorted(calls):
        _keep_for_hold(actor, request, call_id)
    return sorted(set(artifact_ids) - held)


def _keep_for_hold(actor: Actor, request: SubjectRequest, call_id: UUID) -> None:
    """A hold came after the approval: what was to go of this call stays until it ends."""
    with tenancy.operation(actor):
        rows = PlanItem.objects.for_organisation(actor.organisation_id).filter(request=request, call_id=call_id)
        rows.filter(right=law.Right.ERASURE, decision=Decision.FULFIL).exclude(result=ERASED).update(
            decision=Decision.KEEP, ground=Ground.LEGAL_HOLD, result=KEPT, done_at=timezone.now()
        )
        log.append(
            actor=actor,
            event=events.DECISION_CHANGED,
            organisation_id=actor.organisation_id,
            obj=("request", request.id),
            cls=log.EntryClass.DECISION,
            outcome="held",
            what={"call": str(call_id), "decision": Decision.KEEP.value, "ground": Ground.LEGAL_HOLD.value},
        )


def _suppress(actor: Actor, request: SubjectRequest) -> None:
    """So that it stays erased: a digest of each verified identifier, which a re-import is compared with."""
    with tenancy.operation(actor):
        request = requests.request_of(actor.organisation_id, request.id, lock=True)
        known = Suppression.objects.for_organisation(actor.organisation_id)
        new = []
        for claim in requests.claims_of(request):
            digest = store.fingerprint(actor.organisation_id, f"suppress.{claim.kind}", requests.value_of(claim))
            if claim.verified_at and not known.filter(kind=claim.kind, digest=digest).exists():
                new.append(
                    Suppression(organisation_id=actor.organisation_id, kind=claim.kind, digest=digest, request=request)
                )
        if new:
            Suppression.objects.bulk_create(new)
            _note(actor, events.SUPPRESSION_SET, request, {"identifiers": len(new)})


def _answer(actor: Actor, request_id: UUID) -> None:
    """The certificate, the letter and the final state; or what is still open."""
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        request = requests.request_of(organisation_id, request_id)
        items = requests.plan_of(request)
        awaiting = [item for item in items if item.result == AWAITING]
        held = [item for item in items if item.ground == Ground.LEGAL_HOLD]
        erasing = any(right.right == law.Right.ERASURE for right in requests.rights_of(request))
        letter = _erasure_letter(request, items)
    if erasing:
        is_final = not (awaiting or held)
        certificate.issue_if_changed(actor=actor, request_id=request_id, is_final=is_final, letter=letter)
    if awaiting:
        raise jobs.TryLater("awaiting_platform", seconds=3600)
    if not held:
        _close(actor, request_id)


def _close(actor: Actor, request_id: UUID) -> None:
    with tenancy.operation(actor):
        request = requests.request_of(actor.organisation_id, request_id, lock=True)
        if request.state != State.IN_PROGRESS:
            return
        for right in requests.rights_of(request):
            decisions = [Decision(item.decision) for item in requests.plan_of(request) if item.right == right.right]
            right.outcome = outcome(decisions).value
            right.save(update_fields=["outcome"])
        close(actor, request, State.FULFILLED, None)
        _note(actor, events.REQUEST_FULFILLED, request, {"artifacts": len(requests.plan_of(request))})


def _erasure_letter(request: SubjectRequest, items: list[PlanItem]) -> notices.Letter:
    mine = [item for item in items if item.right == law.Right.ERASURE]
    kept = sorted(
        {
            f"{GROUNDS[Ground(item.ground)].text} ({GROUNDS[Ground(item.ground)].article})"
            for item in mine
            if item.ground
        }
    )
    return notices.erasure_answer(
        request,
        erased=sum(item.result == ERASED for item in mine),
        awaiting=sum(item.result == AWAITING for item in mine),
        kept=kept,
    )


def _items(request: SubjectRequest, right: law.Right, decision: Decision) -> list[PlanItem]:
    return [item for item in requests.plan_of(request) if item.right == right and item.decision == decision]


def _settle(items: list[PlanItem], result: str) -> None:
    for item in items:
        item.result, item.done_at = result, timezone.now()
        item.save(update_fields=["result", "done_at"])


def _note_results(items: list[PlanItem]) -> None:
    for item in items:
        artifact = next(
            row for row in register.artifacts_of(item.organisation_id, item.call_id) if row.id == item.artifact_id
        )
        _settle([item], ERASED if artifact.state == ArtifactState.DELETED else AWAITING)


def _note(actor: Actor, event: str, request: SubjectRequest, what: dict[str, str | int | bool | None]) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("request", request.id),
        cls=log.EntryClass.CHANGE,
        what=what,
    )
