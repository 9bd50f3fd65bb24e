"""Health of a connection: what the signs come to, what they are read from, and who is told when."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.connectors import access, operations, signs
from compliance.connectors.health import Counts, Health, Reason, Signs, Span, judge
from compliance.intake.access import deliveries
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, entries, line, log_lines, work

__all__ = ["entries", "line", "log_lines"]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LASTING = (Span(NOW - 10 * DAY),)


def signs_of(**told: Any) -> Signs:
    usual: dict[str, Any] = {"is_active": True, "created_at": NOW - 30 * DAY, "secrets": LASTING}
    return Signs(**(usual | told))


@pytest.mark.parametrize(
    ("told", "reasons", "standing"),
    [
        ({}, [], "good"),
        ({"secrets": ()}, [Reason.NO_SECRET], "failing"),
        ({"secrets": (Span(NOW - 366 * DAY),)}, [Reason.SECRET_OLD], "attention"),
        ({"secrets": (Span(NOW - 365 * DAY),)}, [], "good"),
        ({"secrets": (Span(NOW - DAY, NOW + 6 * DAY),)}, [Reason.SECRET_ENDING], "attention"),
        ({"secrets": (Span(NOW - DAY, NOW + 6 * DAY), *LASTING)}, [], "good"),
        ({"secrets": (Span(NOW - 400 * DAY, NOW + DAY), *LASTING)}, [], "good"),
        ({"last_denied_at": NOW - timedelta(hours=23)}, [Reason.DENIED], "attention"),
        ({"last_denied_at": NOW - timedelta(hours=25)}, [], "good"),
        ({"counts": Counts(quarantined=1)}, [Reason.QUARANTINED], "attention"),
        ({"counts": Counts(stuck=1)}, [Reason.STUCK], "failing"),
        ({"counts": Counts(gaps=1)}, [Reason.GAP], "failing"),
        ({"quiet_hours": 4, "last_delivery_at": NOW - timedelta(hours=5)}, [Reason.QUIET], "failing"),
        ({"quiet_hours": 4, "last_delivery_at": NOW - timedelta(hours=3)}, [], "good"),
        ({"quiet_hours": 4}, [Reason.QUIET], "failing"),  # since it was made
        ({"is_polled": True, "last_poll_at": NOW, "last_poll_code": "denied"}, [Reason.POLL_FAILED], "failing"),
        ({"is_polled": True, "last_poll_at": NOW - 2 * DAY}, [Reason.POLL_LATE], "attention"),
        ({"last_poll_code": "denied"}, [], "good"),
        ({"is_active": False, "secrets": (), "quiet_hours": 1}, [], "good"),
        ({"is_active": False, "counts": Counts(quarantined=1)}, [Reason.QUARANTINED], "attention"),
    ],
)
def test_what_the_signs_come_to(told: dict[str, Any], reasons: list[Reason], standing: str) -> None:
    found = judge(signs_of(**told), NOW)
    assert (list(found.reasons), found.standing) == (reasons, standing)


def test_the_age_is_that_of_the_newest_secret() -> None:
    assert judge(signs_of(secrets=(Span(NOW - 400 * DAY, NOW + DAY), *LASTING)), NOW).secret_age_days == 10
    assert judge(signs_of(secrets=()), NOW).secret_age_days is None


def health(line: Line) -> Health:
    with tenancy.scope(line.organisation_id):
        return signs.health_of(access.connection_of(line.organisation_id, line.connection.id))


def test_the_signs_are_read_from_the_rows(line: Line) -> None:
    line.post(b"not json")
    line.post(b"{}", token="wrong")
    work("intake.process_delivery")
    line.post(b"{ }")
    with tenancy.scope(line.organisation_id):
        deliveries(line.organisation_id).filter(state="accepted").update(
            received_at=datetime.now(UTC) - timedelta(hours=2)
        )
    found = health(line)
    assert (found.signs.denied, found.signs.counts) == (1, Counts(quarantined=1, stuck=1))
    assert list(found.reasons) == [Reason.DENIED, Reason.QUARANTINED, Reason.STUCK]
    assert (found.standing, found.secret_age_days) == ("failing", 0)


def check(cast: Cast) -> int:
    return operations.check_health(actor=Actor.scheduler(cast.organisation_id))


def test_a_change_of_standing_is_told_once(line: Line, cast: Cast, entries: Entries, log_lines: io.StringIO) -> None:
    operations.set_quiet_hours(actor=cast.officer.actor, connection_id=line.connection.id, hours=2)
    assert check(cast) == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=3)):
        assert [check(cast), check(cast)] == [1, 0]
        (entry,) = entries.of("connectors.standing.changed")
        assert (entry.obj, entry.what) == (("connection", line.connection.id), {"standing": "failing", "quiet": True})
        assert log_lines.getvalue().count("connection needs attention") == 1
        line.deliver()
        assert check(cast) == 1
    assert entries.of("connectors.standing.changed")[1].what == {"standing": "good"}


def test_looking_is_the_schedulers_and_the_officers(line: Line, cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        operations.check_health(actor=cast.auditor.actor)
    assert operations.check_health(actor=cast.officer.actor) == 0


def test_health_over_the_api(line: Line, api: APIClient, outsider_api: APIClient) -> None:
    line.post(b"not json")
    work("intake.process_delivery")
    shown = api.get(f"/api/v1/connections/{line.connection.id}").json()
    assert (shown["health"]["standing"], shown["health"]["reasons"]) == ("attention", ["quarantined"])
    assert (shown["health"]["quarantined"], shown["health"]["secret_age_days"]) == (1, 0)
    assert api.get("/api/v1/connections").json()["results"] == [shown]
    assert outsider_api.get("/api/v1/connections").json()["results"] == []


def test_health_in_the_console(line: Line, cast: Cast, console: Any) -> None:
    browser = console(cast.officer)
    page = f"/admin/connectors/connection/{line.connection.id}/change/"
    assert "Deliveries could not be read." not in browser.get(page).content.decode()
    line.post(b"not json")
    work("intake.process_delivery")
    assert "Deliveries could not be read." in browser.get(page).content.decode()
    assert "Connections that need attention" in browser.get("/admin/").content.decode()
    assert "quarantined" in browser.get("/admin/connectors/connection/").content.decode().lower()
