"""Imports by API, by console and by command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from tests.cast import Member
from tests.compliance.connectors.platforms import BEGUN, Fault
from tests.compliance.intake.phones import Phone, far, phone

__all__ = ["far", "phone"]
SINCE, UNTIL = (BEGUN - timedelta(days=1)).isoformat(), (BEGUN + timedelta(days=1)).isoformat()


def start(client: APIClient, phone: Phone, **fields: Any) -> Any:
    body = {"connection_id": str(phone.connection_id), "since": SINCE, "until": UNTIL} | fields
    return client.post("/api/v1/imports", body, format="json")


def test_a_history_by_api(phone: Phone, api: APIClient, jobs: Any) -> None:
    phone.far.add_calls(4)
    made = start(api, phone)
    assert (made.status_code, made.json()["state"], made.json()["kind"]) == (202, "running", "history")
    url = f"/api/v1/imports/{made.json()['id']}"
    assert api.post(f"{url}/stop").json()["state"] == "stopped"
    assert api.post(f"{url}/stop").status_code == 409
    resumed = api.post(f"{url}/resume")
    assert (resumed.status_code, resumed.json()["state"]) == (202, "running")
    jobs.drain()
    found = api.get(url).json()
    assert (found["state"], found["seen"], found["registered"], found["code"]) == ("finished", 4, 4, "")
    assert [one["id"] for one in api.get("/api/v1/imports").json()["results"]] == [found["id"]]
    assert api.get("/api/v1/imports?kind=recent").json()["results"] == []
    assert api.get("/api/v1/imports?state=failed").json()["results"] == []
    assert len(api.get(f"/api/v1/imports?connection_id={phone.connection_id}").json()["results"]) == 1
    assert api.get("/api/v1/imports?kind=odd").status_code == 400


def test_agents_by_api(phone: Phone, api: APIClient, outsider_api: APIClient, jobs: Any) -> None:
    url = f"/api/v1/connections/{phone.connection_id}/pull-agents"
    assert outsider_api.post(url).status_code == 404
    answer = api.post(url)
    assert (answer.status_code, answer.json()) == (202, {"connection_id": str(phone.connection_id)})
    assert jobs.names == ["intake.pull_agents"]


def test_somebody_elses_import_is_not_there(phone: Phone, api: APIClient, outsider_api: APIClient) -> None:
    run_id = start(api, phone).json()["id"]
    assert start(outsider_api, phone).status_code == 404
    assert outsider_api.get(f"/api/v1/imports/{run_id}").status_code == 404
    assert outsider_api.post(f"/api/v1/imports/{run_id}/stop").status_code == 404
    assert outsider_api.get("/api/v1/imports").json()["results"] == []


def test_who_may_by_session(phone: Phone, signed_in: Callable[[Member], APIClient]) -> None:
    auditor, officer = signed_in(phone.cast.auditor), signed_in(phone.cast.officer)
    assert start(auditor, phone).status_code == 403
    run_id = start(officer, phone).json()["id"]
    assert auditor.get(f"/api/v1/imports/{run_id}").status_code == 200
    assert auditor.post(f"/api/v1/imports/{run_id}/stop").status_code == 403
    assert signed_in(phone.cast.engineer).get(f"/api/v1/imports/{run_id}").status_code == 403


@pytest.mark.parametrize("fields", [{"until": SINCE}, {"since": "x"}, {"more": 1}, {"connection_id": None}])
def test_what_cannot_be_asked_for(phone: Phone, api: APIClient, fields: dict[str, Any]) -> None:
    assert start(api, phone, **fields).status_code == 400


# --- the console ------------------------------------------------------------------------------------------------------


def test_the_console_shows_and_starts_imports(phone: Phone, console: Callable[[Member], Client], jobs: Any) -> None:
    phone.far.add_calls(4)
    officer = console(phone.cast.officer)
    url = reverse("admin:intake_importrun_changelist")
    assert "Nothing was imported" in officer.get(url).content.decode()
    asked = f"{url}start-history/"
    assert "TestPhone" in officer.get(asked).content.decode()
    days = {"since": BEGUN.date().isoformat(), "until": BEGUN.date().isoformat()}
    answer = officer.post(asked, {"connection_id": str(phone.connection_id)} | days)
    assert answer.status_code == 302, answer.content
    jobs.drain()
    assert '<progress class="cw-bar" aria-label="Progress" value="4" max="4">' in officer.get(url).content.decode()
    page = officer.get(answer["Location"]).content.decode()
    assert "4 of 4" in page
    assert "Finished" in page or "finished" in page


def test_who_sees_what_in_the_console(phone: Phone, console: Callable[[Member], Client]) -> None:
    url = reverse("admin:intake_importrun_changelist")
    assert console(phone.cast.auditor).get(url).status_code == 200
    assert console(phone.cast.auditor).get(f"{url}start-history/").status_code == 403
    assert console(phone.cast.engineer).get(url).status_code == 403
    assert "TestPhone" not in console(phone.cast.outsider).get(f"{url}start-history/").content.decode()


# --- the command ------------------------------------------------------------------------------------------------------


def pull(phone: Phone, *options: str) -> None:
    call_command("pull_history", str(phone.connection_id), "--since", SINCE, *options)


def test_a_history_by_command(phone: Phone, capsys: Any) -> None:
    phone.far.add_calls(8)
    pull(phone, "--until", UNTIL)
    assert "finished: 8 seen; 8 new, 0 known, 0 refused, 0 failed" in capsys.readouterr().out
    pull(phone, "--as", "officer@harbor.example")
    assert "0 new, 8 known" in capsys.readouterr().out
    assert phone.runs("history")[0].started_by.startswith("person:")


def test_a_command_that_is_refused(phone: Phone) -> None:
    phone.far.faults.append(Fault(403))
    with pytest.raises(CommandError) as refused:
        pull(phone)
    assert refused.value.returncode == 75
    with pytest.raises(CommandError):
        pull(phone, "--until", "2020-01-01")
    with pytest.raises(CommandError):
        pull(phone, "--as", "auditor@harbor.example")
