"""The one road on which data leaves."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed, NotFound
from compliance.errors import Conflict, Gone, Held, Invalid, OwnProposal
from compliance.recordings import access as register
from compliance.recordings.states import ArtifactState, LocationState
from compliance.retention import debt, disposal, operations
from compliance.retention.models import Disposal
from compliance.vault import store
from tests.calls import Media
from tests.cast import Cast
from tests.entries import Entries

ERASURE = disposal.Ground.ERASURE_REQUEST


def _artifacts(cast: Cast, call_id: UUID) -> dict[str, Any]:
    with tenancy.scope(cast.organisation_id):
        return {row.kind: row for row in register.artifacts_of(cast.organisation_id, call_id)}


def _clock(cast: Cast) -> Actor:
    return Actor.scheduler(cast.organisation_id)


def test_nothing_opens_from_the_decision_on(cast: Cast, arrived: Callable[..., Any]) -> None:
    """Before a key is destroyed or a byte deleted, the tombstone alone shuts the call."""
    call_id = arrived("01")["01"]
    recording = _artifacts(cast, call_id)["recording"]
    disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    with tenancy.scope(cast.organisation_id), pytest.raises(Gone):
        store.open_bytes(recording.object)


def test_our_copies_go_and_the_platforms_stay_debt_until_proven(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, media: Media, entries: Entries
) -> None:
    call_id = arrived("01")["01"]
    before = _artifacts(cast, call_id)
    disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    jobs.drain()
    with tenancy.scope(cast.organisation_id):
        call = register.calls(cast.organisation_id).get(id=call_id)
        assert (call.state, call.external_id, call.sealed_facts) == ("erased", "", None)
        recording = _artifacts(cast, call_id)["recording"]
        assert recording.state == ArtifactState.DELETING  # not "deleted": the platform still has it
        places = {place.place: place for place in register.locations_of(cast.organisation_id, recording.id)}
        assert places["store"].state == LocationState.CONFIRMED_GONE
        assert places["platform"].state == LocationState.ASKED
    assert not store.check_stored(before["recording"].object)

    media.files.clear()  # the platform deletes
    assert debt.check_location(actor=_clock(cast), location_id=places["platform"].id)
    jobs.drain()
    assert _artifacts(cast, call_id)["recording"].state == ArtifactState.DELETED
    assert [entry.fields["obj"][1] for entry in entries.of("retention.artifact.deleted")].count(recording.id) == 1


def test_a_link_that_is_only_refused_proves_nothing(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = arrived("01")["01"]
    disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    jobs.drain()
    recording = _artifacts(cast, call_id)["recording"]
    with tenancy.scope(cast.organisation_id):
        place = next(p for p in register.locations_of(cast.organisation_id, recording.id) if p.place == "platform")
    for answer in ("denied", "still_answers", "connect_failed", "dns_failed"):
        monkeypatch.setattr(debt, "_probe", lambda url, hosts, said=answer: said)
        assert not debt.check_location(actor=_clock(cast), location_id=place.id)
    assert _artifacts(cast, call_id)["recording"].state == ArtifactState.DELETING


def test_a_place_without_an_address_is_attested_with_evidence(
    cast: Cast, arrived: Callable[..., Any], jobs: Any
) -> None:
    call_id = arrived("01")["01"]
    disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    jobs.drain()
    transcript = _artifacts(cast, call_id)["transcript"]
    with tenancy.scope(cast.organisation_id):
        place = next(p for p in register.locations_of(cast.organisation_id, transcript.id) if p.place == "platform")
    with pytest.raises(Invalid):
        debt.attest_gone(actor=cast.officer.actor, location_id=place.id, evidence="yes")
    with pytest.raises(NotAllowed):
        debt.attest_gone(actor=cast.colleague.actor, location_id=place.id, evidence="support case 4711 says so")
    debt.attest_gone(actor=cast.officer.actor, location_id=place.id, evidence="support case 4711 says so")
    jobs.drain()
    row = _artifacts(cast, call_id)["transcript"]
    assert row.state == ArtifactState.DELETED
    with tenancy.scope(cast.organisation_id):
        proofs = Disposal.objects.for_organisation(cast.organisation_id).get(artifact=row).proofs
    assert proofs[-1]["how"] == "attested"


def test_what_has_an_address_is_not_attested(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    call_id = arrived("01")["01"]
    disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    jobs.drain()
    recording = _artifacts(cast, call_id)["recording"]
    with tenancy.scope(cast.organisation_id):
        place = next(p for p in register.locations_of(cast.organisation_id, recording.id) if p.place == "platform")
    with pytest.raises(Conflict) as refused:
        debt.attest_gone(actor=cast.officer.actor, location_id=place.id, evidence="support case 4711 says so")
    assert refused.value.code == "probe_instead"


def test_a_hold_stops_it_inside_the_deleting_transaction(cast: Cast, arrived: Callable[..., Any]) -> None:
    call_id = arrived("01")["01"]
    operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[call_id])
    with pytest.raises(Held):
        disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    assert _artifacts(cast, call_id)["recording"].state == ArtifactState.STORED


def test_a_hold_that_comes_too_late_says_so(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    calls = arrived("01", "02")
    disposal.begin_call_disposal(actor=_clock(cast), call_id=calls["01"], ground=ERASURE)
    hold = operations.place_hold(
        actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=list(calls.values())
    )
    with tenancy.scope(cast.organisation_id):
        assert operations.calls_under(hold) == [calls["02"]]
    jobs.drain()
    again = operations.place_hold(actor=cast.officer.actor, matter="case 8", reason="more", call_ids=[calls["01"]])
    with tenancy.scope(cast.organisation_id):
        assert operations.calls_under(again) == []


def test_release_needs_somebody_else(cast: Cast, arrived: Callable[..., Any]) -> None:
    call_id = arrived("01")["01"]
    hold = operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[call_id])
    with pytest.raises(Conflict):
        operations.approve_release(actor=cast.colleague.actor, hold_id=hold.id)
    operations.propose_release(actor=cast.officer.actor, hold_id=hold.id)
    with pytest.raises(OwnProposal):
        operations.approve_release(actor=cast.officer.actor, hold_id=hold.id)
    assert operations.approve_release(actor=cast.colleague.actor, hold_id=hold.id).state == "released"


def test_two_holds_on_a_call_need_two_releases(cast: Cast, arrived: Callable[..., Any]) -> None:
    call_id = arrived("01")["01"]
    holds = [
        operations.place_hold(actor=cast.officer.actor, matter=f"case {n}", reason="litigation", call_ids=[call_id])
        for n in range(2)
    ]
    operations.propose_release(actor=cast.officer.actor, hold_id=holds[0].id)
    operations.approve_release(actor=cast.colleague.actor, hold_id=holds[0].id)
    with pytest.raises(Held):
        disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)


def test_asking_twice_disposes_once(cast: Cast, arrived: Callable[..., Any], jobs: Any, entries: Entries) -> None:
    call_id = arrived("01")["01"]
    first = disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE)
    assert disposal.begin_call_disposal(actor=_clock(cast), call_id=call_id, ground=ERASURE) == first
    jobs.drain()
    for disposal_id in first:
        disposal.carry_out(actor=_clock(cast), disposal_id=disposal_id)
    assert len(entries.of("retention.disposal.begun")) == 1
    assert len(entries.of("retention.bytes.proven_absent")) == len(first)


def test_another_organisations_call_is_not_there(cast: Cast, arrived: Callable[..., Any]) -> None:
    call_id = arrived("01")["01"]
    with pytest.raises(NotFound):
        disposal.begin_call_disposal(actor=Actor.scheduler(cast.other_organisation.id), call_id=call_id, ground=ERASURE)


def test_no_person_disposes_by_hand(cast: Cast, arrived: Callable[..., Any]) -> None:
    call_id = arrived("01")["01"]
    with pytest.raises(NotAllowed):
        disposal.begin_call_disposal(actor=cast.owner.actor, call_id=call_id, ground=ERASURE)


def test_a_schedules_end_takes_the_recording_and_leaves_the_words(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, time_machine: Any
) -> None:
    """The seed's default: recordings 90 days from the call, transcripts kept, with a warning that this needs a
    reason.
    """
    call_id = arrived("01")["01"]
    found = _artifacts(cast, call_id)
    assert found["recording"].due_on.isoformat() == "2026-05-31"  # 2 March 2026 and 90 days
    assert found["transcript"].due_on is None
    assert "5(1)(e)" in found["transcript"].retention_reason
    operations.apply_schedules(actor=_clock(cast))
    jobs.drain()
    after = _artifacts(cast, call_id)
    assert after["recording"].state == ArtifactState.DELETING
    with tenancy.scope(cast.organisation_id):
        assert json.loads(store.open_bytes(after["transcript"].object))["messages"]


def test_what_a_hold_kept_is_due_again_after_its_release(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    call_id = arrived("01")["01"]
    hold = operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[call_id])
    operations.apply_schedules(actor=_clock(cast))
    assert _artifacts(cast, call_id)["recording"].state == ArtifactState.HELD
    assert operations.apply_schedules(actor=_clock(cast)) == 0
    operations.propose_release(actor=cast.officer.actor, hold_id=hold.id)
    operations.approve_release(actor=cast.colleague.actor, hold_id=hold.id)
    operations.apply_schedules(actor=_clock(cast))
    jobs.drain()
    assert _artifacts(cast, call_id)["recording"].state == ArtifactState.DELETING
