"""Tasks for a person at a platform that deletes on no call of ours: who takes it, and the evidence.

What can go wrong: the evidence is a page that attacks its reader, or is read by everybody. So its kind is found from
its bytes, it lies sealed under the organisation's key, and each opening is an entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts import access, tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Invalid, NotFound
from compliance.retention import debt, events, evidence
from compliance.retention.models import UpstreamTask
from compliance.vault import store


@dataclass(frozen=True, slots=True)
class Document:
    """Evidence, opened."""

    media_type: str
    name: str
    pieces: Iterator[bytes] = field(repr=False)


def tasks_of(organisation_id: UUID) -> QuerySet[UpstreamTask]:
    """Every task of an organisation, with its place, artifact and call."""
    rows = UpstreamTask.objects.for_organisation(organisation_id)
    return rows.select_related("location__artifact__call")


def task_for(actor: Actor, task_id: UUID) -> UpstreamTask:
    """From an outside id to a task; absent and somebody else's look the same."""
    access.require(actor, "retention.read")
    found = tasks_of(actor.organisation_id).filter(id=task_id).first()
    if found is None:
        raise NotFound()
    return found


def take_task(*, actor: Actor, task_id: UUID) -> UpstreamTask:
    """Put one's own name to a task."""
    access.require(actor, "retention.handle_task")
    with tenancy.operation(actor):
        task = _lock_open(actor, task_id)
        task.assigned_to = actor.reference
        task.save(update_fields=["assigned_to"])
        _note(actor, events.TASK_TAKEN, task, log.EntryClass.CHANGE)
    return task


def keep_evidence(*, actor: Actor, task_id: UUID, content: bytes) -> UpstreamTask:
    """Keep a document of at most 10 MB with a task: PDF, PNG, JPEG, a mail or plain text, by its bytes.

    A newer one takes the older one's place, whose bytes go. Raises Invalid, Conflict where the task is closed.
    """
    access.require(actor, "retention.handle_task")
    organisation_id = actor.organisation_id
    try:
        kind = evidence.kind_of(content)
    except evidence.NotEvidence as error:
        errors = {"evidence": ["PDF, PNG, JPEG, a mail (EML) or plain text, at most 10 MB."]}
        raise Invalid("This document cannot be kept as evidence", code=error.code, errors=errors) from error
    with tenancy.scope(organisation_id):
        _require_open(task_for(actor, task_id))
    staged = store.stage(
        organisation_id=organisation_id,
        scope=store.Scope(store.ScopeKind.ORGANISATION, organisation_id),
        kind=store.ObjectKind.REQUEST,
        source=content,
        media_type=kind.media_type,
    )
    try:
        with tenancy.operation(actor):
            task = _lock_open(actor, task_id)
            older, task.evidence, task.evidence_name = task.evidence, store.record(staged), kind.value
            task.save(update_fields=["evidence", "evidence_name"])
            what = {"kind": kind.value, "size": len(content), "sha256": staged.sha256, "replaces": older is not None}
            _note(actor, events.EVIDENCE_KEPT, task, log.EntryClass.CHANGE, **what)
    except Conflict:
        store.abandon(staged)
        raise
    if older is not None:
        store.delete_bytes(older)
    return task


def open_evidence(*, actor: Actor, task_id: UUID) -> Document:
    """A task's document. That it was opened, and by whom, is an entry."""
    access.require(actor, "retention.handle_task")
    with tenancy.operation(actor):
        task = task_for(actor, task_id)
        if task.evidence is None:
            raise NotFound("No document lies with this task")
        _note(actor, events.EVIDENCE_OPENED, task, log.EntryClass.ACCESS)
        kind = evidence.EvidenceKind(task.evidence_name)
        return Document(kind.media_type, f"evidence-{task.id}.{kind.value}", store.open_stream(task.evidence))


def attest_task(*, actor: Actor, task_id: UUID, statement: str) -> UpstreamTask:
    """Close a task: the platform no longer holds the data, as the statement and the document say. Needs the document,
    and is written down as attested, never as proven.
    """
    access.require(actor, "retention.handle_task")
    with tenancy.scope(actor.organisation_id):
        task = task_for(actor, task_id)
        _require_open(task)
        if task.evidence_id is None:
            raise Conflict("Upload the platform's answer first", code="no_evidence")
        debt.attest_gone(actor=actor, location_id=task.location_id, evidence=statement)
        return task_for(actor, task_id)


def _lock_open(actor: Actor, task_id: UUID) -> UpstreamTask:
    rows = UpstreamTask.objects.for_organisation(actor.organisation_id).select_for_update(of=("self",), no_key=True)
    task = rows.select_related("evidence").filter(id=task_id).first()
    if task is None:
        raise NotFound()
    _require_open(task)
    return task


def _require_open(task: UpstreamTask) -> None:
    if task.state != UpstreamTask.State.OPEN:
        raise Conflict("This task is closed", code="task_closed")


def _note(actor: Actor, event: str, task: UpstreamTask, cls: log.EntryClass, **what: Any) -> None:
    log.append(
        actor=actor,
        event=event,
        organisation_id=actor.organisation_id,
        obj=("task", task.id),
        cls=cls,
        what={"location": str(task.location_id), **what},
    )
