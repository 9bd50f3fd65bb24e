from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from accounts import routing, tenancy
from compliance.errors import Conflict, Gone, NotFound
from compliance.recordings import access, people
from compliance.recordings.identifiers import IdentifierKind
from compliance.recordings.models import Call, DataSubject, Location
from compliance.recordings.operations import erasing, links
from compliance.recordings.states import ArtifactState, LocationState
from compliance.vault import store
from tests.cast import Cast
from tests.compliance.calls import Line

PHONE = people.Claim(IdentifierKind.PHONE, "+14155550132")


def locked(line: Line) -> Call:
    return erasing.lock_call(line.organisation_id, line.call().id)


def test_an_erased_call_is_its_own_tombstone(played_line: Line, cast: Cast) -> None:
    line = played_line
    link = links.issue_playback_link(
        actor=cast.officer.actor, artifact_id=line.artifacts()["recording"].id, purpose="complaint"
    )
    with tenancy.scope(line.organisation_id):
        call = locked(line)
        digest, started, agent = call.external_digest, call.started_at, call.agent_id
        erasing.mark_call_erasing(call)
        erasing.mark_call_erased(call)
        kept = access.call_of(line.organisation_id, call.id)
        sources = {one.sealed_source for one in access.artifacts_of(line.organisation_id, call.id)}
        with pytest.raises(Gone):
            access.kept_facts(kept)
    assert (kept.external_digest, kept.started_at, kept.agent_id) == (digest, started, agent)
    assert (kept.external_id, kept.batch_id, kept.direction, kept.status, kept.place) == ("", "", "", "", "")
    assert (kept.sealed_facts, kept.standings, kept.state) == (None, {}, "erased")
    assert kept.erased_at is not None
    assert sources == {None}
    assert routing.resolve_route(routing.PLAYBACK, link.token) is None


def test_a_call_goes_one_way(line: Line) -> None:
    line.deliver()
    with tenancy.scope(line.organisation_id):
        call = locked(line)
        with pytest.raises(Conflict):
            erasing.mark_call_erased(call)
        with pytest.raises(Conflict):
            erasing.mark_call_active(call)
        erasing.mark_call_erasing(call)
        with pytest.raises(Conflict):
            erasing.mark_call_erasing(call)
        erasing.mark_call_active(call)
        assert line.call().state == "active"


def test_what_is_left_of_a_person_elsewhere(line: Line) -> None:
    line.deliver()
    line.deliver(id="second")
    line.deliver(id="brother", contactId="contact_2002")
    first, second, brother = (line.call(id_).id for id_ in ("call_9f31", "second", "brother"))
    with tenancy.scope(line.organisation_id):
        (maria,) = access.principals(line.organisation_id, first)
        (other,) = access.principals(line.organisation_id, brother)
        assert erasing.subjects_only_in(line.organisation_id, [first]) == []
        assert erasing.subjects_only_in(line.organisation_id, [first, second]) == [maria]
        assert erasing.subjects_only_in(line.organisation_id, [first, second, brother]) == sorted([maria, other])
        call = erasing.lock_call(line.organisation_id, second)
        erasing.mark_call_erasing(call)
        erasing.mark_call_erased(call)
        assert erasing.subjects_only_in(line.organisation_id, [first]) == [maria]


def test_a_forgotten_person_is_found_by_nothing(line: Line) -> None:
    line.deliver()
    with tenancy.scope(line.organisation_id):
        (subject,) = access.principals(line.organisation_id, line.call().id)
        assert len(people.find_calls(line.organisation_id, [PHONE])) == 1
        assert erasing.forget_subjects(line.organisation_id, [subject]) == 1
        assert people.find_calls(line.organisation_id, [PHONE]) == []
        assert people.name_of(line.organisation_id, subject) is None
        row = DataSubject.objects.for_organisation(line.organisation_id).get(id=subject)
        assert (row.sealed_name, row.region) == (None, "")
        assert erasing.forget_subjects(line.organisation_id, [subject]) == 0
    line.deliver(id="a new call of hers")
    with tenancy.scope(line.organisation_id):
        assert access.principals(line.organisation_id, line.call("a new call of hers").id) != (subject,)


def test_an_artifact_moves_only_as_the_table_says(line: Line) -> None:
    line.deliver()
    with tenancy.scope(line.organisation_id):
        artifact = erasing.lock_artifact(line.organisation_id, line.artifacts()["transcript"].id)
        with pytest.raises(Conflict) as refused:
            erasing.move_artifact(artifact, ArtifactState.DELETED)
        assert refused.value.code == "state_forbids"
        erasing.move_artifact(artifact, ArtifactState.DUE, deletion_ground="schedule")
    kept = line.artifacts()["transcript"]
    assert (kept.state, kept.deletion_ground) == ("due", "schedule")


def test_a_location_takes_proofs(line: Line) -> None:
    line.deliver()
    with tenancy.scope(line.organisation_id):
        (place,) = access.locations_of(line.organisation_id, line.artifacts()["recording"].id)
        erasing.note_location(place, LocationState.ASKED, proof={"answer": "task"})
        erasing.note_location(place, LocationState.ASKED, proof={"answer": "reminded"})
        moment = datetime(2026, 6, 1, tzinfo=UTC)
        erasing.note_location(place, LocationState.CONFIRMED_GONE, proof={"answer": "404"}, checked_at=moment)
        with pytest.raises(Conflict):
            erasing.note_location(place, LocationState.REFUSED, proof={})
        (kept,) = access.locations_of(line.organisation_id, line.artifacts()["recording"].id)
    assert (kept.state, kept.proof, kept.checked_at) == ("confirmed_gone", {"answer": "404"}, moment)


def test_the_address_to_probe_outlives_the_calls_key(line: Line) -> None:
    line.deliver()
    artifact = line.artifacts()["recording"]
    with tenancy.scope(line.organisation_id):
        (place,) = access.locations_of(line.organisation_id, artifact.id)
        assert erasing.probe_of(place) is None
        url = access.source_of(artifact) or ""
        erasing.keep_probe(place, url)
        scope = access.call_scope(line.organisation_id, line.call().id)
        store.begin_destruction(line.organisation_id, [scope], ground="test", cause=scope.id)
        with pytest.raises(store.KeyDestroyed):
            access.source_of(artifact)
        (kept,) = access.locations_of(line.organisation_id, artifact.id)
        assert erasing.probe_of(kept) == url
        assert kept.place == Location.Place.PLATFORM


@pytest.mark.parametrize(
    "lock",
    [
        lambda line, outside: erasing.lock_call(outside.organisation_id, line.call().id),
        lambda line, outside: erasing.lock_artifact(outside.organisation_id, line.artifacts()["transcript"].id),
    ],
)
def test_another_organisations_rows_are_not_found(
    line: Line, outside_line: Line, lock: Callable[[Line, Line], object]
) -> None:
    line.deliver()
    with pytest.raises(NotFound), tenancy.scope(outside_line.organisation_id):
        lock(line, outside_line)
