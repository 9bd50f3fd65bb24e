"""Endpoints, messages and tries over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from tests.cast import Cast, Member
from tests.compliance.outlet.conftest import Line, announce
from tests.compliance.outlet.receiver import Receiver

ROOT = "/api/v1/webhook-endpoints"
BODY = {"url": "https://hooks.integrator.example/", "event_types": ["disclosure.*"], "description": "cases"}


def create(api: APIClient, **changes: Any) -> Any:
    return api.post(ROOT, BODY | changes, format="json")


def test_an_endpoint_is_made_and_its_secret_told_once(api: APIClient) -> None:
    answer = api.post(ROOT, BODY, format="json", headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["secret"].startswith("whsec_")
    assert {name: made[name] for name in BODY} == BODY
    assert (made["state"], made["missed"], made["failures"]) == ("active", 0, 0)
    again = api.post(ROOT, BODY, format="json", headers={"Idempotency-Key": "k1"}).json()
    assert (again["id"], again["secret"]) == (made["id"], None)
    shown = api.get(f"{ROOT}/{made['id']}").json()
    assert "secret" not in shown
    assert [one["id"] for one in api.get(ROOT).json()["results"]] == [made["id"]]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://10.0.0.1/"}, "url"),
        ({"url": 7}, "url"),
        ({"event_types": ["nothing"]}, "event_types"),
        ({"event_types": "*"}, "event_types"),
        ({"secret": "whsec_mine"}, "secret"),
        ({"description": "\0"}, "description"),
    ],
)
def test_what_cannot_be_used_is_named(api: APIClient, changes: dict[str, Any], field: str) -> None:
    answer = create(api, **changes)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert api.get(ROOT).json()["results"] == []


def test_what_is_named_changes_and_the_rest_stays(api: APIClient) -> None:
    made = create(api).json()
    path = f"{ROOT}/{made['id']}"
    tag = api.get(path)["ETag"]
    answer = api.patch(path, {"event_types": ["*"]}, format="json", headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["event_types"], answer.json()["url"]) == (200, ["*"], BODY["url"])
    late = api.patch(path, {"description": "x"}, format="json", headers={"If-Match": tag})
    assert late.status_code == 412
    assert api.patch(path, {"state": "paused"}, format="json").status_code == 400


def test_it_is_paused_resumed_rotated_and_removed(api: APIClient) -> None:
    made = create(api).json()
    path = f"{ROOT}/{made['id']}"
    assert api.post(f"{path}/pause").json()["state"] == "paused"
    assert api.post(f"{path}/pause").json()["code"] == "not_active"
    assert api.post(f"{path}/test").json()["code"] == "not_active"
    assert api.post(f"{path}/resume").json()["state"] == "active"
    fresh = api.post(f"{path}/rotate-secret", {"overlap_seconds": 0}, format="json").json()
    assert fresh["secret"] not in (None, made["secret"])
    removed = api.delete(path)
    assert (removed.status_code, removed.content) == (204, b"")
    assert [api.get(path).status_code, api.delete(path).status_code] == [404, 404]


def test_the_catalogue_is_read(api: APIClient) -> None:
    found = {one["name"]: one for one in api.get("/api/v1/webhook-event-types").json()}
    assert len(found) == 12
    fields = {one["name"]: one for one in found["request.due.soon"]["fields"]}
    assert fields["respond_by"] == {
        "name": "respond_by", "kind": "date", "text": "the earliest day of its rights", "is_optional": False,
    }  # fmt: skip


def test_the_delivery_log_and_redelivery(cast: Cast, api: APIClient, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(503)
    announce(cast)
    jobs.drain()
    log = f"{ROOT}/{line.id}/dispatches"
    (waiting,) = api.get(log, {"state": "waiting"}).json()["results"]
    assert (waiting["tries"], waiting["last_code"], waiting["type"]) == (1, "overloaded", "request.state.changed")
    assert waiting["next_try_at"] is not None
    assert api.get(log, {"state": "failed"}).json()["results"] == []
    assert api.get(log, {"state": "lost"}).status_code == 400
    (message,) = api.get("/api/v1/webhook-messages", {"type": "request.state.changed"}).json()["results"]
    assert message["body"].encode() == receiver.got[0].body
    assert message["webhook_id"] == receiver.got[0].id
    assert api.get("/api/v1/webhook-messages", {"type": "webhook.test"}).json()["results"] == []
    path = f"/api/v1/webhook-messages/{message['id']}"
    assert api.get(path).json() == message
    line.row  # noqa: B018  # still there
    again = api.post(f"{path}/redeliver", {"endpoint_id": str(line.id)}, format="json")
    assert (again.status_code, again.json()["id"]) == (202, waiting["id"])


def test_tries_are_read_newest_first(cast: Cast, api: APIClient, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(500)
    announce(cast)
    jobs.settle(times=1)
    (message,) = api.get("/api/v1/webhook-messages").json()["results"]
    tries = api.get(f"/api/v1/webhook-messages/{message['id']}/attempts").json()["results"]
    assert [(one["number"], one["status_code"], one["code"]) for one in tries] == [
        (2, 204, "accepted"), (1, 500, "failed"),
    ]  # fmt: skip
    assert {one["endpoint_id"] for one in tries} == {str(line.id)}


def test_everything_given_up_goes_again(api: APIClient, line: Line) -> None:
    path = f"{ROOT}/{line.id}/redeliver-failed"
    answer = api.post(path, {"since": "2026-11-01T00:00:00Z"}, format="json")
    assert (answer.status_code, answer.json()) == (202, {"count": 0})
    assert api.post(path, {}, format="json").status_code == 400


def test_a_test_is_sent(api: APIClient, line: Line, receiver: Receiver, jobs: Any) -> None:
    answer = api.post(f"{ROOT}/{line.id}/test")
    assert (answer.status_code, answer.json()["type"]) == (202, "webhook.test")
    jobs.drain()
    assert receiver.types == ["webhook.test"]


@pytest.mark.parametrize("who", ["auditor", "engineer", "colleague"])
def test_who_reads_does_not_write(cast: Cast, signed_in: Callable[[Member], APIClient], line: Line, who: str) -> None:
    reader, officer = signed_in(getattr(cast, who)), signed_in(cast.officer)
    for path in (ROOT, f"{ROOT}/{line.id}", f"{ROOT}/{line.id}/dispatches", "/api/v1/webhook-messages"):
        assert reader.get(path).status_code == 200
    for client, status in ((reader, 403), (officer, 200)):
        assert client.post(f"{ROOT}/{line.id}/rotate-secret", {}, format="json").status_code == status


def test_a_stranger_finds_nothing(cast: Cast, outsider_api: APIClient, line: Line, jobs: Any) -> None:
    announce(cast)
    message_id = line.dispatches[0].message_id
    for theirs, never in ((line.id, uuid4()), (message_id, uuid4())):
        for root in (ROOT, "/api/v1/webhook-messages"):
            one, other = (outsider_api.get(f"{root}/{id_}") for id_ in (theirs, never))
            assert (one.status_code, one.json()) == (404, other.json())
    assert outsider_api.get("/api/v1/webhook-messages").json()["results"] == []
