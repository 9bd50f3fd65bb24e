"""After a restore the register is as the tombstones say, whatever the old database remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts import tenancy
from audit.ids import uuid7
from compliance.recordings import access as register
from compliance.recordings.models import SubjectIdentifier
from compliance.retention.operations import place_hold
from compliance.vault import marks, store, tombstones
from compliance.vault.models import Tombstone
from compliance.vault.store import RestoredDatabase, ScopeKind
from tests.cast import Cast
from tests.compliance.calls import Entries
from tests.compliance.calls import entries as entries


@pytest.fixture
def call_id(arrived: Callable[..., dict[str, UUID]]) -> UUID:
    return arrived("01")["01"]


def copies_of_an_erasure(organisation_id: UUID, call_id: UUID) -> list[UUID]:
    """What the store has of an erasure that this database does not remember. Returns the people in the call."""
    with tenancy.scope(organisation_id):
        people = list(register.call_scope(organisation_id, call_id).principals)
    scopes = [(ScopeKind.CALL, call_id), *((ScopeKind.SUBJECT, id_) for id_ in people)]
    for kind, scope_id in scopes:
        row = Tombstone(
            organisation_id=organisation_id,
            scope_kind=int(kind),
            scope_id=scope_id,
            key_id=uuid7(),
            ground="erasure_request",
            cause=uuid4(),
        )
        tombstones.write(row)
    folder = Path(settings.STORAGES["vault"]["OPTIONS"]["location"]) / marks.FOLDER
    folder.mkdir(parents=True)
    (folder / f"{7:020d}").write_bytes(b"7")
    return people


def replay() -> dict[str, Any]:
    out = StringIO()
    call_command("replay_tombstones", "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    (found,) = [line for line in lines if line["tombstones"]]
    return dict(found)


def test_a_call_and_its_person_go_again(cast: Cast, call_id: UUID, jobs: Any, entries: Entries) -> None:
    people = copies_of_an_erasure(cast.organisation_id, call_id)
    with pytest.raises(RestoredDatabase):
        marks.check()
    found = replay()
    counts = {name: found[name] for name in ("tombstones", "learned", "people", "calls", "held")}
    ended = len(people) + 1
    assert counts == {"tombstones": ended, "learned": ended, "people": len(people), "calls": 1, "held": 0}
    marks.check()
    jobs.settle()
    with tenancy.scope(cast.organisation_id):
        assert register.call_of(cast.organisation_id, call_id).state == "erased"
        rows = SubjectIdentifier.objects.for_organisation(cast.organisation_id)
        assert not rows.filter(subject_id__in=people).exists()
        objects = [one.object for one in register.artifacts_of(cast.organisation_id, call_id)]
    for sealed in objects:
        if sealed is not None:
            with pytest.raises(store.KeyDestroyed):
                store.open_bytes(sealed)
            assert store.prove_absent(sealed).absent
    told = entries.of("retention.tombstones.replayed")
    assert [one.what for one in told] == [{"tombstones": ended, "keys": ended, "people": len(people), "calls": 1}]
    assert replay() | {"organisation": ""} == found | {
        "organisation": "", "learned": 0, "keys": 0, "people": 0, "calls": 0,
    }  # fmt: skip


def test_a_hold_that_came_back_keeps_rows_and_opens_nothing(cast: Cast, call_id: UUID, jobs: Any) -> None:
    place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[call_id])
    copies_of_an_erasure(cast.organisation_id, call_id)
    found = replay()
    assert (found["calls"], found["held"]) == (1, 1)
    jobs.settle()
    with tenancy.scope(cast.organisation_id):
        assert register.call_of(cast.organisation_id, call_id).state == "active"
        sealed = [one.object for one in register.artifacts_of(cast.organisation_id, call_id) if one.object]
    assert sealed
    for one in sealed:
        with pytest.raises(store.KeyDestroyed):
            store.open_bytes(one)


def test_a_store_that_does_not_answer_leaves_the_vault_locked(
    cast: Cast, call_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies_of_an_erasure(cast.organisation_id, call_id)

    def read(*_: object) -> None:
        raise store.KmsUnavailable()

    with monkeypatch.context() as patch:
        patch.setattr(tombstones, "read", read)
        with pytest.raises(SystemExit) as ended:
            call_command("replay_tombstones")
    assert ended.value.code == 75
    with pytest.raises(RestoredDatabase):
        marks.check()
