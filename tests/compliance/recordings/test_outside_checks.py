"""Outside checks are decided by two owners, of the very list that was proposed, within a day."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.errors import Conflict, Gone, Invalid, NotAllowed, NotFound, OwnProposal
from compliance.recordings import access, tasks
from compliance.recordings.models import OutsideCheck
from compliance.recordings.operations import outside_checks as checks
from compliance.recordings.operations import outside_delivery as delivery
from tests.cast import Cast, Member
from tests.compliance.calls import Entries
from tests.compliance.recordings.outside import PURPOSE, approved, read, second_owner, unzipped
from tests.walks.desk import Desk

Arrived = Callable[..., dict[str, UUID]]
Operation = Callable[..., Any]
PATH = "/api/v1/outside-checks"


@pytest.fixture
def partner(cast: Cast) -> Member:
    return second_owner(cast)


def _propose(cast: Cast, *call_ids: UUID) -> OutsideCheck:
    return checks.propose_outside_check(actor=cast.owner.actor, purpose=PURPOSE, call_ids=call_ids)


def _state(cast: Cast, row: OutsideCheck) -> str:
    with tenancy.scope(cast.organisation_id):
        return str(checks.outside_checks(cast.owner.actor).get(id=row.id).state)


def test_one_proposes_another_approves_and_every_step_is_an_entry(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries
) -> None:
    call_id = arrived("01")["01"]
    row = approved(cast, partner, call_id)
    with tenancy.scope(cast.organisation_id):
        stored = [one for one in access.artifacts_of(cast.organisation_id, call_id) if one.object_id]
    readable = {one.id for one in stored if one.kind != "delivery"}  # a raw webhook may speak of other calls
    assert set(row.artifact_ids) == readable
    assert (row.proposed_by, row.decided_by) == (cast.owner.actor.reference, partner.actor.reference)
    steps = [one for one in entries if one.event.startswith("recordings.outside_check.")]
    assert [one.event.rpartition(".")[2] for one in steps] == ["proposed", "approved"]
    assert [one.actor for one in steps] == [row.proposed_by, row.decided_by]
    assert len({one.what["list_sha256"] for one in steps}) == 1
    assert all(one.obj == ("outside_check", row.id) and one.what["objects"] == len(readable) for one in steps)
    assert all(PURPOSE not in str((one.what, one.why)) and one.identifying == {"purpose": PURPOSE} for one in steps)


def test_nobody_approves_or_refuses_what_they_proposed(cast: Cast, partner: Member, arrived: Arrived) -> None:
    row = _propose(cast, arrived("01")["01"])
    for decide in (checks.approve_outside_check, checks.refuse_outside_check):
        with pytest.raises(OwnProposal):
            decide(actor=cast.owner.actor, check_id=row.id)
    assert _state(cast, row) == "proposed"
    assert checks.refuse_outside_check(actor=partner.actor, check_id=row.id).state == "refused"
    with pytest.raises(Conflict):
        checks.approve_outside_check(actor=partner.actor, check_id=row.id)


@pytest.mark.parametrize("who", ["officer", "colleague", "auditor", "engineer", "robot"])
def test_owners_only(cast: Cast, partner: Member, arrived: Arrived, who: str) -> None:
    """Each right with the same set-up: refused to everybody else, granted to an owner."""
    call_id = arrived("01")["01"]
    found = getattr(cast, who)
    stranger: Actor = found if isinstance(found, Actor) else found.actor
    with pytest.raises(NotAllowed):
        checks.propose_outside_check(actor=stranger, purpose=PURPOSE, call_ids=[call_id])
    row = _propose(cast, call_id)
    operations: Sequence[tuple[Operation, Actor]] = [
        (checks.approve_outside_check, partner.actor),
        (delivery.begin_delivery, cast.owner.actor),
        (checks.withdraw_outside_check, cast.owner.actor),
    ]
    for operation, owner in operations:
        with pytest.raises(NotAllowed):
            operation(actor=stranger, check_id=row.id)
        operation(actor=owner, check_id=row.id)
    with pytest.raises(NotAllowed):
        checks.outside_checks(stranger)


def test_the_scheduler_approves_nothing(cast: Cast, arrived: Arrived) -> None:
    row = _propose(cast, arrived("01")["01"])
    for decide in (checks.approve_outside_check, checks.refuse_outside_check):
        with pytest.raises(NotAllowed):
            decide(actor=Actor.scheduler(cast.organisation_id), check_id=row.id)


def test_what_can_be_proposed(cast: Cast, arrived: Arrived) -> None:
    call_id = arrived("01")["01"]
    with tenancy.scope(cast.organisation_id):
        words = access.transcript_of(cast.organisation_id, call_id)
    assert words is not None
    owner = cast.owner.actor
    row = checks.propose_outside_check(actor=owner, purpose=PURPOSE, artifact_ids=[words.id])
    assert row.artifact_ids == [words.id]
    refused: list[tuple[type[Exception], dict[str, Any]]] = [
        (Invalid, {}),
        (Invalid, {"call_ids": [call_id], "artifact_ids": [words.id]}),
        (Invalid, {"call_ids": [uuid4() for _ in range(checks.MOST_CALLS + 1)]}),
        (NotFound, {"call_ids": [call_id, uuid4()]}),
        (NotFound, {"artifact_ids": [words.id, uuid4()]}),
    ]
    for refusal, wanted in refused:
        with pytest.raises(refusal):
            checks.propose_outside_check(actor=owner, purpose=PURPOSE, **wanted)


def test_after_a_day_nothing_happens_any_more(cast: Cast, partner: Member, arrived: Arrived, entries: Entries) -> None:
    call_id = arrived("01")["01"]
    asked, agreed = _propose(cast, call_id), approved(cast, partner, call_id)
    tasks.expire_outside_checks()
    assert (_state(cast, asked), _state(cast, agreed)) == ("proposed", "approved")
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1), tick=True):
        with pytest.raises(Gone):
            checks.approve_outside_check(actor=partner.actor, check_id=asked.id)
        with pytest.raises(Gone):
            delivery.begin_delivery(actor=cast.owner.actor, check_id=agreed.id)
        tasks.expire_outside_checks()
    assert (_state(cast, asked), _state(cast, agreed)) == ("expired", "expired")
    assert len(entries.of("recordings.outside_check.expired")) == 2


@pytest.mark.parametrize("seed", range(6))
def test_whatever_they_do_no_key_leaves_by_one_person_or_twice(
    cast: Cast, partner: Member, arrived: Arrived, entries: Entries, seed: int
) -> None:
    """Five people press every button in any order, on several checks."""
    chance, call_id = random.Random(seed), arrived("01")["01"]
    people = [cast.owner, partner, cast.officer, cast.auditor, cast.colleague]
    rows = [_propose(cast, call_id)]
    for _ in range(25):
        who, row = chance.choice(people[: chance.choice([2, 5])]).actor, chance.choice(rows)
        action: Operation = chance.choice(
            [
                lambda who, row: rows.append(
                    checks.propose_outside_check(actor=who, purpose=PURPOSE, call_ids=[call_id])
                ),
                lambda who, row: checks.approve_outside_check(actor=who, check_id=row.id),
                lambda who, row: checks.approve_outside_check(actor=who, check_id=row.id),
                lambda who, row: checks.refuse_outside_check(actor=who, check_id=row.id),
                lambda who, row: checks.withdraw_outside_check(actor=who, check_id=row.id),
                lambda who, row: b"".join(delivery.deliver_outside_check(actor=who, check_id=row.id)),
                lambda who, row: b"".join(delivery.deliver_outside_check(actor=who, check_id=row.id)),
            ]
        )
        try:
            action(who, row)
        except (NotAllowed, Conflict):
            continue
    owners = {cast.owner.actor.reference, partner.actor.reference}
    for row in rows:
        steps = {one.event.rpartition(".")[2]: one for one in entries if one.obj == ("outside_check", row.id)}
        ended = entries.of("recordings.outside_check.delivered")
        given = [one for one in entries.of("recordings.outside_check.key_given") if one.what["check"] == str(row.id)]
        assert len([one for one in ended if one.obj[1] == row.id]) <= 1
        assert len(given) == (len(row.artifact_ids) if "delivered" in steps else 0)
        if given:
            assert {steps["proposed"].actor, steps["approved"].actor} == owners
            assert {one.actor for one in given} == {steps["proposed"].actor}


def test_over_http(
    cast: Cast, partner: Member, arrived: Arrived, signed_in: Callable[[Member], APIClient], api: APIClient
) -> None:
    call_id = arrived("01")["01"]
    owner, other = signed_in(cast.owner), signed_in(partner)
    asked = {"purpose": PURPOSE, "calls": [str(call_id)]}
    for refused in (api, signed_in(cast.officer)):
        assert refused.post(PATH, asked, format="json").status_code == 403
        assert refused.get(PATH).status_code == 403
    made = owner.post(PATH, asked, format="json")
    assert made.status_code == 201, made.content
    path = f"{PATH}/{made.json()['id']}"
    assert owner.post(f"{path}/delivery").status_code == 409  # not approved
    assert owner.post(f"{path}/approval").status_code == 403  # one's own
    assert other.post(f"{path}/approval").json()["state"] == "approved"
    assert other.post(f"{path}/delivery").status_code == 409  # who proposed it fetches it
    answer: Any = owner.post(f"{path}/delivery")
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (
        200, "application/zip", "private, no-store",
    )  # fmt: skip
    assert len(read(unzipped(answer.streaming_content), "keys.json")["objects"]) == len(made.json()["artifact_ids"])
    shown = other.get(PATH).json()["results"][0]
    assert (shown["state"], shown["deliveries"]) == ("delivered", 1)
    assert owner.delete(path).status_code == 409
    second = owner.post(PATH, asked, format="json").json()["id"]
    assert other.post(f"{PATH}/{second}/refusal").json()["state"] == "refused"
    third = owner.post(PATH, asked, format="json").json()["id"]
    assert owner.delete(f"{PATH}/{third}").status_code == 204


def test_at_the_console(cast: Cast, partner: Member, arrived: Arrived, console: Callable[[Member], Client]) -> None:
    call_id, label = arrived("01")["01"], "recordings.OutsideCheck"
    owner, other = Desk(console(cast.owner)), Desk(console(partner))
    unknown = owner.press(label, "propose", purpose=PURPOSE, calls=f"{call_id}\nnobody's")
    assert (unknown.status, "Not a call of yours" in unknown.words) == (400, True)
    owner.press(label, "propose", purpose=PURPOSE, calls=str(call_id))
    with tenancy.scope(cast.organisation_id):
        row = checks.outside_checks(cast.owner.actor).get()
    assert owner.press(label, "approve", row.id).status == 403
    other.press(label, "approve", row.id)
    assert _state(cast, row) == "approved"
    fetched = owner.press(label, "fetch", row.id)
    assert fetched.status == 200
    assert Desk(console(cast.officer)).press(label, "withdraw", row.id).status == 403
    assert PURPOSE in owner.open(f"/admin/recordings/outsidecheck/{row.id}/change/")
