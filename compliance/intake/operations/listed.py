"""The calls of one page of a platform's list: registered, completed where the list is thin, refused where erased."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import merging
from compliance.connectors.facts import CallFacts, CallStatus
from compliance.connectors.operations import asking
from compliance.connectors.providers.questions import AskFailed, CallPage
from compliance.errors import Gone, Refusal
from compliance.intake.models import ImportRun
from compliance.intake.operations.runs import Tally
from compliance.reconciliation import operations as reconciliation
from compliance.recordings import access as register
from compliance.recordings.operations import registering
from compliance.recordings.states import ArtifactKind

GRACE = timedelta(minutes=15)
"""So long after its end a call should have been told of by a delivery."""
_SILENT = frozenset({CallStatus.NO_ANSWER, CallStatus.BUSY, CallStatus.FAILED, CallStatus.CANCELLED})
_LISTED_ONLY = "listed_only"
_CONTENT = (ArtifactKind.RECORDING.value, ArtifactKind.TRANSCRIPT.value)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is, as it was read before the page is asked for."""

    run_id: UUID
    connection_id: UUID
    kind: str
    since: datetime
    until: datetime
    cursor: str
    seen: int
    reached_at: datetime

    def is_where(self, run: ImportRun) -> bool:
        """Whether nobody else has done this page meanwhile. A run that is stopped has still to count its last page."""
        is_open = run.state in (ImportRun.State.RUNNING, ImportRun.State.STOPPED)
        return is_open and (run.cursor, run.seen) == (self.cursor, self.seen)


def take_in(actor: Actor, place: Place, page: CallPage) -> Tally:
    """Register every call of a page; a page that is taken in twice changes nothing.

    A platform that still lists a call whose deletion it had confirmed is a discrepancy, and is told as one. Raises
    AskFailed.
    """
    tally = Tally(seen=page.unreadable, failed=page.unreadable)
    for facts in page.calls:
        tally += _register(actor, place, facts)
    if tally.refused:
        ids = [facts.external_id for facts in page.calls]
        reconciliation.note_listed_calls(actor=actor, connection_id=place.connection_id, external_ids=ids)
    return tally


def _register(actor: Actor, place: Place, facts: CallFacts) -> Tally:
    """One call. Refused where it was erased, without a word of it being kept."""
    with tenancy.scope(actor.organisation_id):
        known = registering.known_call(actor.organisation_id, place.connection_id, facts.external_id)
        is_poor = known is None or _is_poor(actor.organisation_id, known.id, place.kind)
    if known is not None and known.state != known.State.ACTIVE:
        return Tally(seen=1, refused=1)
    failed = 0
    if is_poor and _is_thin(facts):
        try:
            facts = _in_full(actor, place, facts)
        except AskFailed as error:
            if error.is_retryable or error.code in ("denied", "no_credentials"):
                raise
            failed = 1
    try:
        call = registering.register_call(
            actor=actor, connection_id=place.connection_id, facts=facts, received_at=timezone.now()
        )
    except Gone:
        return Tally(seen=1, refused=1)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        return Tally(seen=1, failed=1)
    # A worker may have died after registering and before noting it: what came since the page began is the page's.
    is_new = known is None or call.registered_at >= place.reached_at
    missed = int(is_new and _should_be_known(facts))
    return Tally(seen=1, registered=int(is_new), known=int(not is_new), failed=failed, missed=missed)


def _is_poor(organisation_id: UUID, call_id: UUID, kind: str) -> bool:
    """Whether we have less of a known call than the platform may have: nothing at all, or, asked once a day, no
    words.
    """
    rows = register.artifacts(organisation_id).filter(call_id=call_id, kind__in=_CONTENT)
    kinds = set(rows.values_list("kind", flat=True))
    return not kinds or (ArtifactKind.TRANSCRIPT.value not in kinds and kind != ImportRun.Kind.RECENT)


def _is_thin(facts: CallFacts) -> bool:
    """Whether a list tells less than the platform knows: the call is then asked for by its id. Providers whose lists
    have neither words nor sound say so by a note.
    """
    if facts.status is CallStatus.IN_PROGRESS:
        return False
    return _LISTED_ONLY in facts.notes or (not facts.transcript and facts.status not in _SILENT)


def _in_full(actor: Actor, place: Place, facts: CallFacts) -> CallFacts:
    found = asking.ask_patiently(
        actor.organisation_id,
        place.connection_id,
        lambda api, credentials: api.ask_call(credentials, facts.external_id),
        lambda api, answer: api.read_call(answer),
    )
    if found is None or found.external_id != facts.external_id:
        return facts
    return dataclasses.replace(merging.merge(facts, found), notes=found.notes)


def _should_be_known(facts: CallFacts) -> bool:
    """Whether a delivery should have told of this call by now."""
    over_at = facts.ended_at
    if over_at is None and facts.started_at and facts.duration_seconds is not None:
        over_at = facts.started_at + timedelta(seconds=facts.duration_seconds)
    return over_at is not None and over_at < timezone.now() - GRACE
