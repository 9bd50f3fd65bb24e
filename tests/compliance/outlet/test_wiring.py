"""The rooms tell what they should: each event of the catalogue from the act that causes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts import tenancy
from accounts.actors import Actor
from compliance import law
from compliance.connectors import operations as connectors
from compliance.dsr import access as requests
from compliance.dsr import certificate, notices
from compliance.dsr.operations import deciding, telling
from compliance.dsr.states import Reason
from compliance.outlet import access, operations
from compliance.reconciliation import operations as reconciliation
from compliance.reconciliation.rules.kinds import Kind
from compliance.retention.models import RetentionRun
from compliance.retention.operations import alarming, running
from tests.calls import connect
from tests.cast import Cast
from tests.compliance.dsr import requests as wishes
from tests.compliance.retention.platform import Account, open_account
from tests.compliance.retention.platform import far_end as far_end
from tests.compliance.retention.test_upstream import erase

Told = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def told(cast: Cast) -> Told:
    """`told("request.*")`: the `data` of what would be told since, oldest first. The endpoint stands still."""
    new = operations.NewEndpoint("https://hooks.integrator.example/", ["*"])
    made = operations.create_endpoint(actor=cast.owner.actor, new=new)
    operations.pause_endpoint(actor=cast.owner.actor, endpoint_id=made.endpoint.id)

    def read(beginning: str) -> list[dict[str, Any]]:
        with tenancy.scope(cast.organisation_id):
            rows = access.messages(cast.organisation_id).filter(type__startswith=beginning).order_by("id")
            return [json.loads(row.body)["data"] for row in rows]

    return read


def clock(cast: Cast) -> Actor:
    return Actor.scheduler(cast.organisation_id)


# --- requests ---------------------------------------------------------------------------------------------------------


def test_every_state_of_a_request_is_told_and_nobodys_name(
    cast: Cast, told: Told, arrived: Callable[..., Any], jobs: Any
) -> None:
    arrived("01")
    request = wishes.receive(cast, law.Right.ACCESS)
    wishes.approve(cast, jobs, request)
    jobs.drain()
    moves = [(one["previous"], one["state"], one["reason"]) for one in told("request.state.changed")]
    assert moves == [
        (None, "open", None),
        ("open", "in_progress", "need_user_verification"),
        ("in_progress", "in_progress", None),
        ("in_progress", "fulfilled", None),
    ]
    assert {one["request_id"] for one in told("request.state.changed")} == {str(request.id)}
    assert "maria" not in json.dumps(told("request")).lower()


def test_a_denial_and_a_withdrawal_are_told(cast: Cast, told: Told) -> None:
    first, second = wishes.receive(cast), wishes.receive(cast)
    deciding.deny_request(
        actor=cast.officer.actor, request_id=first.id, reason=Reason.NO_MATCH, explanation="We found nothing of yours."
    )
    deciding.revoke_request(actor=cast.officer.actor, request_id=second.id)
    ends = [(one["request_id"], one["state"], one["reason"]) for one in told("request.state.changed")[2:]]
    assert ends == [(str(first.id), "denied", "no_match"), (str(second.id), "revoked", None)]


def test_what_is_due_soon_is_told_once_a_step(cast: Cast, told: Told) -> None:
    request = wishes.receive(cast)
    wishes_done = wishes.receive(cast)
    deciding.revoke_request(actor=cast.officer.actor, request_id=wishes_done.id)
    with tenancy.scope(cast.organisation_id):
        by: date = requests.rights_of(requests.request_of(cast.organisation_id, request.id))[0].respond_by
    noon = timezone.now().replace(hour=12, minute=0)
    for days_left in (8, 7, 6, 3, 3, 0, -1, -5):
        with time_machine.travel(noon + (by - timedelta(days=days_left) - noon.date())):
            telling.tell_due(actor=clock(cast))
    found = told("request.due.soon")
    assert [one["days_left"] for one in found] == [7, 3, 0, -1]
    assert {(one["request_id"], one["state"], one["respond_by"]) for one in found} == {
        (str(request.id), "open", by.isoformat())
    }


def test_a_certificate_is_told_by_its_hash(cast: Cast, told: Told) -> None:
    request = wishes.receive(cast)
    issued = certificate._Issued(1, b"{}", b"%PDF", is_final=False)
    with tenancy.scope(cast.organisation_id):
        letter = notices.erasure_answer(request, erased=1, awaiting=1, kept=[])
    certificate._keep(clock(cast), request.id, issued, letter)
    (found,) = told("erasure.certificate.issued")
    assert (found["request_id"], found["number"], found["is_final"]) == (str(request.id), 1, False)
    assert found["sha256"] == hashlib.sha256(b"{}").hexdigest()


# --- retention, reconciliation, connections ---------------------------------------------------------------------------


def test_a_run_that_stops_itself_is_told(cast: Cast, told: Told) -> None:
    with tenancy.operation(clock(cast)):
        run = RetentionRun.objects.create(
            organisation_id=cast.organisation_id, on=date(2026, 11, 22), schedule=0, due=5, guard=3
        )
        running._stop(clock(cast), run)
    assert told("retention.run.stopped") == [{"run_id": str(run.id), "on": "2026-11-22", "due": 0, "guard": 3}]


@pytest.fixture
def account(cast: Cast, far_end: Any, media: Any, jobs: Any) -> Account:
    return open_account(cast, far_end, media, jobs)


def test_a_debt_that_is_too_old_is_told(account: Account, told: Told) -> None:
    account.far_end.moods = [500] * 100
    call_id = account.call()
    erase(account, call_id)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert alarming.alarm_debt(actor=account.clock) > 0
    found = told("deletion_debt.overdue")
    assert {one["location_id"] for one in found} == {str(place.id) for place in account.places(call_id)}
    assert {one["after"] for one in found} == {"day"}


def test_a_new_discrepancy_is_told_once(cast: Cast, told: Told) -> None:
    for _ in range(2):
        reconciliation.note_finding(
            actor=clock(cast), kind=Kind.COUNT_GAP, thing="intake_batch/1", facts={"missing": 1}
        )
    (found,) = told("reconciliation.finding.opened")
    assert (found["kind"], found["artifact_id"]) == ("count_gap", None)


def test_a_connection_that_needs_attention_is_told_and_a_good_one_not(cast: Cast, told: Told, jobs: Any) -> None:
    platform = connect(cast)
    connectors.set_quiet_hours(actor=cast.officer.actor, connection_id=platform.connection_id, hours=1)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert connectors.check_health(actor=clock(cast)) == 1
        jobs.drain()
    connectors.set_quiet_hours(actor=cast.officer.actor, connection_id=platform.connection_id, hours=None)
    assert connectors.check_health(actor=clock(cast)) == 1
    jobs.drain()
    assert told("connection.unhealthy") == [
        {"connection_id": str(platform.connection_id), "platform": "dialgen", "reasons": ["quiet"]}
    ]
