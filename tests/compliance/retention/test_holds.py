"""Legal holds: what they cover, from when, what they found, and what happens at their end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.config import samples
from compliance.errors import Conflict, Held, Invalid, NotAllowed, NotFound
from compliance.recordings import access as register
from compliance.recordings import call_filters
from compliance.recordings.states import ArtifactState
from compliance.retention import disposal, holds, operations
from compliance.retention.holds import HoldQuery
from compliance.retention.models import HoldItem, LegalHold
from tests.calls import Media, Platform, arrive
from tests.calls import connect as connect_dialgen
from tests.cast import Cast, Member
from tests.entries import Entries

ERASURE = disposal.Ground.ERASURE_REQUEST
Arrived = Callable[..., dict[str, UUID]]


def place(cast: Cast, query: HoldQuery, matter: str = "case 7") -> LegalHold:
    return operations.place_hold(actor=cast.officer.actor, matter=matter, reason="litigation", query=query)


def release(cast: Cast, hold: LegalHold) -> None:
    operations.propose_release(actor=cast.officer.actor, hold_id=hold.id)
    operations.approve_release(actor=cast.colleague.actor, hold_id=hold.id)


def erase(cast: Cast, call_id: UUID) -> None:
    disposal.begin_call_disposal(actor=Actor.scheduler(cast.organisation_id), call_id=call_id, ground=ERASURE)


def subject_of(cast: Cast, call_id: UUID) -> UUID:
    with tenancy.scope(cast.organisation_id):
        return register.principals(cast.organisation_id, call_id)[0]


def items(cast: Cast, hold: LegalHold) -> dict[UUID, HoldItem]:
    with tenancy.scope(cast.organisation_id):
        return {item.call_id: item for item in holds.items_of(hold)}


def again(cast: Cast, hold: LegalHold) -> LegalHold:
    with tenancy.scope(cast.organisation_id):
        return operations.hold_for(cast.officer.actor, hold.id)


def again_called(cast: Cast, platform: Platform, jobs: Any, media: Media) -> UUID:
    """The person of sample 01 calls once more."""
    sample = next(one for one in samples.samples(media.url) if one.name.startswith("01"))
    call = sample.body["callData"] | {"id": "call_again"}
    assert platform.deliver({**sample.body, "callData": call}).status_code == 202
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        return register.calls(cast.organisation_id).get(external_id="call_again").id


def agent_of(cast: Cast, call_id: UUID) -> UUID:
    with tenancy.scope(cast.organisation_id):
        agent_id = register.call_of(cast.organisation_id, call_id).agent_id
    assert agent_id is not None
    return agent_id


# --- what is covered, and from when -----------------------------------------------------------------------------------


def test_a_filter_covers_from_its_first_row_on_before_any_call_is_listed(cast: Cast, arrived: Arrived) -> None:
    calls = arrived("01", "05")
    hold = place(cast, HoldQuery(filter=call_filters.read({"state": "active"})))
    assert items(cast, hold) == {}
    for call_id in calls.values():
        with pytest.raises(Held):
            erase(cast, call_id)


def test_a_filter_is_frozen_to_the_calls_of_its_day(cast: Cast, jobs: Any, media: Media) -> None:
    platform = connect_dialgen(cast)
    before = arrive(platform, jobs, media, "01")["01"]
    hold = place(cast, HoldQuery(filter=call_filters.read({"state": "active"})))
    after_placing = arrive(platform, jobs, media, "05")["05"]  # and the list is written meanwhile
    assert set(items(cast, hold)) == {before}
    erase(cast, after_placing)
    with pytest.raises(Held):
        erase(cast, before)
    hold = again(cast, hold)
    assert (hold.query["frozen"], hold.query["filter"]) == (True, {"state": "active"})


def test_a_persons_hold_covers_calls_that_come_later(cast: Cast, jobs: Any, media: Media) -> None:
    platform = connect_dialgen(cast)
    first = arrive(platform, jobs, media, "01")["01"]
    hold = place(cast, HoldQuery(subject=subject_of(cast, first)))
    jobs.drain()
    later = again_called(cast, platform, jobs, media)
    somebody_elses = arrive(platform, jobs, media, "02")["02"]
    with pytest.raises(Held):
        erase(cast, later)
    erase(cast, somebody_elses)
    assert set(items(cast, hold)) == {first}
    operations.freeze_hold(actor=Actor.scheduler(cast.organisation_id), hold_id=hold.id)
    assert set(items(cast, hold)) == {first, later}
    release(cast, hold)
    erase(cast, later)


def test_an_agents_hold_ends_for_later_calls_too(cast: Cast, jobs: Any, media: Media) -> None:
    platform = connect_dialgen(cast)
    first = arrive(platform, jobs, media, "01")["01"]
    hold = place(cast, HoldQuery(agent=agent_of(cast, first)))
    jobs.drain()
    later = arrive(platform, jobs, media, "04")["04"]
    assert agent_of(cast, later) == agent_of(cast, first)
    operations.apply_schedules(actor=Actor.scheduler(cast.organisation_id))
    with tenancy.scope(cast.organisation_id):
        kept = register.artifacts(cast.organisation_id).filter(state=ArtifactState.HELD, call_id=later)
        assert kept.exists()
        release(cast, hold)
        assert not kept.exists()


def test_any_number_of_calls_is_listed_in_batches(
    cast: Cast, arrived: Arrived, jobs: Any, entries: Entries, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = arrived()
    monkeypatch.setattr(holds, "BATCH", 2)
    hold = place(cast, HoldQuery(filter=call_filters.read({"state": "active"})))
    assert operations.freeze_hold(actor=Actor.scheduler(cast.organisation_id), hold_id=hold.id)
    assert len(items(cast, hold)) == 2
    hold = again(cast, hold)
    assert not holds.is_complete(hold)
    with pytest.raises(Held):
        erase(cast, max(calls.values()))
    jobs.drain()
    assert set(items(cast, hold)) == set(calls.values())
    told = [entry.fields["what"]["held"] for entry in entries.of("retention.hold.extended")]
    assert (sum(told), max(told)) == (len(calls), 2)
    release(cast, hold)
    jobs.drain()
    erase(cast, max(calls.values()))


def test_named_calls_above_a_batch_are_covered_while_they_are_listed(
    cast: Cast, arrived: Arrived, jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compliance.retention.operations import legal_holds

    calls = arrived("01", "02", "05")
    monkeypatch.setattr(legal_holds, "_NAMED_AT_ONCE", 2)
    hold = place(cast, HoldQuery(calls=tuple(calls.values())))
    assert items(cast, hold) == {}
    for call_id in calls.values():
        with pytest.raises(Held):
            erase(cast, call_id)
    jobs.drain()
    assert set(items(cast, hold)) == set(calls.values())
    hold = again(cast, hold)
    assert hold.query == {"scope": "calls", "frozen": True, "cursor": ""}


def test_more_calls_are_added_to_a_hold_in_force_only(cast: Cast, arrived: Arrived) -> None:
    calls = arrived("01", "05")
    hold = place(cast, HoldQuery(calls=(calls["01"],)))
    for _ in range(2):
        operations.add_calls(actor=cast.officer.actor, hold_id=hold.id, call_ids=list(calls.values()))
    assert set(items(cast, hold)) == set(calls.values())
    with pytest.raises(Held):
        erase(cast, calls["05"])
    with pytest.raises(NotAllowed):
        operations.add_calls(actor=cast.colleague.actor, hold_id=hold.id, call_ids=[calls["05"]])
    with pytest.raises(NotFound):
        operations.add_calls(actor=cast.outsider.actor, hold_id=hold.id, call_ids=[calls["05"]])
    release(cast, hold)
    with pytest.raises(Conflict):
        operations.add_calls(actor=cast.officer.actor, hold_id=hold.id, call_ids=[calls["05"]])


@pytest.mark.parametrize("query", [HoldQuery(), HoldQuery(filter=call_filters.CallFilter())])
def test_a_hold_on_nothing_named_is_refused(cast: Cast, query: HoldQuery) -> None:
    with pytest.raises(Invalid):
        place(cast, query)


def test_nobody_holds_what_is_somebody_elses(cast: Cast, arrived: Arrived) -> None:
    call_id = arrived("01")["01"]
    strangers = [
        HoldQuery(calls=(call_id,)),
        HoldQuery(subject=subject_of(cast, call_id)),
        HoldQuery(agent=agent_of(cast, call_id)),
    ]
    for query in strangers:
        with pytest.raises(NotFound):
            operations.place_hold(actor=cast.outsider.actor, matter="case 1", reason="x", query=query)
        with pytest.raises(NotAllowed):
            operations.place_hold(actor=cast.colleague.actor, matter="case 1", reason="x", query=query)


# --- what it found ----------------------------------------------------------------------------------------------------


def test_each_artifact_is_told_truthfully(cast: Cast, arrived: Arrived, jobs: Any) -> None:
    calls = arrived("01", "05")
    clock = Actor.scheduler(cast.organisation_id)
    with tenancy.scope(cast.organisation_id):
        recording = register.recording_of(cast.organisation_id, calls["05"])
        assert recording is not None
    disposal.begin_artifact_disposal(actor=clock, artifact_ids=[recording.id], ground=disposal.Ground.RETENTION_EXPIRED)
    erase(cast, calls["01"])
    jobs.drain()
    hold = place(cast, HoldQuery(calls=tuple(calls.values())))
    found = items(cast, hold)
    assert {call_id: item.result for call_id, item in found.items()} == {calls["01"]: "gone", calls["05"]: "held"}
    assert set(found[calls["01"]].artifacts.values()) == {"gone"}
    assert found[calls["05"]].artifacts[str(recording.id)] == "too_late"
    assert "held" in found[calls["05"]].artifacts.values()


def test_preview_counts_and_changes_nothing(cast: Cast, arrived: Arrived, entries: Entries) -> None:
    calls = arrived("01", "05")
    erase(cast, calls["01"])
    written = len(entries)
    found = operations.preview_hold(actor=cast.auditor.actor, query=HoldQuery(calls=tuple(calls.values())))
    assert (found.calls, found.held, found.too_late, found.gone) == (2, 1, 1, 0)
    assert found.artifacts >= 2
    assert found.size > 100_000
    assert len(entries) == written
    with pytest.raises(NotAllowed):
        operations.preview_hold(actor=cast.engineer.actor, query=HoldQuery(calls=tuple(calls.values())))
    with pytest.raises(NotFound):
        operations.preview_hold(actor=cast.outsider.actor, query=HoldQuery(calls=tuple(calls.values())))


def test_holds_over_http(cast: Cast, arrived: Arrived, jobs: Any, signed_in: Callable[[Member], APIClient]) -> None:
    calls = arrived("01", "05")
    officer = signed_in(cast.officer)
    body = {"matter": "case 7", "reason": "litigation", "subject": str(subject_of(cast, calls["01"]))}
    preview = officer.post("/api/v1/holds/preview", {"subject": body["subject"]}, format="json")
    assert (preview.status_code, preview.json()["held"], preview.json()["covers_later_calls"]) == (200, 1, True)
    made = officer.post("/api/v1/holds", body, format="json").json()
    assert (made["scope"], made["is_complete"], made["calls"]) == ("subject", False, [])
    jobs.drain()
    listed = officer.get(f"/api/v1/holds/{made['id']}/calls?result=held").json()["results"]
    assert [(one["call"], set(one["artifacts"].values())) for one in listed] == [(str(calls["01"]), {"held"})]
    added = officer.post(f"/api/v1/holds/{made['id']}/calls", {"calls": [str(calls["05"])]}, format="json")
    assert added.status_code == 200
    assert len(officer.get("/api/v1/holds?matter=case 7&state=active").json()["results"]) == 1
    assert officer.get(f"/api/v1/holds?call={calls['05']}&state=released").json()["results"] == []
    two = body | {"agent": "agent_frontdesk"}
    assert officer.post("/api/v1/holds", two, format="json").status_code in {400, 404}
    wrong = {"matter": "x", "reason": "y", "filter": {"colour": "red"}}
    assert officer.post("/api/v1/holds", wrong, format="json").status_code == 400
    assert signed_in(cast.outsider).get(f"/api/v1/holds/{made['id']}/calls").status_code == 404


# --- no gap between the word and the list -----------------------------------------------------------------------------


def test_a_hold_by_query_waits_for_a_deletion_that_has_asked(committed_cast: Cast, jobs: Any, media: Media) -> None:
    """A deletion that found no hold commits before the hold exists, so that nothing goes after the hold was told."""
    cast = committed_cast
    call_id = arrive(connect_dialgen(cast), jobs, media, "01")["01"]
    asked, go_on, placed = threading.Event(), threading.Event(), threading.Event()

    def delete() -> None:
        with tenancy.scope(cast.organisation_id):
            erase(cast, call_id)
            asked.set()
            go_on.wait(20)
        connections.close_all()

    def hold() -> None:
        asked.wait(20)
        place(cast, HoldQuery(filter=call_filters.read({"state": "active"})))
        placed.set()
        connections.close_all()

    threads = [threading.Thread(target=delete), threading.Thread(target=hold)]
    for thread in threads:
        thread.start()
    asked.wait(20)
    assert not placed.wait(0.5), "placed while a deletion had asked and was not committed"
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert placed.is_set()
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        assert not holds.held_calls(cast.organisation_id, [call_id])
