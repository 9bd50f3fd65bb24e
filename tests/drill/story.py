"""Two people with calls, one of them is erased; then each old backup is restored in turn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import StringIO
from time import monotonic
from typing import Any
from unittest import mock
from uuid import UUID

from django.core.management import call_command
from django.test import Client

from accounts import tenancy
from compliance.recordings import access as register
from compliance.recordings import people
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.states import ArtifactState
from compliance.vault import marks, store
from compliance.vault.hierarchy import KeyKind, KeyName
from compliance.vault.keystore import custody
from compliance.vault.models import SealedObject
from tests.faults.erasure import Erasure

CLAIMS = (people.Claim(IdentifierKind.PHONE, "+14155550132"),)
"""By what the erased person was found."""


@dataclass
class Case:
    """One restore: what was older than the rest, and what was seen."""

    restored: Sequence[str]
    refused_with: str = ""
    ready: str = ""
    opens_without_the_lock: int = 0
    replay: list[dict[str, Any]] = field(default_factory=list)
    replayed_again: list[dict[str, Any]] = field(default_factory=list)
    erased_that_open: int = -1
    others_that_open: int = 0
    keys_left_of_erased: int = -1
    found_by_identifier: int = -1
    calls_back: int = -1
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether everything was as it must be."""
        nothing = (self.erased_that_open, self.keys_left_of_erased, self.found_by_identifier, self.calls_back)
        return (
            self.refused_with == "restored_database"
            and self.ready == "restored_database"
            and nothing == (0, 0, 0, 0)
            and self.others_that_open > 0
        )


@dataclass(frozen=True)
class Objects:
    """What was sealed when the backup was taken: of the person, and of everybody else."""

    erased: tuple[UUID, ...]
    others: tuple[UUID, ...]


def objects_of(erasure: Erasure) -> Objects:
    """Recordings, transcripts and summaries, by whose call they are."""
    with tenancy.scope(erasure.organisation_id):
        rows = register.artifacts(erasure.organisation_id).exclude(object=None).exclude(call=None)
        found = list(rows.values_list("object_id", "call_id"))
    erased = tuple(object_id for object_id, call_id in found if call_id in erasure.calls)
    return Objects(erased, tuple(object_id for object_id, call_id in found if call_id not in erasure.calls))


def opening(organisation_id: UUID, object_ids: Sequence[UUID]) -> int:
    """How many of these open, with the words that were registered."""
    return sum(_opens(organisation_id, object_id) for object_id in object_ids)


def _opens(organisation_id: UUID, object_id: UUID) -> bool:
    with tenancy.scope(organisation_id):
        sealed: SealedObject = SealedObject.objects.for_organisation(organisation_id).get(id=object_id)
    try:
        return sha256(store.open_bytes(sealed)).hexdigest() == sealed.sha256
    except (store.KeyDestroyed, store.Unreadable):
        return False


def play(case: Case, erasure: Erasure, objects: Objects, jobs: Any) -> Case:
    """The restored installation is started, refuses, is put right, and is looked at. Django leads into its world."""
    began = monotonic()
    case.refused_with, case.ready = _refusal(erasure, objects), _readiness()
    case.opens_without_the_lock = _without_the_lock(erasure, objects)
    case.replay, case.replayed_again = _replayed(), _replayed()
    jobs.settle()
    _forget()
    organisation_id = erasure.organisation_id
    case.others_that_open = opening(organisation_id, objects.others)
    case.erased_that_open = opening(organisation_id, objects.erased)
    case.keys_left_of_erased = len(custody.surviving(organisation_id, _ended(erasure)))
    with tenancy.scope(organisation_id):
        case.found_by_identifier = len(people.find_calls(organisation_id, list(CLAIMS)))
        calls = register.calls(organisation_id).filter(id__in=erasure.calls)
        states = register.artifacts(organisation_id).filter(call_id__in=erasure.calls)
        kept = states.exclude(state__in=[ArtifactState.DELETED, ArtifactState.DELETING]).count()
        case.calls_back = calls.exclude(state="erased").count() + kept
    case.seconds = round(monotonic() - began, 1)
    return case


def _refusal(erasure: Erasure, objects: Objects) -> str:
    """With what the vault answers a person whose data is still there."""
    with tenancy.scope(erasure.organisation_id):
        sealed = SealedObject.objects.for_organisation(erasure.organisation_id).get(id=objects.others[0])
    try:
        store.open_bytes(sealed)
    except store.RestoredDatabase as refusal:
        return refusal.code
    return "opened"


def _readiness() -> str:
    answer: str = Client().get("/readyz").json()["checks"]["vault"]
    return answer


def _without_the_lock(erasure: Erasure, objects: Objects) -> int:
    """How many objects of the erased would open if nobody looked: what the lock is for."""
    with mock.patch.object(marks, "refuse_restored"):
        count = opening(erasure.organisation_id, objects.erased)
    _forget()
    return count


def _replayed() -> list[dict[str, Any]]:
    """The operator's command, and what it prints."""
    out = StringIO()
    call_command("replay_tombstones", "--json", stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def _forget() -> None:
    """As in a new process."""
    custody.forget()
    marks.forget()


def _ended(erasure: Erasure) -> list[KeyName]:
    calls = [KeyName(KeyKind.CALL, id_) for id_ in erasure.calls]
    return calls + [KeyName(KeyKind.SUBJECT, id_) for id_ in erasure.subjects]
