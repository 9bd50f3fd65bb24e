"""ETag and If-Match: nobody overwrites what they have not seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from rest_framework.test import APIClient

from tests.cast import Cast, Member
from tests.compliance.rest.test_problems import CONNECTIONS, assert_problem
from tests.conftest import key_client
from tests.entries import Entries

AGENT = "/api/v1/agents/agent-7"


def put(api: APIClient, name: str, **conditions: str) -> Any:
    headers = {condition.replace("_", "-"): value for condition, value in conditions.items()}
    return api.put(AGENT, {"name": name}, format="json", headers=headers)


def test_a_write_with_the_tag_that_was_read(api: APIClient, entries: Entries) -> None:
    made = put(api, "Ann")
    read = api.get(AGENT)
    assert made["ETag"] == read["ETag"]
    changed = put(api, "Bea", if_match=read["ETag"])
    assert (changed.status_code, changed["ETag"]) == (200, api.get(AGENT)["ETag"])
    before = len(entries)
    assert_problem(put(api, "Cleo", if_match=read["ETag"]), 412, "precondition_failed")
    assert api.get(AGENT).json()["name"] == "Bea"
    assert len(entries) == before


def test_a_list_of_tags_a_star_and_nothing(api: APIClient) -> None:
    tag = put(api, "Ann")["ETag"]
    assert put(api, "Ann", if_match=f'"other", {tag}').status_code == 200
    assert put(api, "Bea", if_match="*").status_code == 200
    assert put(api, "Cleo").status_code == 200
    assert_problem(put(api, "Dora", if_match=f"W/{tag}"), 412, "precondition_failed")


def test_what_does_not_exist_matches_nothing(api: APIClient) -> None:
    assert_problem(put(api, "Ann", if_match="*"), 412, "precondition_failed")
    assert_problem(api.get(AGENT), 404, "not_found")


def test_a_reader_who_has_it_gets_no_body(api: APIClient) -> None:
    tag = put(api, "Ann")["ETag"]
    known = api.get(AGENT, HTTP_IF_NONE_MATCH=f"W/{tag}")
    assert (known.status_code, known.content, known["ETag"]) == (304, b"", tag)
    put(api, "Bea")
    assert api.get(AGENT, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_a_condition_that_cannot_be_checked_is_not_ignored(api: APIClient) -> None:
    answer = api.post(CONNECTIONS, {"platform": "dialgen", "name": "x"}, format="json", HTTP_IF_MATCH='"a"')
    assert_problem(answer, 412, "precondition_failed")
    assert api.get(CONNECTIONS).json()["results"] == []


def test_a_repeated_write_is_answered_although_the_tag_has_moved(api: APIClient) -> None:
    tag = put(api, "Ann")["ETag"]
    first = put(api, "Bea", if_match=tag, idempotency_key="one")
    again = put(api, "Bea", if_match=tag, idempotency_key="one")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again["Idempotent-Replayed"] == "true"


def test_the_schedule_has_a_tag(cast: Cast, signed_in: Callable[[Member], APIClient]) -> None:
    officer = signed_in(cast.officer)
    read = officer.get("/api/v1/retention-schedule")
    document = {"document": read.json()["document"]}
    path = "/api/v1/retention-schedule"
    assert officer.put(path, document, format="json", HTTP_IF_MATCH=read["ETag"]).status_code == 200
    assert_problem(officer.put(path, document, format="json", HTTP_IF_MATCH=read["ETag"]), 412, "precondition_failed")


@pytest.mark.parametrize("path", ["/api/v1/holds/{}", "/api/v1/requests/{}"])
def test_a_tag_does_not_tell_that_something_exists(api: APIClient, path: str) -> None:
    answer = api.get(path.format("00000000-0000-0000-0000-000000000001"), HTTP_IF_NONE_MATCH="*")
    assert_problem(answer, 404, "not_found")
    assert "ETag" not in answer


def test_of_two_writers_with_the_same_tag_one_wins(committed_cast: Cast) -> None:
    tag = put(key_client(committed_cast.robot_key), "Ann")["ETag"]
    together, answers = threading.Barrier(2), []

    def write(name: str) -> None:
        client = key_client(committed_cast.robot_key)
        together.wait()
        answers.append((put(client, name, if_match=tag).status_code, name))
        connections.close_all()

    threads = [threading.Thread(target=write, args=[name]) for name in ("Bea", "Cleo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(status for status, _ in answers) == [200, 412]
    assert key_client(committed_cast.robot_key).get(AGENT).json()["name"] == min(answers)[1]
