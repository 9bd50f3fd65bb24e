"""Idempotency-Key: asked twice, done once, answered twice."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from rest_framework.test import APIClient

from accounts import idempotency, tasks, tenancy
from accounts.models import IdempotencyRecord
from tests.cast import Cast
from tests.compliance.rest.test_problems import CONNECTIONS, assert_problem
from tests.conftest import key_client
from tests.entries import Entries

BODY = {"platform": "dialgen", "name": "Main"}


def post(api: APIClient, key: str, body: Any = None, path: str = CONNECTIONS) -> Any:
    return api.post(path, BODY if body is None else body, format="json", HTTP_IDEMPOTENCY_KEY=key)


def ids(api: APIClient) -> list[str]:
    return [row["id"] for row in api.get(CONNECTIONS).json()["results"]]


def test_the_same_again_is_the_same_answer(api: APIClient, entries: Entries) -> None:
    first, again = post(api, "one"), post(api, "one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert ids(api) == [first.json()["id"]] == [again.json()["id"]]
    assert entries.events == ["connectors.connection.created"]
    told_once = {"token", "webhook_url_with_token"}
    assert {name for name in first.json() if first.json()[name] != again.json()[name]} == told_once


def test_no_answer_is_kept(api: APIClient, cast: Cast) -> None:
    token = post(api, "one").json()["token"]
    with tenancy.scope(cast.organisation_id), connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(r)::text FROM accounts_idempotencyrecord r")
        ((row,),) = cursor.fetchall()
    assert token not in row
    assert "Main" not in row
    assert '"one"' not in row


@pytest.mark.parametrize(
    ("path", "body"),
    [(CONNECTIONS, BODY | {"name": "Other"}), (f"{CONNECTIONS}?x=1", BODY), ("/api/v1/requests", BODY)],
)
def test_the_same_key_for_something_else_is_refused(api: APIClient, path: str, body: Any) -> None:
    post(api, "one")
    assert_problem(post(api, "one", body, path), 409, "idempotency_key_reused")
    assert len(ids(api)) == 1


def test_keys_belong_to_those_who_use_them(api: APIClient, outsider_api: APIClient) -> None:
    mine, theirs = post(api, "one").json()["id"], post(outsider_api, "one").json()["id"]
    assert mine != theirs
    assert (ids(api), ids(outsider_api)) == ([mine], [theirs])


def test_what_was_refused_may_be_mended_under_the_same_key(api: APIClient) -> None:
    assert_problem(post(api, "one", BODY | {"platform": "telegraph"}), 400, "invalid")
    assert post(api, "one").status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_keys_that_are_none(api: APIClient, key: str) -> None:
    assert_problem(post(api, key), 400, "idempotency_key_invalid")
    assert ids(api) == []


def test_a_key_is_forgotten_after_a_day(api: APIClient, cast: Cast) -> None:
    first = post(api, "one").json()["id"]
    with time_machine.travel(datetime.now(UTC) + idempotency.KEPT_FOR + timedelta(minutes=1)):
        second = post(api, "one", BODY | {"name": "Other"}).json()["id"]
        assert ids(api) == [second, first]
    with time_machine.travel(datetime.now(UTC) + 3 * idempotency.KEPT_FOR):
        tasks.forget_idempotency_keys()
    with tenancy.scope(cast.organisation_id):
        assert not IdempotencyRecord.objects.for_organisation(cast.organisation_id).exists()


def test_of_two_at_once_one_is_refused_and_changes_nothing(committed_cast: Cast) -> None:
    """The first has done its work and has not committed; the second does the same work and finds out at its end."""
    robot, key = committed_cast.robot, "one"
    body = json.dumps(BODY).encode()
    asked = idempotency.read(robot, key, method="POST", path=CONNECTIONS, body=body)
    answers: list[Any] = []

    def second() -> None:
        client = key_client(committed_cast.robot_key)
        answers.append(client.post(CONNECTIONS, body, content_type="application/json", HTTP_IDEMPOTENCY_KEY=key))
        connections.close_all()

    thread = threading.Thread(target=second)
    with tenancy.scope(robot.organisation_id):
        idempotency.remember(asked, status=201, resource_id=None)
        thread.start()
        _until_somebody_waits()
    thread.join(timeout=20)
    assert_problem(answers[0], 409, "idempotency_in_flight")
    assert ids(key_client(committed_cast.robot_key)) == []


def _until_somebody_waits() -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            (waiting,) = cursor.fetchone() or (0,)
        if waiting:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")
