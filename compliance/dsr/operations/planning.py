"""Finding the person's calls, and deciding artifact by artifact what is to happen, before anything does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance import law
from compliance.dsr import access as requests
from compliance.dsr import events
from compliance.dsr.models import PlanItem, SubjectRequest
from compliance.dsr.states import Decision, Ground, State, decision_fits
from compliance.errors import Conflict, Invalid, NotFound
from compliance.recordings import access as register
from compliance.recordings import people
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.states import ArtifactKind, ArtifactState
from compliance.retention import holds

_GIVEN = (
    ArtifactKind.RECORDING,
    ArtifactKind.TRANSCRIPT,
    ArtifactKind.SUMMARY,
    ArtifactKind.DELIVERY,
    ArtifactKind.VOICEMAIL,
)
_WITH_BYTES = (ArtifactState.STORED, ArtifactState.DUE, ArtifactState.HELD)


def locate_calls(*, actor: Actor, request_id: UUID) -> list[PlanItem]:
    """Search by every claimed identity and lay out the plan. May be asked again until the plan is proposed; choices
    made by hand stay.
    """
    access.require(actor, "dsr.handle")
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        request = requests.request_of(organisation_id, request_id, lock=True)
        requests.require_state(request, State.IN_PROGRESS)
        if request.verified_at is None:
            raise Conflict("The identity is not verified yet", code="not_verified")
        if request.proposed_at is not None:
            raise Conflict("The plan is proposed already", code="plan_proposed")
        sure, unsure = _subjects(request)
        rows = [
            row
            for right in requests.rights_of(request)
            for row in _items(request, law.Right(right.right), sure, unsure)
        ]
        PlanItem.objects.bulk_create(rows, ignore_conflicts=True)
        request.located_at = timezone.now()
        request.save(update_fields=["located_at"])
        log.append(
            actor=actor,
            event=events.CALLS_LOCATED,
            organisation_id=organisation_id,
            obj=("request", request.id),
            cls=log.EntryClass.ACCESS,
            what={
                "calls": len({row.call_id for row in rows}),
                "artifacts": len(rows),
                "subjects": len(sure),
                "unverified_subjects": len(unsure),
                "kinds": "+".join(sorted({claim.kind for claim in requests.claims_of(request)})),
            },
        )
        return requests.plan_of(request)


def set_decision(*, actor: Actor, item_id: UUID, decision: Decision, ground: Ground | None) -> PlanItem:
    """Change what happens with one artifact, with a ground that carries the decision. Only before the plan is
    proposed.
    """
    access.require(actor, "dsr.handle")
    with tenancy.operation(actor):
        rows = PlanItem.objects.for_organisation(actor.organisation_id).select_related("request")
        item = rows.select_for_update(of=("self",)).filter(id=item_id).first()
        if item is None:
            raise NotFound()
        request = requests.request_for(actor, item.request_id, lock=True)
        if request.proposed_at is not None:
            raise Conflict("The plan is proposed already", code="plan_proposed")
        if decision is Decision.REDACT:
            raise Conflict("Redaction is not available yet; keep it, or give it whole", code="redaction_not_available")
        if not decision_fits(law.Right(item.right), decision, ground):
            raise Invalid("This ground does not carry this decision", errors={"ground": ["Does not fit."]})
        item.decision, item.ground = decision.value, ground.value if ground else ""
        item.save(update_fields=["decision", "ground"])
        log.append(
            actor=actor,
            event=events.DECISION_CHANGED,
            organisation_id=actor.organisation_id,
            obj=("request", request.id),
            cls=log.EntryClass.DECISION,
            what={"artifact": str(item.artifact_id), "decision": item.decision, "ground": item.ground or None},
        )
    return item


def digest_of(items: Iterable[PlanItem]) -> str:
    """SHA-256 over the plan in a fixed order: what is approved is what was proposed."""
    lines = sorted([str(item.artifact_id), item.right, item.decision, item.ground] for item in items)
    return hashlib.sha256(json.dumps(lines, separators=(",", ":")).encode()).hexdigest()


def _subjects(request: SubjectRequest) -> tuple[dict[UUID, list[str]], dict[UUID, list[str]]]:
    """People found by a verified claim, and people found by an unverified one only; each with the kinds that led
    there.
    """
    found: dict[bool, dict[UUID, list[str]]] = {True: {}, False: {}}
    for claim in requests.claims_of(request):
        known = people.Claim(IdentifierKind(claim.kind), requests.value_of(claim))
        for match in people.subjects_matching(request.organisation_id, [known]):
            found[claim.verified_at is not None].setdefault(match.subject_id, []).append(claim.kind)
    sure = found[True]
    return sure, {subject_id: kinds for subject_id, kinds in found[False].items() if subject_id not in sure}


def _items(
    request: SubjectRequest, right: law.Right, sure: dict[UUID, list[str]], unsure: dict[UUID, list[str]]
) -> list[PlanItem]:
    organisation_id = request.organisation_id
    rows = []
    for subjects, is_sure in ((sure, True), (unsure, False)):
        for subject_id, kinds in subjects.items():
            call_ids = people.calls_of_subjects(organisation_id, [subject_id])
            held = holds.held_calls(organisation_id, call_ids)
            for call_id in call_ids:
                has_others = len(register.principals(organisation_id, call_id)) > 1
                for artifact in register.artifacts_of(organisation_id, call_id):
                    if _concerns(right, artifact):
                        decision, ground = _decide(
                            right, is_sure=is_sure, is_held=call_id in held, has_others=has_others
                        )
                        rows.append(_row(request, right, artifact, subject_id, kinds, decision, ground))
    return rows


def _concerns(right: law.Right, artifact: Any) -> bool:
    state = ArtifactState(artifact.state)
    if right is law.Right.ACCESS:
        return artifact.kind in _GIVEN and state in _WITH_BYTES
    return state not in {ArtifactState.DELETED, ArtifactState.NEVER_RECORDED}


def _decide(right: law.Right, *, is_sure: bool, is_held: bool, has_others: bool) -> tuple[Decision, Ground | None]:
    if not is_sure:
        return Decision.KEEP, Ground.NOT_IDENTIFIED
    if right is law.Right.ACCESS and has_others:
        # Nothing can be taken out of sound and words yet, so another person's part stays with us (GDPR Art. 15(4)).
        return Decision.KEEP, Ground.OTHERS_RIGHTS
    if right is law.Right.ERASURE and is_held:
        return Decision.KEEP, Ground.LEGAL_HOLD
    return Decision.FULFIL, None


def _row(
    request: SubjectRequest,
    right: law.Right,
    artifact: Any,
    subject_id: UUID,
    kinds: list[str],
    decision: Decision,
    ground: Ground | None,
) -> PlanItem:
    return PlanItem(
        organisation_id=request.organisation_id,
        request=request,
        right=right.value,
        artifact=artifact,
        call_id=artifact.call_id,
        subject_id=subject_id,
        matched_by=sorted(set(kinds)),
        decision=decision.value,
        ground=ground.value if ground else "",
    )
