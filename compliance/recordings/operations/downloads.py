"""Batch downloads: an organisation takes its own data along, for a purpose, every file in the log.

What can go wrong: a connection breaks after ninety gigabytes; a call is erased while the rest is on its way; somebody
takes everything and nobody sees it. So what belongs to a download is fixed when it is asked for; each file is opened by
itself, with an entry that is committed before its first byte; whoever comes again goes on after the last file that he
has; and what is gone meanwhile is named in the manifest instead of left out in silence. Nothing in clear is kept by us.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.utils import timezone

from accounts import access as rights
from accounts import tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Conflict, Gone, Invalid, NotFound
from compliance.recordings import access, events
from compliance.recordings.call_filters import CallFilter
from compliance.recordings.models import Artifact, Call, Download, DownloadItem
from compliance.recordings.operations import links
from compliance.recordings.states import ArtifactKind

MOST_ITEMS = 200_000
LIFETIME = timedelta(days=7)
KINDS = tuple(
    kind.value
    for kind in (
        ArtifactKind.RECORDING,
        ArtifactKind.TRANSCRIPT,
        ArtifactKind.SUMMARY,
        ArtifactKind.REDACTED_COPY,
        ArtifactKind.VOICEMAIL,
    )
)


def start_download(*, actor: Actor, purpose: str, calls: CallFilter, kinds: Sequence[str] = KINDS) -> Download:
    """Fix what a download holds: every readable artifact of these kinds of the calls that the filter means.

    Raises Invalid where no purpose is stated, a kind is unknown, nothing is meant, or more than MOST_ITEMS are.
    """
    rights.require(actor, "recordings.download_batch")
    purpose = links.stated_purpose(actor, purpose)
    _check_kinds(kinds)
    organisation_id = actor.organisation_id
    with tenancy.operation(actor):
        chosen = _chosen(organisation_id, calls, kinds)
        ids = list(chosen.values_list("id", flat=True)[: MOST_ITEMS + 1])
        if not ids:
            raise Invalid("Nothing is chosen: no call of the register has such a file", code="nothing_chosen")
        if len(ids) > MOST_ITEMS:
            raise Invalid(f"More than {MOST_ITEMS} files: choose fewer calls", code="too_many")
        download = Download.objects.create(
            organisation_id=organisation_id,
            actor=actor.reference,
            purpose=purpose,
            filters=calls.to_json() | {"kinds": sorted(kinds)},
            items=len(ids),
            size=chosen.aggregate(total=Sum("size"))["total"] or 0,
            expires_at=timezone.now() + LIFETIME,
        )
        rows = (
            DownloadItem(organisation_id=organisation_id, download=download, artifact_id=id_, number=number)
            for number, id_ in enumerate(ids, 1)
        )
        DownloadItem.objects.bulk_create(rows, batch_size=1000)
        what = {"files": download.items, "bytes": download.size}
        links.note_access(actor, events.DOWNLOAD_STARTED, ("download", download.id), purpose, what)
    return download


def withdraw_download(*, actor: Actor, download_id: UUID) -> Download:
    """End a download before its time. Withdrawing twice changes nothing."""
    rights.require(actor, "recordings.download_batch")
    with tenancy.operation(actor):
        download = lock_download(actor, download_id)
        if download.state != Download.State.WITHDRAWN:
            download.state, download.finished_at = Download.State.WITHDRAWN, timezone.now()
            download.save(update_fields=["state", "finished_at"])
            log.append(
                actor=actor,
                event=events.DOWNLOAD_WITHDRAWN,
                organisation_id=actor.organisation_id,
                obj=("download", download.id),
                cls=log.EntryClass.ACCESS,
            )
    return download


def open_download(*, actor: Actor, download_id: UUID) -> Download:
    """A download that may be read now, by whoever asked for it. Raises Gone when its time is over."""
    rights.require(actor, "recordings.download_batch")
    with tenancy.scope(actor.organisation_id):
        download = _download(actor, download_id)
    if download.actor != actor.reference:
        raise Conflict("This download is somebody else's: ask for one of your own", code="not_yours")
    if download.state == Download.State.WITHDRAWN or timezone.now() >= download.expires_at:
        raise Gone("The time of this download is over", code="download_over")
    return download


def _chosen(organisation_id: UUID, calls: CallFilter, kinds: Sequence[str]) -> QuerySet[Artifact]:
    meant = calls.apply(access.calls(organisation_id).filter(state=Call.State.ACTIVE))
    rows = access.artifacts(organisation_id).filter(call__in=meant.values("id"), kind__in=kinds)
    return rows.filter(state__in=access.READABLE, object__isnull=False).order_by("call_id", "id")


def _check_kinds(kinds: Sequence[str]) -> None:
    if not kinds or set(kinds) - set(KINDS):
        raise Invalid("A kind is not known", errors={"kinds": [f"Of: {', '.join(KINDS)}."]})


def _download(actor: Actor, download_id: UUID) -> Download:
    found = access.downloads(actor.organisation_id).filter(id=download_id).first()
    if found is None:
        raise NotFound()
    return found


def lock_download(actor: Actor, download_id: UUID) -> Download:
    """The download, locked until the end of the transaction."""
    found: Download | None = (
        Download.objects.for_organisation(actor.organisation_id).select_for_update().filter(id=download_id).first()
    )
    if found is None:
        raise NotFound()
    return found
