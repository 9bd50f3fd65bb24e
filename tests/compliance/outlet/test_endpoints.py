"""Endpoints and their secrets: who may, what is kept, what every change leaves."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts import tenancy
from accounts.errors import NotAllowed
from compliance.errors import Conflict, Invalid, NotFound
from compliance.outlet import access, operations
from compliance.outlet.models import WebhookEndpoint
from compliance.outlet.operations import NewEndpoint
from compliance.outlet.operations.endpoints import MOST_ENDPOINTS
from compliance.outlet.operations.secrets import open_secrets
from tests.cast import Cast
from tests.compliance.outlet.conftest import Line, announce
from tests.compliance.outlet.receiver import Receiver
from tests.entries import Entries

NEW = NewEndpoint("https://hooks.integrator.example/k3y", ["disclosure.*", "request.state.changed"], "case system")


def signing(line: Line) -> list[bytes]:
    with tenancy.scope(line.cast.organisation_id):
        return open_secrets(line.row)


def raw(line: Line) -> bytes:
    return base64.b64decode(line.secret.removeprefix("whsec_"))


def test_an_endpoint_has_a_secret_that_is_told_once_and_sealed(cast: Cast, entries: Entries) -> None:
    made = operations.create_endpoint(actor=cast.officer.actor, new=NEW)
    line = Line(cast, made)
    assert made.secret.startswith("whsec_")
    assert len(raw(line)) == 32
    assert signing(line) == [raw(line)]
    assert (line.row.state, line.row.event_types) == ("active", ["disclosure.*", "request.state.changed"])
    (entry,) = entries
    assert (entry.event, entry.fields["what"]) == ("outlet.endpoint.created", {"patterns": 2, "events": 6})
    assert made.secret not in repr(made) + str(entry)
    assert "k3y" in entry.fields["identifying"]["url"]  # never in clear
    with tenancy.scope(cast.organisation_id), connection.cursor() as cursor:
        cursor.execute("SELECT sealed_value FROM outlet_webhooksecret")
        (row,) = cursor.fetchall()
    assert raw(line) not in bytes(row[0])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://hooks.integrator.example/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://a:b@hooks.integrator.example/"}, "url"),
        ({"url": "https://hooks.integrator.example/" + "x" * 2000}, "url"),
        ({"url": "http://127.0.0.1:9/"}, "url"),
        ({"event_types": []}, "event_types"),
        ({"event_types": ["disclosure"]}, "event_types"),
        ({"event_types": ["*", "request.deleted"]}, "event_types"),
        ({"event_types": ["webhook.test"]}, "event_types"),
    ],
)
def test_what_cannot_be_used_is_named_and_changes_nothing(
    cast: Cast, receiver: Receiver, line: Line, entries: Entries, change: dict[str, Any], field: str
) -> None:
    new = NewEndpoint(**({"url": NEW.url, "event_types": ["*"]} | change))
    for act in (
        lambda: operations.create_endpoint(actor=cast.officer.actor, new=new),
        lambda: line.act("change_endpoint", new=new),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert list(refused.value.errors) == [field]
    assert line.row.url == receiver.url
    with tenancy.scope(cast.organisation_id):
        assert access.endpoints(cast.organisation_id).count() == 1
    assert entries == []


def test_this_machines_test_host_is_an_endpoint_only_where_it_is_named(
    cast: Cast, receiver: Receiver, settings: Any
) -> None:
    new = NewEndpoint(receiver.url, ["*"])
    operations.create_endpoint(actor=cast.officer.actor, new=new)
    settings.FETCH_TEST_HOSTS = []  # as in production
    with pytest.raises(Invalid):
        operations.create_endpoint(actor=cast.officer.actor, new=new)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("change_endpoint", {"new": NEW}),
        ("rotate_secret", {}),
        ("pause_endpoint", {}),
        ("remove_endpoint", {}),
        ("send_test_event", {}),
        ("redeliver_failed", {"since": timezone.now()}),
    ],
)
def test_who_may(cast: Cast, line: Line, name: str, arguments: dict[str, Any]) -> None:
    operation = getattr(operations, name)
    for member in (cast.colleague, cast.auditor, cast.engineer):
        with pytest.raises(NotAllowed):
            operation(actor=member.actor, endpoint_id=line.id, **arguments)
    with pytest.raises(NotFound):
        operation(actor=cast.outsider.actor, endpoint_id=line.id, **arguments)
    operation(actor=cast.officer.actor, endpoint_id=line.id, **arguments)


def test_who_may_create_and_read(cast: Cast, line: Line) -> None:
    for member in (cast.colleague, cast.auditor, cast.engineer):
        with pytest.raises(NotAllowed):
            operations.create_endpoint(actor=member.actor, new=NEW)
        with tenancy.scope(cast.organisation_id):
            assert access.endpoint_for(member.actor, line.id).id == line.id
    operations.create_endpoint(actor=cast.robot, new=NEW)
    with tenancy.scope(cast.other_organisation.id), pytest.raises(NotFound):
        access.endpoint_for(cast.outsider.actor, line.id)


def test_there_are_only_so_many(cast: Cast) -> None:
    made = operations.create_endpoint(actor=cast.officer.actor, new=NEW)
    for _ in range(MOST_ENDPOINTS - 1):
        operations.create_endpoint(actor=cast.officer.actor, new=NEW)
    with pytest.raises(Conflict, match="already"):
        operations.create_endpoint(actor=cast.officer.actor, new=NEW)
    operations.remove_endpoint(actor=cast.officer.actor, endpoint_id=made.endpoint.id)
    operations.create_endpoint(actor=cast.officer.actor, new=NEW)


# --- rotation ---------------------------------------------------------------------------------------------------------


def test_the_secret_before_signs_until_the_overlap_ends(cast: Cast, line: Line, entries: Entries) -> None:
    fresh = Line(cast, line.act("rotate_secret"))
    assert signing(line) == [raw(fresh), raw(line)]
    assert entries[0].event == "outlet.secret.rotated"
    assert entries[0].fields["what"] == {"overlap_seconds": 86_400}
    with time_machine.travel(timezone.now() + operations.OVERLAP + timedelta(seconds=1)):
        assert signing(line) == [raw(fresh)]
        assert operations.forget_ended_secrets(actor=cast.officer.actor) == 1
        assert operations.forget_ended_secrets(actor=cast.officer.actor) == 0
        assert signing(line) == [raw(fresh)]


def test_never_more_than_two_sign(cast: Cast, line: Line) -> None:
    second = Line(cast, line.act("rotate_secret"))
    third = Line(cast, line.act("rotate_secret", overlap=timedelta(days=30)))
    assert signing(line) == [raw(third), raw(second)]


def test_a_leaked_secret_ends_at_once(cast: Cast, line: Line) -> None:
    line.act("rotate_secret", overlap=timedelta(days=7))
    last = Line(cast, line.act("rotate_secret", overlap=timedelta(0)))
    assert signing(line) == [raw(last)]


# --- standing still, and the end --------------------------------------------------------------------------------------


def test_what_happens_during_a_pause_waits_and_goes_out_after_it(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    announce(cast)  # its job finds the endpoint paused
    line.act("pause_endpoint")
    announce(cast, "in_progress")
    jobs.drain()
    assert (receiver.got, [one.state for one in line.dispatches]) == ([], ["waiting", "waiting"])
    line.act("resume_endpoint")
    jobs.drain()
    assert [one.event["data"]["state"] for one in receiver.got] == ["open", "in_progress"]
    assert entries.events == ["outlet.endpoint.paused", "outlet.endpoint.resumed"]
    for name, code in (("resume_endpoint", "already_active"),):
        with pytest.raises(Conflict) as refused:
            line.act(name)
        assert refused.value.code == code


def test_what_a_pause_and_an_event_missed_of_each_other_is_found_by_the_sweep(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any
) -> None:
    line.act("pause_endpoint")
    announce(cast)
    with tenancy.scope(cast.organisation_id):  # as if the resumption had not seen the event yet
        access.endpoints(cast.organisation_id).update(state=WebhookEndpoint.State.ACTIVE)
    jobs.drain()
    assert receiver.got == []
    assert operations.find_unrung(actor=cast.officer.actor) == [line.id]
    assert operations.release_waiting(actor=cast.officer.actor, endpoint_id=line.id) == 1
    assert operations.find_unrung(actor=cast.officer.actor) == []
    jobs.drain()
    assert len(receiver.got) == 1


def test_a_removed_endpoint_is_forgotten(
    cast: Cast, line: Line, receiver: Receiver, jobs: Any, entries: Entries
) -> None:
    announce(cast)
    row = line.row
    line.act("remove_endpoint")
    jobs.drain()
    assert receiver.got == []
    assert (line.row.state, line.row.url) == ("removed", "")
    assert [(one.state, one.last_code) for one in line.dispatches] == [("failed", "endpoint_removed")]
    assert signing(line) == []
    (entry,) = entries.of("outlet.endpoint.removed")
    assert (entry.fields["what"], entry.fields["identifying"]) == ({"given_up": 1}, {"url": row.url})
    announce(cast)
    assert len(line.dispatches) == 1
    with pytest.raises(NotFound):
        line.act("resume_endpoint")


def test_another_address_takes_what_waits(cast: Cast, line: Line, receiver: Receiver, jobs: Any) -> None:
    line.act("pause_endpoint")
    announce(cast)
    new = NewEndpoint(receiver.url.replace("/hooks", "/moved"), ["disclosure.*"], "other")
    assert line.act("change_endpoint", new=new).description == "other"
    line.act("resume_endpoint")
    announce(cast)  # not among its events any more
    jobs.drain()
    assert len(receiver.got) == 1


def test_an_unknown_endpoint_is_not_found(cast: Cast) -> None:
    with pytest.raises(NotFound):
        operations.pause_endpoint(actor=cast.officer.actor, endpoint_id=uuid4())
