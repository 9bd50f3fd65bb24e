"""Coverage, trend, worst agents, spoken rates: figures of the audits that hold, as JSON, CSV and a page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts import tenancy
from accounts.actors import Actor
from compliance.connectors import operations as connectors
from compliance.disclosure import reports
from compliance.disclosure.operations import auditing, figures, overrides, prompts
from compliance.disclosure.operations.overrides import NewOverride
from compliance.disclosure.reports import Period, Table
from compliance.errors import Invalid
from tests.cast import Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import DISCLOSED, TOLD, UNTOLD, Hold
from tests.walks.desk import Desk, list_of

PATH = "/api/v1/disclosure/reports"
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARCH = {"from": "2026-03-01", "until": "2026-03-31"}


@pytest.fixture
def two_weeks(cast: Cast, agent: Any, held_call: Hold, jobs: Any, time_machine: Any) -> None:
    """A prompt that discloses; in its first week three calls of four told the caller, in the second one of two."""
    time_machine.move_to(MONDAY - timedelta(hours=2))
    prompts.submit_prompt(actor=cast.engineer.actor, agent=agent.id, text=DISCLOSED)
    jobs.drain()
    for week, said in enumerate(((TOLD, TOLD, TOLD, UNTOLD), (TOLD, UNTOLD))):
        for number, words in enumerate(said):
            at = MONDAY + timedelta(days=7 * week, minutes=number)
            held_call(words, name=f"call_{week}_{number}", started_at=at)
    held_call((), name="call_without_words", started_at=MONDAY)
    jobs.drain()


def asked(api: APIClient, name: str, **query: str) -> list[dict[str, Any]]:
    answer = api.get(f"{PATH}/{name}", MARCH | query)
    assert answer.status_code == 200, answer.json()
    found = answer.json()
    assert all(list(row) == found["columns"] or set(found["columns"]) <= set(row) for row in found["rows"])
    return list(found["rows"])


def test_coverage_counts_what_was_judged_of_what_there_is(api: APIClient, agent: Any, two_weeks: None) -> None:
    calls, in_force = asked(api, "coverage")
    assert (calls["what"], calls["agent"], calls["agent_name"]) == ("calls", str(agent.id), "agent_frontdesk")
    assert (calls["total"], calls["readable"], calls["audited"], calls["share"]) == (7, 6, 6, 1.0)
    assert (calls["pass"], calls["review"], calls["fail"]) == (4, 0, 2)
    assert (in_force["what"], in_force["total"], in_force["audited"], in_force["pass"]) == ("prompts", 1, 1, 1)


def test_a_call_that_nobody_judged_lowers_it(api: APIClient, held_call: Hold, two_weeks: None, jobs: Any) -> None:
    held_call(TOLD, name="call_new", started_at=MONDAY)
    calls = asked(api, "coverage")[0]
    assert (calls["readable"], calls["audited"], calls["share"]) == (7, 6, 0.8571)


@pytest.mark.parametrize(("by", "keys"), [("place", [None, "US-CA"]), ("language", [None, "en-US"])])
def test_coverage_by_place_and_language(api: APIClient, two_weeks: None, by: str, keys: list[str]) -> None:
    assert [row[by] for row in asked(api, "coverage", by=by)] == keys


def test_the_trend_is_by_week_of_the_call(api: APIClient, two_weeks: None) -> None:
    found = [(row["week"], row["what"], row["pass"], row["fail"], row["pass_share"]) for row in asked(api, "trend")]
    assert found == [
        ("2026-03-02", "calls", 3, 1, 0.75),
        ("2026-03-02", "prompts", 1, 0, 1.0),
        ("2026-03-09", "calls", 1, 1, 0.5),
    ]


def test_an_audit_that_was_overtaken_counts_no_more(
    cast: Cast, api: APIClient, held_call: Hold, two_weeks: None, jobs: Any
) -> None:
    overrides.set_override(actor=cast.officer.actor, new=NewOverride("US-CA", "express", False, "Counsel"))
    jobs.drain()
    assert [(row["audited"], row["pass"]) for row in asked(api, "trend")] == [(4, 0), (1, 0), (2, 0)]


def test_the_worst_agents_come_first(cast: Cast, api: APIClient, held_call: Hold, two_weeks: None, jobs: Any) -> None:
    bad = connectors.register_agent(actor=cast.engineer.actor, external_id="agent_bad")
    room.describe(cast, bad, ["en-US"], ["US-CA"])
    held_call(UNTOLD, name="call_bad", started_at=MONDAY, agent_id="agent_bad")
    jobs.drain()
    found = [(row["agent_name"], row["audited"], row["fail"], row["fail_share"]) for row in asked(api, "agents")]
    assert found == [("agent_bad", 1, 1, 1.0), ("agent_frontdesk", 6, 2, 0.3333)]


def test_how_often_the_prompts_words_were_spoken(api: APIClient, two_weeks: None) -> None:
    found = [
        (row["version"], row["week"], row["spoken"], row["not_spoken"], row["spoken_share"])
        for row in asked(api, "speech")
    ]
    assert found == [(1, "2026-03-02", 3, 1, 0.75), (1, "2026-03-09", 1, 1, 0.5)]


def test_each_report_is_a_handful_of_queries(
    cast: Cast, two_weeks: None, django_assert_max_num_queries: Callable[[int], CaptureQueriesContext]
) -> None:
    period = Period(date(2026, 3, 1), date(2026, 3, 31))
    savepoint = 2
    for name, most in (("coverage", 5), ("trend", 2), ("agents", 3), ("speech", 3)):
        with tenancy.scope(cast.organisation_id), django_assert_max_num_queries(most + savepoint):
            figures.report(actor=cast.engineer.actor, name=name, period=period)


# --- the ways out -----------------------------------------------------------------------------------------------------


def test_csv_has_the_same_rows_and_says_which_overrides_hold(
    cast: Cast, api: APIClient, two_weeks: None, jobs: Any
) -> None:
    new = NewOverride("FR", "express", True, "Counsel, 3 May")
    overrides.set_override(actor=cast.officer.actor, new=new)
    answer = api.get(f"{PATH}/speech", MARCH | {"as": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "disclosure-speech-2026-03-01-2026-03-31.csv" in answer["Content-Disposition"]
    head, first, second, said = answer.content.decode().splitlines()
    assert head == "agent,agent_name,version,week,spoken,not_spoken,unclear,spoken_share"
    assert first.endswith(",agent_frontdesk,1,2026-03-02,3,1,0,0.75")
    assert second.endswith(",1,1,0,0.5")
    assert said == '"# override: FR is judged as express, with purpose (Counsel, 3 May)"'


def test_a_name_is_no_formula() -> None:
    period = Period(date(2026, 3, 1), date(2026, 3, 31))
    names = ("=1+1", "+1", "-1", "@x", "\tx", "plain", -1, None)
    table = Table("agents", period, ("agent_name",), [{"agent_name": name} for name in names])
    assert reports.as_csv(table).splitlines()[1:] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "plain", "-1", '""']


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "March"}, 400),
        ({"from": "2026-04-01", "until": "2026-03-01"}, 400),
        ({"from": "2020-01-01", "until": "2026-03-01"}, 400),
        ({"by": "person"}, 400),
        ({"as": "pdf"}, 400),
        ({}, 200),
    ],
)
def test_what_cannot_be_counted_is_named(api: APIClient, agent: Any, query: dict[str, str], status: int) -> None:
    assert api.get(f"{PATH}/coverage", query).status_code == status
    assert api.get(f"{PATH}/everything").status_code == 404


def test_the_last_ninety_days_are_counted_where_nothing_is_said() -> None:
    found = Period.read("", "", date(2026, 11, 22))
    assert (found.first, found.last, (found.last - found.first).days) == (date(2026, 8, 25), date(2026, 11, 22), 89)
    with pytest.raises(Invalid):
        Period.read("", "yesterday", date(2026, 11, 22))


def test_the_outsider_counts_nothing_of_ours(outsider_api: APIClient, two_weeks: None) -> None:
    for name in reports.NAMES:
        assert asked(outsider_api, name) == []


def test_the_console_shows_and_gives_them(cast: Cast, console: Any, two_weeks: None) -> None:
    desk = Desk(console(cast.auditor))
    page = desk.open(list_of("disclosure.Report"))
    for words in ("Coverage", "agent_frontdesk", "Verdicts by week", "75.0%"):
        assert words in page
    given = desk.press("disclosure.Report", "download", report="trend", by="", first="2026-03-01", last="2026-03-31")
    assert given.words.startswith("week,what,audited,pass,review,fail,pass_share 2026-03-02,calls,4,3,0,1,0.75")
    wrong = desk.press("disclosure.Report", "download", report="trend", by="", first="2026-04-01", last="2026-03-01")
    assert wrong.status == 400


def test_an_audit_by_anybody_counts_the_same(cast: Cast, api: APIClient, held_call: Hold, two_weeks: None) -> None:
    call_id = held_call(TOLD, name="call_officer", started_at=MONDAY)
    for _ in range(2):
        auditing.audit_call(actor=Actor.scheduler(cast.organisation_id), call_id=call_id)
    assert asked(api, "coverage")[0]["audited"] == 7
