"""After a restore of a database: everybody who was erased since its backup is erased again.

Two passes, both repeatable. While the vault is still locked the keys end, and what people could be found by goes:
identifiers, names, links, words in the index. Then the vault opens, and calls that came back leave by the road of all
disposals, so that their bytes are proven absent and the platforms are asked again.

Not done here: lists of people who must not be called again have no copies beside the tombstones yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from accounts import routing, tenancy
from accounts.actors import Actor
from audit import log
from compliance.errors import Held
from compliance.recordings import access as register
from compliance.recordings.operations import concluded, erasing, indexed
from compliance.retention import disposal, events
from compliance.retention.grounds import Ground
from compliance.vault import store
from compliance.vault.store import Replayed, ScopeKind


@dataclass
class Report:
    """What a replay found, for one organisation: counts, and the calls that came back."""

    organisation_id: UUID
    tombstones: int = 0
    learned: int = 0
    keys: int = 0
    people: int = 0
    calls: list[UUID] = field(default_factory=list)
    held: int = 0


def replay_everything(tell: Callable[[Report], object] = lambda report: None) -> list[Report]:
    """Every organisation of the store and of the main database, then open the vault, then have what came back leave.

    `tell` hears after every batch. Raises Unavailable, KmsUnavailable, Unreadable: then the vault stays locked.
    """
    stored = store.stored_tombstones()
    known = routing.organisations()
    reports = []
    for organisation_id in sorted({*stored, *known}):
        report = Report(organisation_id)
        for step in store.replay_tombstones(organisation_id, stored.get(organisation_id, set())):
            report.tombstones += len(step.scopes)
            report.learned += step.learned
            report.keys += step.keys
            if organisation_id in known and step.scopes:
                _forget(report, step)
            tell(report)
        reports.append(report)
    store.unlock_after_replay()
    for report in reports:
        if report.organisation_id in known:
            _let_go(Actor.system(report.organisation_id), report)
    return reports


def _let_go(actor: Actor, report: Report) -> None:
    """The second pass over one organisation."""
    for call_id in report.calls:
        try:
            disposal.begin_call_disposal(actor=actor, call_id=call_id, ground=Ground.ERASURE_REQUEST)
        except Held:
            report.held += 1


def _forget(report: Report, step: Replayed) -> None:
    """The first pass over one batch, in one transaction with its entry."""
    organisation_id = report.organisation_id
    people = [scope.id for scope in step.scopes if scope.kind is ScopeKind.SUBJECT]
    calls = [scope.id for scope in step.scopes if scope.kind is ScopeKind.CALL]
    actor = Actor.system(organisation_id)
    with tenancy.operation(actor) as entry_id:
        forgotten = erasing.forget_subjects(organisation_id, people)
        for subject_id in people:
            log.erase_disclosures(organisation_id=organisation_id, subject_id=subject_id, cause=entry_id)
        indexed.forget_words(organisation_id, calls)
        concluded.forget_insights(organisation_id, calls)
        found = register.artifacts(organisation_id).filter(call_id__in=calls).values_list("id", flat=True)
        erasing.withdraw_links(organisation_id, list(found))
        back = list(register.calls(organisation_id).filter(id__in=calls, state="active").values_list("id", flat=True))
        log.append(
            actor=actor,
            event=events.TOMBSTONES_REPLAYED,
            organisation_id=organisation_id,
            obj=("organisation", organisation_id),
            cls=log.EntryClass.DELETE,
            what={"tombstones": len(step.scopes), "keys": step.keys, "people": forgotten, "calls": len(back)},
        )
    report.people += forgotten
    report.calls += back
