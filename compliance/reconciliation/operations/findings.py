"""Findings: the same discrepancy is one row, however often it is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Invalid
from compliance.outlet import operations as outlet
from compliance.reconciliation import access, events
from compliance.reconciliation.models import Finding, Run
from compliance.reconciliation.rules.comparing import Difference
from compliance.reconciliation.rules.kinds import ALARMING, PUSHED, Dismissal, Kind

logger = structlog.get_logger(__name__)

_LIVE = (*access.OPEN, Finding.State.DISMISSED)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a page's differences: how many are new, and how many of each kind nobody has dismissed."""

    fresh: int
    counts: Counter[str]


def keep(organisation_id: UUID, differences: Iterable[Difference], run: Run | None) -> Kept:
    """Write down what was seen: a new row, or the known one seen again. In a transaction.

    A dismissed finding stays dismissed while the discrepancy is the same.
    """
    seen = {(one.kind.value, one.thing): one for one in differences}
    if not seen:
        return Kept(0, Counter())
    now = timezone.now()
    rows = access.findings(organisation_id).filter(state__in=_LIVE, thing__in={thing for _, thing in seen})
    known = [row for row in rows.select_for_update().order_by("id") if (row.kind, row.thing) in seen]
    for row in known:
        row.last_seen_at, row.facts = now, dict(seen[row.kind, row.thing].facts)
        row.last_run = run or row.last_run
    Finding.objects.for_organisation(organisation_id).bulk_update(known, ["last_seen_at", "facts", "last_run"])
    fresh = [one for key, one in seen.items() if key not in {(row.kind, row.thing) for row in known}]
    added = Finding.objects.bulk_create([_new(organisation_id, one, run) for one in fresh])
    outlet.announce_events(actor=Actor.scheduler(organisation_id), news=[_news(row) for row in added])
    for one in fresh:
        if one.kind in ALARMING:
            logger.error("reconciliation.alarm", organisation_id=str(organisation_id), kind=one.kind.value)
    dismissed = {(row.kind, row.thing) for row in known if row.state == Finding.State.DISMISSED}
    return Kept(len(fresh), Counter(kind for kind, thing in seen if (kind, thing) not in dismissed))


def _news(row: Finding) -> outlet.News:
    told = {"finding_id": row.id, "kind": row.kind, "artifact_id": row.artifact_id}
    return outlet.News("reconciliation.finding.opened", told)


def _new(organisation_id: UUID, found: Difference, run: Run | None) -> Finding:
    return Finding(
        organisation_id=organisation_id,
        kind=found.kind.value,
        thing=found.thing,
        artifact_id=found.artifact_id,
        object_id=found.object_id,
        facts=dict(found.facts),
        first_run=run,
        last_run=run,
    )


def settle_unseen(run: Run) -> int:
    """Findings that a complete run did not see again are over. In a transaction.

    What was read again only in part (hashes) is settled where it was read; what others told us, by them.
    """
    kept = [*PUSHED, Kind.HASH]
    rows = access.findings(run.organisation_id).filter(state__in=_LIVE).exclude(kind__in=kept)
    rows = rows.exclude(kind=Kind.WRONG_KEY, facts__has_key="read").exclude(last_run=run)
    return rows.exclude(state=Finding.State.APPROVED).update(state=Finding.State.RESOLVED, settled_at=timezone.now())


def settle_read(organisation_id: UUID, things: Iterable[str]) -> int:
    """Objects that were read again and are whole: what reading had found in them is over. In a transaction."""
    rows = access.findings(organisation_id).filter(state__in=_LIVE, thing__in=list(things))
    return rows.filter(kind__in=[Kind.HASH, Kind.WRONG_KEY], facts__has_key="read").update(
        state=Finding.State.RESOLVED, settled_at=timezone.now()
    )


def note_finding(
    *, actor: Actor, kind: Kind, thing: str, facts: Mapping[str, str | int | bool], artifact_id: UUID | None = None
) -> bool:
    """Take down what another room found (a batch's count gap, a platform that still lists a deleted call). Idempotent.

    `thing` is a table's name and an id, "intake_batch/<id>"; `facts` are codes and numbers. True where it is new.
    """
    rights.require(actor, "reconciliation.run")
    if kind not in PUSHED:
        raise ValueError(f"{kind} is found by runs only")
    with tenancy.operation(actor):
        found = Difference(kind, thing, artifact_id, facts=facts)
        is_new = keep(actor.organisation_id, [found], None).fresh > 0
        if is_new:
            _note(actor, events.FINDING_NOTED, None, {"kind": kind.value, **facts})
    return is_new


def clear_finding(*, actor: Actor, kind: Kind, thing: str) -> bool:
    """What another room found is over, it says. True where there was such a finding."""
    rights.require(actor, "reconciliation.run")
    with tenancy.operation(actor):
        rows = access.findings(actor.organisation_id).filter(kind=kind, thing=thing, state__in=_LIVE)
        cleared = rows.update(state=Finding.State.RESOLVED, settled_at=timezone.now())
        if cleared:
            _note(actor, events.FINDING_CLEARED, None, {"kind": kind.value})
    return bool(cleared)


def dismiss_finding(*, actor: Actor, finding_id: UUID, code: str) -> Finding:
    """Leave a discrepancy as it is, for a coded reason. It comes back as a new finding once it was over in between."""
    rights.require(actor, "reconciliation.propose_repair")
    if code not in set(Dismissal):
        raise Invalid("Why is it left as it is?", errors={"code": [f"One of: {', '.join(Dismissal)}."]})
    with tenancy.operation(actor):
        finding = access.finding_of(actor.organisation_id, finding_id, lock=True)
        if finding.state not in (Finding.State.OPEN, Finding.State.PROPOSED):
            raise Conflict("Only an open finding can be dismissed")
        finding.state, finding.code = Finding.State.DISMISSED, code
        finding.decided_by, finding.decided_at = actor.reference, timezone.now()
        finding.save(update_fields=["state", "code", "decided_by", "decided_at"])
        _note(actor, events.FINDING_DISMISSED, finding.id, {"kind": finding.kind, "code": code})
    return finding


def _note(actor: Actor, event: str, finding_id: UUID | None, what: Mapping[str, str | int | bool]) -> UUID:
    return log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("discrepancy", finding_id),
        cls=log.EntryClass.DECISION,
        what=dict(what),
    )
