"""Recordings that lie at their platform only: the list, and the alarm before the platform deletes them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from accounts.errors import NotAllowed
from compliance.connectors.facts import Absence, RecordingFacts
from compliance.recordings import tasks
from compliance.recordings.operations import erasing, watching
from tests.cast import Cast
from tests.compliance.calls import Entries, Line, Media, respond, work
from tests.compliance.recordings.platforms import (
    CALL,
    FakePlatform,
    api,
    platform,
    recording,
    register,
    sound,
    told,
)

__all__ = ["api", "platform"]

FETCH = "recordings.fetch_recording"
PATH = "/api/v1/artifacts/not-secured"
ALARM = "recordings.artifact.alarmed"


def today() -> date:
    return datetime.now(UTC).date()


def watch(line: Line) -> int:
    return watching.watch_expiry(actor=Actor.scheduler(line.organisation_id))


@pytest.fixture
def missing(line: Line, media: Media, platform: FakePlatform) -> Line:
    """A recording that cannot be had, and which the platform deletes in ten days."""
    media.answer = respond(b"", status="404 Not Found")
    platform.gone_on = today() + timedelta(days=10)
    register(line, told(sound(media.url)))
    work(FETCH)
    return line


def test_the_alarm_is_raised_once_for_each_threshold(missing: Line, entries: Entries, log_lines: io.StringIO) -> None:
    raised: list[tuple[object, object]] = []
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        for _ in range(13):
            clock.shift(timedelta(days=1))
            watch(missing)
            watch(missing)
            raised += [(entry.what["code"], entry.obj[1]) for entry in entries.of(ALARM)[len(raised) :]]
    id_ = recording(missing).id
    assert raised == [("within_3_days", id_), ("within_1_day", id_), ("platform_deletes_today", id_)]
    assert log_lines.getvalue().count("recording not secured") == 3
    (first, *_) = entries.of(ALARM)
    assert (first.what["failure"], first.what["state"]) == ("not_found", "retry_wait")
    assert recording(missing).alarm == "platform_deletes_today"


def test_what_is_stored_meanwhile_raises_none(missing: Line, media: Media, entries: Entries) -> None:
    from tests.compliance.calls import MP3

    media.answer = respond(MP3.read_bytes())
    with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
        work(FETCH)
        assert recording(missing).state == "stored"
        assert watch(missing) == 0
    assert entries.of(ALARM) == []


def test_the_first_tries_are_no_news(line: Line, platform: FakePlatform, media: Media) -> None:
    platform.gone_on = today()
    register(line, told(sound(media.url)))
    assert watch(line) == 0
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61)):
        assert watch(line) == 1


@pytest.mark.parametrize("can_renew", [True, False])
def test_a_link_that_ends_counts_where_nobody_renews_it(
    line: Line, platform: FakePlatform, media: Media, request: pytest.FixtureRequest, can_renew: bool
) -> None:
    if can_renew:
        request.getfixturevalue("api")
    register(line, told(sound(media.url, expires_at=datetime.now(UTC) + timedelta(days=1, hours=2))))
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        assert watch(line) == (0 if can_renew else 1)


def test_what_was_never_there_is_not_missed(line: Line, platform: FakePlatform, entries: Entries) -> None:
    register(line, told(RecordingFacts(url="", absence=Absence.ABSENT)))
    with tenancy.scope(line.organisation_id):
        assert watching.not_secured(line.organisation_id).count() == 0


def test_an_erased_call_is_not_missed(missing: Line) -> None:
    with tenancy.scope(missing.organisation_id):
        assert watching.not_secured(missing.organisation_id).count() == 1
        erasing.mark_call_erasing(erasing.lock_call(missing.organisation_id, missing.call(CALL).id))
        assert watching.not_secured(missing.organisation_id).count() == 0


def test_every_organisation_is_watched(missing: Line, outside_line: Line, entries: Entries) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(days=9)):
        tasks.watch_expiry()
    assert len(entries.of(ALARM)) == 1


def test_only_who_may_register_watches(missing: Line, cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        watching.watch_expiry(actor=cast.engineer.actor)
    watching.watch_expiry(actor=cast.officer.actor)


@pytest.mark.parametrize(
    ("days", "stage"),
    [(-5, "platform_deletes_today"), (0, "platform_deletes_today"), (1, "within_1_day"), (3, "within_3_days"), (4, "")],
)
def test_stages(days: int, stage: str) -> None:
    assert watching.stage_of(days) == stage


class TestList:
    def test_what_it_tells(self, missing: Line, api: Any, cast: Cast, signed_in: Callable[..., APIClient]) -> None:
        answer = signed_in(cast.officer).get(PATH)
        assert answer.status_code == 200, answer.content
        (row,) = answer.json()["results"]
        found = recording(missing)
        assert (row["artifact_id"], row["call_id"]) == (str(found.id), str(missing.call(CALL).id))
        assert (row["state"], row["code"], row["days_left"]) == ("retry_wait", "not_found", 10)
        assert row["gone_on"] == (today() + timedelta(days=10)).isoformat()

    @pytest.mark.parametrize(("days", "rows"), [(3, 0), (10, 1)])
    def test_by_days(
        self, missing: Line, cast: Cast, signed_in: Callable[..., APIClient], days: int, rows: int
    ) -> None:
        answer = signed_in(cast.officer).get(f"{PATH}?within_days={days}")
        assert len(answer.json()["results"]) == rows
        assert signed_in(cast.officer).get(f"{PATH}?within_days=soon").status_code == 400

    def test_somebody_elses_are_not_on_it(self, missing: Line, outsider_api: APIClient) -> None:
        answer = outsider_api.get(PATH)
        assert (answer.status_code, answer.json()["results"]) == (200, [])

    def test_the_overview_counts_them(self, missing: Line, cast: Cast, console: Callable[..., Any]) -> None:
        page = console(cast.officer).get("/admin/").content.decode()
        assert "Not secured" in page
        assert "at their platforms only" in page
        with time_machine.travel(datetime.now(UTC) + timedelta(days=8)):
            assert (
                "1 are deleted at the platform within 3 days" in console(cast.officer).get("/admin/").content.decode()
            )
