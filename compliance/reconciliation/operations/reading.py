"""The rolling re-hash: every object is read whole within a set number of days, oldest reading first."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts import tenancy
from compliance.reconciliation.models import Run
from compliance.reconciliation.operations.stages import Page
from compliance.reconciliation.rules import portions
from compliance.reconciliation.rules.comparing import Difference
from compliance.reconciliation.rules.kinds import Kind
from compliance.recordings import access as register
from compliance.vault import inventory, store
from compliance.vault.inventory import Verdict

_BATCH = 200
_BYTES = 256 * 1024 * 1024
"""Bytes after which a page is written down, so that whoever is killed has little to read again."""

_FOUND = {Verdict.HASH: Kind.HASH, Verdict.WRONG_KEY: Kind.WRONG_KEY}


def read_again(run: Run) -> Page:
    """A page of today's portion. Absent and shortened objects are the store stage's findings, not this one's."""
    days, now = settings.RECONCILE_READ_EVERY_DAYS, run.started_at
    with tenancy.scope(run.organisation_id):
        rows = list(_oldest(run.organisation_id, run.cursor).filter(last_read_at__lt=now)[:_BATCH])
    page = Page([], None)
    for row in rows:
        is_due = portions.must_be_read(row.last_read_at, now, days)
        is_in_budget = run.bytes_read + page.bytes_read < run.budget and portions.may_be_read(row.last_read_at, now)
        if not (is_due or is_in_budget):
            return page
        _read(row, page)
        page.cursor = f"{row.last_read_at.isoformat()} {row.id}"
        if page.bytes_read >= _BYTES:
            return page
    if len(rows) < _BATCH:
        page.cursor = None
    return page


def _oldest(organisation_id: UUID, cursor: str) -> QuerySet[Any]:
    """Readable artifacts with bytes of ours, by their last reading; storing them was the first."""
    rows = register.artifacts(organisation_id).filter(state__in=register.READABLE, object__deleted_at=None)
    rows = rows.exclude(object=None).annotate(last_read_at=Coalesce("read_at", "stored_at", F("registered_at")))
    if cursor:
        moment, _, id_ = cursor.partition(" ")
        at = datetime.fromisoformat(moment)
        rows = rows.filter(Q(last_read_at__gt=at) | Q(last_read_at=at, id__gt=UUID(id_)))
    return rows.order_by("last_read_at", "id").defer("object__inline")


def _read(artifact: Any, page: Page) -> None:
    sealed = store.sealed_object(artifact.organisation_id, artifact.object_id)
    if sealed.deleted_at is not None:  # disposed of since the list was made
        return
    read = inventory.read_whole(sealed)
    page.bytes_read += read.size
    if read.verdict in _FOUND:  # a finding of this kind is an incident: it has to be true twice
        read = inventory.read_whole(sealed)
    if read.verdict in {Verdict.ABSENT, Verdict.SIZE} and sealed.store_key:
        return
    page.read.append(artifact.id)
    thing = sealed.store_key or f"vault_sealedobject/{sealed.id}"
    if read.verdict in {Verdict.WHOLE, Verdict.HASH_ONLY}:
        page.whole.append(thing)
        return
    kind = _FOUND.get(read.verdict, Kind.HASH)
    page.found.append(Difference(kind, thing, artifact.id, sealed.id, {"read": True}))


def budget_of(total: int) -> int:
    """Bytes that a run of today reads again, of so many."""
    return portions.daily_bytes(total, settings.RECONCILE_READ_EVERY_DAYS)
