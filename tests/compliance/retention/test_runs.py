"""Runs: every state expires, what is abnormal stops and asks, and what is due is judged again before it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.errors import Conflict, OwnProposal, Unavailable
from compliance.recordings import access as register
from compliance.recordings.models import Artifact, Call
from compliance.recordings.states import EXPIRING, ArtifactState, may_move
from compliance.retention import disposal, operations, rules, tasks
from compliance.retention.models import Disposal, RetentionRun
from compliance.retention.operations import running
from compliance.retention.rules import Action, ClockStart, Guard, Match, Rule, Schedule
from compliance.vault import blobs
from tests.cast import Cast
from tests.compliance import calls
from tests.entries import Entries

SHORT = Schedule((Rule("short", 1, ClockStart.CALL_END, "short"),))
LONG = Schedule((Rule("long", 30_000, ClockStart.CALL_END, "long"),))


def clock(cast: Cast) -> Actor:
    return Actor.scheduler(cast.organisation_id)


@pytest.fixture
def line(cast: Cast) -> calls.Line:
    return calls.connect(cast.officer.actor)


def add(
    cast: Cast, line: calls.Line, *states: str, kind: str = "recording", ended: datetime | None = None
) -> list[Any]:
    """A call for each state with one artifact in it, without bytes."""
    at = ended or datetime(2026, 1, 1, tzinfo=UTC)
    with tenancy.scope(cast.organisation_id):
        made = []
        for number, state in enumerate(states):
            call = Call.objects.create(
                organisation_id=cast.organisation_id,
                connection_id=line.connection.id,
                external_digest=f"{state}/{number}/{at}/{kind}".encode().ljust(32)[:32] + bytes([number % 256]),
                ended_at=at,
            )
            made.append(
                Artifact.objects.create(
                    organisation_id=cast.organisation_id, call=call, kind=kind, state=state, due_on=date(2026, 4, 1)
                )
            )
    operations.assign_everything(actor=clock(cast))
    return made


def state_of(cast: Cast, artifact: Any) -> Any:
    with tenancy.scope(cast.organisation_id):
        return register.artifact_of(cast.organisation_id, artifact.id)


def run_of(cast: Cast) -> RetentionRun:
    with tenancy.scope(cast.organisation_id):
        run = running.runs(cast.organisation_id).order_by("-on").first()
    assert run is not None
    return run


def apply_all(cast: Cast) -> int:
    looked_at = 0
    while count := operations.apply_schedules(actor=clock(cast)):
        looked_at += count
    return looked_at


# --- which states expire ----------------------------------------------------------------------------------------------

EXPIRES = {
    ArtifactState.ANNOUNCED: True,
    ArtifactState.FETCHING: True,
    ArtifactState.RETRY_WAIT: True,
    ArtifactState.STORED: True,
    ArtifactState.DUE: True,
    ArtifactState.HELD: False,  # until its hold is released
    ArtifactState.DELETING: False,  # on its way already
    ArtifactState.DELETE_FAILED: False,
    ArtifactState.DELETED: False,
    ArtifactState.UNAVAILABLE: True,
    ArtifactState.QUARANTINED: True,
    ArtifactState.MISSING: True,
    ArtifactState.NEVER_RECORDED: False,  # there is nothing
}


def test_every_state_is_decided_on() -> None:
    assert set(EXPIRES) == set(ArtifactState)
    assert {state.value for state, expires in EXPIRES.items() if expires} == set(EXPIRING)
    for state, expires in EXPIRES.items():
        if expires:
            assert state is ArtifactState.DUE or may_move(state, ArtifactState.DUE)


@pytest.mark.parametrize("state", ArtifactState)
def test_each_state_expires_or_stays(cast: Cast, line: calls.Line, jobs: Any, state: ArtifactState) -> None:
    (artifact,) = add(cast, line, state.value)
    apply_all(cast)
    jobs.drain()
    after = ArtifactState(state_of(cast, artifact).state)
    assert after is (ArtifactState.DELETED if EXPIRES[state] else state)


# --- one run a day ----------------------------------------------------------------------------------------------------


def test_a_run_is_one_row_a_day_with_what_it_did(cast: Cast, line: calls.Line, jobs: Any, entries: Entries) -> None:
    held, gone = add(cast, line, "stored", "stored")
    operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[held.call_id])
    apply_all(cast)
    run = run_of(cast)
    assert (run.state, run.due, run.begun, run.held) == ("finished", 2, 1, 1)
    assert apply_all(cast) == 0
    assert run_of(cast).id == run.id
    jobs.drain()
    assert state_of(cast, gone).state == ArtifactState.DELETED
    assert state_of(cast, held).state == ArtifactState.HELD
    for event in ("retention.run.started", "retention.run.finished", "retention.disposal.refused"):
        assert len(entries.of(event)) == 1
    of_gone = [entry.event for entry in entries if entry.fields["obj"][1] == gone.id]
    assert of_gone.count("retention.disposal.begun") == of_gone.count("retention.bytes.proven_absent") == 1
    assert of_gone.count("retention.artifact.deleted") == 1


def test_batches_are_small_and_go_on(cast: Cast, line: calls.Line, jobs: Any) -> None:
    made = add(cast, line, *["stored"] * 5)
    assert operations.apply_schedules(actor=clock(cast), limit=2) == 2
    assert run_of(cast).state == "running"
    assert [operations.apply_schedules(actor=clock(cast), limit=2) for _ in range(3)] == [2, 1, 0]
    assert (run_of(cast).state, run_of(cast).begun) == ("finished", 5)
    jobs.drain()
    assert {state_of(cast, one).state for one in made} == {"deleted"}


def test_a_date_that_the_rules_no_longer_say_deletes_nothing(cast: Cast, line: calls.Line, jobs: Any) -> None:
    """The rules were made longer, and the clock was quicker than the new dates."""
    (artifact,) = add(cast, line, "stored")
    operations.set_schedule(actor=cast.officer.actor, document=rules.to_document(LONG))
    assert state_of(cast, artifact).due_on < datetime.now(UTC).date()  # not assigned anew yet
    apply_all(cast)
    after = state_of(cast, artifact)
    assert (after.state, after.retention_rule) == ("stored", "long")
    assert after.due_on > datetime.now(UTC).date()


def test_the_sweep_asks_for_each_organisation(cast: Cast, line: calls.Line, jobs: Any) -> None:
    (artifact,) = add(cast, line, "stored")
    tasks.sweep()
    assert "retention.apply_schedules" in jobs.drain()
    assert state_of(cast, artifact).state == ArtifactState.DELETED


# --- the guard --------------------------------------------------------------------------------------------------------


@pytest.fixture
def stopped(cast: Cast, line: calls.Line, monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Any]:
    """Five artifacts are due, and three may go without a word."""
    settings.RETENTION_RUN_GUARD_MIN = 3
    monkeypatch.setattr(running, "SMALL_RUN", 3)
    made = add(cast, line, *["stored"] * 5)
    assert operations.apply_schedules(actor=clock(cast)) == 0
    return made


def test_an_abnormal_run_stops_before_it_deletes_anything(cast: Cast, stopped: list[Any], entries: Entries) -> None:
    run = run_of(cast)
    assert (run.state, run.due, run.guard, run.begun) == ("stopped", 5, 3, 0)
    assert apply_all(cast) == 0
    assert {state_of(cast, one).state for one in stopped} == {"stored"}


def test_one_persons_word_lets_the_clocks_run_go_on(cast: Cast, stopped: list[Any], jobs: Any) -> None:
    run = run_of(cast)
    for nobody in (clock(cast), cast.auditor.actor, cast.robot):
        with pytest.raises(NotAllowed):
            operations.approve_run(actor=nobody, run_id=run.id)
    operations.approve_run(actor=cast.colleague.actor, run_id=run.id)
    jobs.drain()
    assert {state_of(cast, one).state for one in stopped} == {"deleted"}
    after = run_of(cast)
    assert (after.state, after.begun, after.decided_by) == ("finished", 5, cast.colleague.actor.reference)


def test_who_started_a_run_does_not_approve_it(
    cast: Cast, line: calls.Line, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RETENTION_RUN_GUARD_MIN = 1
    monkeypatch.setattr(running, "SMALL_RUN", 1)
    add(cast, line, "stored", "stored")
    with pytest.raises(NotAllowed):
        operations.start_run(actor=cast.colleague.actor)
    run = operations.start_run(actor=cast.officer.actor)
    assert run.state == "stopped"
    with pytest.raises(OwnProposal):
        operations.approve_run(actor=cast.officer.actor, run_id=run.id)
    assert operations.approve_run(actor=cast.colleague.actor, run_id=run.id).state == "approved"


def test_a_refused_run_deletes_nothing_that_day_and_asks_again_the_next(
    cast: Cast, stopped: list[Any], time_machine: Any
) -> None:
    operations.refuse_run(actor=cast.colleague.actor, run_id=run_of(cast).id)
    assert apply_all(cast) == 0
    with pytest.raises(Conflict):
        operations.approve_run(actor=cast.colleague.actor, run_id=run_of(cast).id)
    time_machine.move_to(datetime.now(UTC) + timedelta(days=1))
    assert apply_all(cast) == 0
    assert run_of(cast).state == "stopped"
    assert {state_of(cast, one).state for one in stopped} == {"stored"}


def test_what_grew_since_it_was_counted_is_not_approved(cast: Cast, line: calls.Line, stopped: list[Any]) -> None:
    add(cast, line, "missing", "quarantined")
    with pytest.raises(Conflict) as refused:
        operations.approve_run(actor=cast.colleague.actor, run_id=run_of(cast).id)
    assert refused.value.code == "run_grew"
    assert apply_all(cast) == 0  # the sweep counts again
    operations.approve_run(actor=cast.colleague.actor, run_id=run_of(cast).id)


def test_more_than_was_approved_stops_it_again(cast: Cast, line: calls.Line, stopped: list[Any]) -> None:
    operations.approve_run(actor=cast.colleague.actor, run_id=run_of(cast).id)
    assert operations.apply_schedules(actor=clock(cast), limit=2) == 2
    add(cast, line, "missing", "quarantined")
    apply_all(cast)
    run = run_of(cast)
    assert (run.state, run.begun <= 5) == ("stopped", True)


def test_the_guard_follows_the_usual_day(cast: Cast, settings: Any, line: calls.Line) -> None:
    settings.RETENTION_RUN_GUARD_MIN = 7
    with tenancy.scope(cast.organisation_id):
        assert running.guard_of(cast.organisation_id) == 7
        for day, begun in enumerate((20, 0, 40, 30)):
            RetentionRun.objects.create(
                organisation_id=cast.organisation_id,
                on=date(2026, 1, 1 + day),
                schedule=0,
                state="finished",
                begun=begun,
            )
        assert running.guard_of(cast.organisation_id) == running.SMALL_RUN  # 300, but the register is small


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_a_batch_takes_bytes_and_proves_each(cast: Cast, arrived: Callable[..., Any], jobs: Any) -> None:
    arrived("01", "02")
    with tenancy.scope(cast.organisation_id):
        ids = [row.id for row in register.artifacts(cast.organisation_id) if row.object]
    disposal.begin_artifact_disposal(actor=clock(cast), artifact_ids=ids, ground=disposal.Ground.RETENTION_EXPIRED)
    batch = disposal.open_batch(cast.organisation_id)
    assert len(batch) == len(ids)
    assert disposal.carry_out_batch(actor=clock(cast), disposal_ids=batch) == []
    assert disposal.open_batch(cast.organisation_id) == []
    with tenancy.scope(cast.organisation_id):
        after: list[Any] = [row.object for row in register.artifacts(cast.organisation_id).filter(id__in=ids)]
    for sealed in after:
        assert sealed.deleted_at
        assert bytes(sealed.wrapped_dek) == b""
        assert sealed.inline is None
        assert not sealed.store_key or blobs.store().length(sealed.store_key) is None
    with tenancy.scope(cast.organisation_id):
        for row in Disposal.objects.for_organisation(cast.organisation_id):
            assert row.proofs[0]["answer"] == "absent"
            assert row.entries


def test_what_the_store_keeps_is_not_called_gone(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object lock refuses one of many: that one stays debt, the others go."""
    arrived("01", "02")
    with tenancy.scope(cast.organisation_id):
        rows: list[Any] = list(register.artifacts(cast.organisation_id).filter(kind="recording"))
    locked = rows[0].object.store_key
    real = blobs.FileBlobs.delete_many

    def refuse_one(self: Any, keys: list[str]) -> dict[str, str]:
        real(self, [key for key in keys if key != locked])
        return {locked: "accessdenied"}

    monkeypatch.setattr(blobs.FileBlobs, "delete_many", refuse_one)
    ids = [row.id for row in rows]
    disposal.begin_artifact_disposal(actor=clock(cast), artifact_ids=ids, ground=disposal.Ground.RETENTION_EXPIRED)
    refused = disposal.carry_out_batch(actor=clock(cast), disposal_ids=disposal.open_batch(cast.organisation_id))
    assert disposal.open_batch(cast.organisation_id) == refused
    assert len(refused) == 1
    with tenancy.scope(cast.organisation_id):
        steps = {row.artifact_id: row.step for row in Disposal.objects.for_organisation(cast.organisation_id)}
        place = next(p for p in register.locations_of(cast.organisation_id, rows[0].id) if p.place == "store")
    assert steps == {rows[0].id: "keys_destroyed", rows[1].id: "bytes_deleted"}
    assert place.state == "present"
    monkeypatch.undo()
    assert disposal.carry_out_batch(actor=clock(cast), disposal_ids=refused) == []


def test_a_store_that_does_not_answer_loses_nothing(
    cast: Cast, arrived: Callable[..., Any], jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived("01")
    with tenancy.scope(cast.organisation_id):
        ids = list(register.artifacts(cast.organisation_id).filter(kind="recording").values_list("id", flat=True))
    disposal.begin_artifact_disposal(actor=clock(cast), artifact_ids=ids, ground=disposal.Ground.RETENTION_EXPIRED)
    monkeypatch.setattr(blobs.FileBlobs, "is_there", lambda self: False)
    batch = disposal.open_batch(cast.organisation_id)
    with pytest.raises(Unavailable):
        disposal.carry_out_batch(actor=clock(cast), disposal_ids=batch)
    monkeypatch.undo()
    assert disposal.open_batch(cast.organisation_id) == batch
    assert disposal.carry_out_batch(actor=clock(cast), disposal_ids=batch) == []


# --- the command ------------------------------------------------------------------------------------------------------


def command(*options: str) -> list[str]:
    out = StringIO()
    call_command("apply_retention", *options, stdout=out)
    return out.getvalue().splitlines()


def test_a_dry_run_says_what_would_go_and_changes_nothing(cast: Cast, line: calls.Line) -> None:
    held, gone = add(cast, line, "stored", "quarantined")
    operations.place_hold(actor=cast.officer.actor, matter="case 7", reason="litigation", call_ids=[held.call_id])
    lines = [json.loads(text) for text in command("--dry-run", "--json", f"--organisation={cast.organisation_id}")]
    told = {item["artifact"]: item for item in lines[:-1]}
    assert told[str(held.id)]["held"]
    assert not told[str(gone.id)]["held"]
    assert told[str(gone.id)]["rule"] == "recordings-90"
    assert "90 days" in told[str(gone.id)]["reason"]
    assert (lines[-1]["due"], lines[-1]["held"], lines[-1]["would_stop"]) == (1, 1, False)
    assert state_of(cast, gone).state == "quarantined"
    with tenancy.scope(cast.organisation_id):
        assert not running.runs(cast.organisation_id).exists()
    assert any("leaves" in text for text in command("--dry-run"))


def test_the_command_applies_and_tells(cast: Cast, line: calls.Line, jobs: Any) -> None:
    (artifact,) = add(cast, line, "stored")
    (told,) = [json.loads(text) for text in command("--json", f"--organisation={cast.organisation_id}")]
    assert (told["state"], told["begun"]) == ("finished", 1)
    jobs.drain()
    assert state_of(cast, artifact).state == ArtifactState.DELETED
    with pytest.raises(CommandError):
        command(f"--organisation={UUID(int=7)}")


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_runs_over_http(cast: Cast, stopped: list[Any], signed_in: Callable[..., Any], outsider_api: Any) -> None:
    colleague = signed_in(cast.colleague)
    (run,) = colleague.get("/api/v1/retention/runs").json()["results"]
    address = f"/api/v1/retention/runs/{run['id']}"
    assert outsider_api.get(address).status_code == 404
    assert signed_in(cast.auditor).post(f"{address}/approval").status_code == 403
    assert colleague.post(f"{address}/approval").json()["state"] == "approved"
    assert colleague.post(f"{address}/approval").status_code == 409


# --- a preview and a run agree ----------------------------------------------------------------------------------------

_kinds = ("recording", "transcript", "summary")
_matches = st.builds(Match, kinds=st.none() | st.sets(st.sampled_from(_kinds), min_size=1).map(frozenset))
_days = st.integers(0, 400)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    listed = [
        Rule(f"r{n}", draw(st.none() | _days), draw(st.sampled_from(ClockStart)), "w", draw(_matches),
             action=draw(st.sampled_from(Action)))
        for n in range(draw(st.integers(0, 3)))
    ]  # fmt: skip
    guards = [
        Guard(f"g{n}", "w", draw(_matches), **{draw(st.sampled_from(["minimum_days", "maximum_days"])): draw(_days)})
        for n in range(draw(st.integers(0, 2)))
    ]
    return Schedule((*listed, Rule("rest", draw(st.none() | _days), ClockStart.CALL_END, "w")), tuple(guards))


@pytest.fixture
def mixed(cast: Cast, line: calls.Line) -> Cast:
    """Calls of several ages with artifacts of several kinds, one of them held."""
    made = []
    for age in (1, 100, 300):
        for kind in _kinds:
            made += add(cast, line, "stored", kind=kind, ended=datetime.now(UTC) - timedelta(days=age))
    operations.place_hold(actor=cast.officer.actor, matter="case", reason="w", call_ids=[made[4].call_id])
    return cast


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=schedules())
def test_a_preview_tells_exactly_what_a_run_takes(mixed: Cast, jobs: Any, schedule: Schedule) -> None:
    with transaction.atomic():
        document = rules.to_document(schedule)
        found = operations.preview_schedule(actor=mixed.officer.actor, document=document)
        saved = operations.set_schedule(actor=mixed.officer.actor, document=document)
        assert saved.state == "active"
        operations.assign_everything(actor=clock(mixed))
        today = datetime.now(UTC).date()
        told = {
            one.artifact_id
            for one in found.listed
            if one.due_on <= today and one.action == "delete" and not one.is_held
        }
        assert len(told) == found.today
        apply_all(mixed)
        with tenancy.scope(mixed.organisation_id):
            rows = Disposal.objects.for_organisation(mixed.organisation_id)
            assert set(rows.values_list("artifact_id", flat=True)) == told
        transaction.set_rollback(True)
