"""Refused, but recorded: a caller who did not want it, and a recording that lies with us all the same.

The judge's closed list of reasons says that a caller objected and whether that was honoured; this module asks what it
does not: is there a recording of what came after? Then it proposes to retention that the call goes. A person decides.

A recording was "gone on" with where the agent ignored the objection, or where it is longer than the call was at that
moment, whatever the agent promised. An objection counts here even in a call whose language allows no verdict. Where
nobody knows how long the recording is, the person who decides looks.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from accounts import access, tenancy
from accounts.actors import Actor
from compliance.connectors.facts import Consent
from compliance.disclosure import access as doors
from compliance.disclosure import queue
from compliance.disclosure.models import DisclosureAudit, Finding
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactKind
from compliance.retention.disposal import Ground
from compliance.retention.operations import proposals

OBJECTION: Final = "objection"
IGNORED: Final = "objection_ignored"
GRACE_SECONDS: Final = 15.0
"""A recording that was stopped at an objection still holds the objection, the answer and the stopping."""
BATCH: Final = 500


def find_refusals(*, actor: Actor, call_id: UUID) -> list[UUID]:
    """Propose the disposal of a call that was recorded against its caller's word; the new proposals' ids."""
    access.require(actor, "retention.propose_disposal")
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        causes = _causes(organisation_id, call_id)
        found = [
            proposals.open_proposal(actor=actor, call_id=call_id, ground=ground, cause=cause)
            for ground, cause in causes.items()
        ]
    return [row.id for row in found if row is not None]


def sweep_refusals(*, actor: Actor) -> int:
    """Calls whose refusal was known before their recording arrived, or whose platform told it late; how many proposals
    that made.
    """
    organisation_id = actor.organisation_id
    with tenancy.scope(organisation_id):
        asked = proposals.proposals_of(organisation_id)
        heard = Q(reason=OBJECTION) | Q(audit__details__objection_turn__gte=0)
        audits = Finding.objects.for_organisation(organisation_id).filter(
            heard, state__in=queue.LIVE, audit__call__isnull=False
        )
        objected = audits.exclude(audit__call_id__in=asked.filter(ground=Ground.OBJECTION).values("call_id"))
        refused = register.calls(organisation_id).filter(consent=Consent.REFUSED.value, state="active")
        refused = refused.exclude(id__in=asked.filter(ground=Ground.CONSENT_REFUSED).values("call_id"))
        call_ids = {*objected.values_list("audit__call_id", flat=True), *refused.values_list("id", flat=True)}
    return sum(len(find_refusals(actor=actor, call_id=call_id)) for call_id in sorted(call_ids))


def _causes(organisation_id: UUID, call_id: UUID) -> dict[Ground, UUID]:
    """Why a call should go: ground and what says so."""
    call = register.call_of(organisation_id, call_id)
    recordings = _recordings(organisation_id, call_id)
    if call.state != call.State.ACTIVE or not recordings:
        return {}
    found: dict[Ground, UUID] = {}
    audit = doors.audit_of_call(organisation_id, call_id)
    if audit is not None and _went_on(audit, recordings):
        found[Ground.OBJECTION] = _finding(audit)
    if call.consent == Consent.REFUSED.value:
        found[Ground.CONSENT_REFUSED] = call.id  # the platform's own word about the call
    return found


def _recordings(organisation_id: UUID, call_id: UUID) -> list[Any]:
    kinds = {ArtifactKind.RECORDING.value, ArtifactKind.VOICEMAIL.value}
    rows = register.artifacts_of(organisation_id, call_id)
    return [row for row in rows if row.kind in kinds and row.state in register.READABLE and row.object_id]


def _went_on(audit: DisclosureAudit, recordings: list[Any]) -> bool:
    if OBJECTION not in audit.reasons and audit.details.get("objection_turn") is None:
        return False
    at = audit.details.get("seconds_to_objection")
    if IGNORED in audit.reasons or at is None:
        return True
    return any(row.duration_ms is None or row.duration_ms / 1000 > at + GRACE_SECONDS for row in recordings)


def _finding(audit: DisclosureAudit) -> UUID:
    """The finding of the objection; the audit itself where none is left open."""
    rows = Finding.objects.for_organisation(audit.organisation_id).filter(audit=audit, reason__in=[IGNORED, OBJECTION])
    found = rows.order_by("reason").values_list("id", flat=True).last()
    return found or audit.id
