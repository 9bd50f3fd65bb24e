from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.test import Client
from rest_framework.test import APIClient

from accounts import operations as accounts
from accounts import tenancy
from compliance.recordings.operations import erasing
from tests.cast import Cast
from tests.compliance.calls import WORDS, Entries, Line
from tests.conftest import key_client


def test_calls_newest_first_by_pages(line: Line, api: APIClient) -> None:
    for number in range(5):
        line.deliver(id=f"call_{number}")
    first = api.get("/api/v1/calls?limit=3").json()
    second = api.get(f"/api/v1/calls?limit=3&cursor={first['next_cursor']}").json()
    told = [call["external_id"] for page in (first, second) for call in page["results"]]
    assert told == [f"call_{number}" for number in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None
    for secret in ("4155550132", "Delgado", "contact_2001"):
        assert secret not in str(first)


def test_filters(line: Line, api: APIClient) -> None:
    line.deliver(id="a")
    line.deliver(id="b", batchId="", agentId="other", startTime="2026-05-01T00:00:00Z", endTime=None)
    agent = line.call("a").agent_id

    def found(query: str) -> set[str]:
        answer = api.get(f"/api/v1/calls?{query}")
        assert answer.status_code == 200, answer.content
        return {call["external_id"] for call in answer.json()["results"]}

    assert found("batch=batch_march_a") == {"a"}
    assert found("agent=other") == {"b"}
    assert found(f"agent={agent}") == {"a"}
    assert found("since=2026-04-01T00:00:00Z") == {"b"}
    assert found("since=2026-04-01T00:00:00%2B00:00&until=2026-05-01T00:00:00Z") == set()
    assert found("until=2026-04-01T00:00:00%2B00:00") == {"a"}
    assert found("state=active") == {"a", "b"}
    assert found("state=erased") == set()


def test_bad_filters_name_themselves(api: APIClient) -> None:
    for query, field in (
        ("state=odd", "state"), ("since=yesterday", "since"), ("until=2026-03-01T00:00:00", "until"),
        ("limit=0", "limit"), ("cursor=x", "cursor"), ("colour=red", "colour"), ("since=2026-13-01T00:00:00Z", "since"),
    ):  # fmt: skip
        answer = api.get(f"/api/v1/calls?{query}")
        assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json"), query
        assert list(answer.json()["errors"]) == [field]


def test_one_call_with_its_artifacts_and_places(played_line: Line, api: APIClient) -> None:
    call = played_line.call()
    answer = api.get(f"/api/v1/calls/{call.id}")
    assert answer.json() == api.get("/api/v1/calls/call_9f31").json()
    artifacts = {one["kind"]: one for one in answer.json()["artifacts"]}
    assert set(artifacts) == {"recording", "transcript", "summary", "delivery"}
    recording = artifacts["recording"]
    assert (recording["state"], recording["codec"], len(recording["sha256"])) == ("stored", "mp3", 64)
    assert {place["place"] for place in recording["locations"]} == {"platform", "store"}
    assert {"due_on", "retention_rule", "retention_reason"} <= set(recording)
    assert "signature" not in answer.content.decode()


def test_other_organisations_see_nothing(played_line: Line, outsider_api: APIClient) -> None:
    call, recording = played_line.call(), played_line.artifacts()["recording"]
    absent = outsider_api.get(f"/api/v1/calls/{uuid4()}").json()
    for answer in (
        outsider_api.get(f"/api/v1/calls/{call.id}"),
        outsider_api.get("/api/v1/calls/call_9f31"),
        outsider_api.get(f"/api/v1/calls/{call.id}/transcript"),
        outsider_api.post(f"/api/v1/artifacts/{recording.id}/links", {"purpose": "test"}, format="json"),
        outsider_api.get("/api/v1/call/get-metric?callId=call_9f31"),
        outsider_api.get("/api/v1/call/get-batch?batchId=batch_march_a"),
    ):
        assert answer.status_code == 404
        if "success" not in answer.json():
            assert answer.json() == absent
    assert outsider_api.get("/api/v1/calls").json()["results"] == []


def test_nobody_gets_in_without_a_key(line: Line) -> None:
    for path in ("/api/v1/calls", "/api/v1/connections", "/api/v1/deliveries", "/api/v1/call/get-metric?callId=x"):
        assert Client().get(path).status_code == 401


def test_the_words(line: Line, api: APIClient, entries: Entries) -> None:
    line.deliver()
    answer = api.get("/api/v1/calls/call_9f31/transcript")
    assert answer.status_code == 200
    turns = answer.json()["transcription"]
    assert [(turn["role"], turn["content"]) for turn in turns] == [(turn["role"], turn["content"]) for turn in WORDS]
    assert answer["Cache-Control"] == "private, no-store"
    (entry,) = entries.of("recordings.artifact.opened")
    assert entry.why == {"purpose": "quality_assurance"}  # the key's default
    api.get("/api/v1/calls/call_9f31/transcript?purpose=dispute")
    assert entries.of("recordings.artifact.opened")[-1].why == {"purpose": "dispute"}


def test_a_key_without_the_right_opens_no_content(played_line: Line, cast: Cast) -> None:
    _, text = accounts.issue_api_key(actor=cast.owner.actor, name="reader", scopes=["calls:read"])
    reader = key_client(text)
    recording = played_line.artifacts()["recording"]
    assert reader.get("/api/v1/calls/call_9f31").status_code == 200
    assert reader.get("/api/v1/calls/call_9f31/transcript").status_code == 403
    assert reader.post(f"/api/v1/artifacts/{recording.id}/links", {}, format="json").status_code == 403
    answer = reader.get("/api/v1/call/get-metric?callId=call_9f31")
    assert (answer.status_code, answer.json()["success"]) == (403, False)


class TestLinks:
    def post(self, api: APIClient, line: Line, body: Any, **headers: str) -> Any:
        path = f"/api/v1/artifacts/{line.artifacts()['recording'].id}/links"
        return api.post(path, body, format="json", headers=headers)

    def test_a_link_plays_and_ends(self, played_line: Line, api: APIClient) -> None:
        answer = self.post(api, played_line, {"purpose": "complaint", "lifetime_seconds": 60})
        assert answer.status_code == 201
        link = answer.json()
        path = link["url"].partition("testserver")[2]
        assert Client().get(path, headers={"Range": "bytes=0-9"}).status_code == 206
        assert api.delete(f"/api/v1/links/{link['id']}").status_code == 204
        assert Client().get(path).status_code == 404
        assert api.delete(f"/api/v1/links/{uuid4()}").status_code == 404

    def test_the_same_request_again_is_the_same_link(self, played_line: Line, api: APIClient) -> None:
        headers = {"Idempotency-Key": "one"}
        first = self.post(api, played_line, {}, **headers)
        again = self.post(api, played_line, {}, **headers)
        assert (again.status_code, again.json()) == (201, first.json())
        assert self.post(api, played_line, {"purpose": "other"}, **headers).status_code == 409

    def test_bad_input(self, played_line: Line, api: APIClient) -> None:
        for body, field in (
            ({"colour": 1}, "colour"),
            ({"lifetime_seconds": 3601}, "lifetime_seconds"),
            ({"purpose": "x" * 101}, "purpose"),
        ):  # fmt: skip
            answer = self.post(api, played_line, body)
            assert answer.status_code == 400
            assert list(answer.json()["errors"]) == [field]


class TestDialGensOwnCalls:
    def test_get_metric(self, played_line: Line, api: APIClient, entries: Entries) -> None:
        query = "callId=call_9f31&userId=user_456&agentId=agent_frontdesk&contactId=contact_2001"
        answer = api.get(f"/api/v1/call/get-metric?{query}")
        assert answer.status_code == 200
        told = answer.json()
        data = told["callData"]
        assert told["success"] is True
        assert (data["id"], data["duration"], data["status"], data["direction"]) == (
            "call_9f31", 27, "COMPLETED", "OUTBOUND",
        )  # fmt: skip
        assert (data["phoneNumber"], data["contactName"]) == ("+14155550132", "Maria Delgado")
        assert [turn["content"] for turn in data["transcription"]] == [turn["content"] for turn in WORDS]
        assert (data["summary"], data["metricJson"]) == (
            "Caller moved a cleaning appointment.",
            {"intent": "RESCHEDULE"},
        )
        played = Client().get(data["recordingUrl"].partition("testserver")[2], headers={"Range": "bytes=0-2"})
        assert played.status_code == 206
        opened = [entry.why["purpose"] for entry in entries if entry.cls == "access"]
        assert set(opened) == {"quality_assurance"}
        assert len(opened) == 5  # facts, words, summary, the link, and what was played by it

    def test_without_sound_there_is_no_address(self, line: Line, api: APIClient) -> None:
        line.deliver(recordingUrl=None, transcription=None, summary=None, metricJson=None)
        data = api.get("/api/v1/call/get-metric?callId=call_9f31").json()["callData"]
        assert (data["recordingUrl"], data["transcription"], data["summary"]) == (None, [], None)

    def test_ids_that_are_not_the_calls(self, line: Line, api: APIClient) -> None:
        line.deliver()
        for query in (
            "callId=nothing", "callId=call_9f31&userId=other", "callId=call_9f31&agentId=other",
            "callId=call_9f31&contactId=other",
        ):  # fmt: skip
            answer = api.get(f"/api/v1/call/get-metric?{query}")
            assert answer.status_code == 404
            assert answer.json() == {"success": False, "error": "There is no such call", "code": "not_found"}

    def test_failures_have_dialgens_shape(self, line: Line, api: APIClient) -> None:
        answer = api.get("/api/v1/call/get-metric")
        assert (answer.status_code, answer.json()["success"]) == (400, False)
        assert answer["Content-Type"] == "application/json"
        assert api.get("/api/v1/call/get-batch").json()["code"] == "missing_parameter"
        assert key_client("cw_wrong").get("/api/v1/call/get-metric?callId=x").json()["success"] is False

    def test_an_erased_call_is_gone(self, line: Line, api: APIClient) -> None:
        line.deliver()
        with tenancy.scope(line.organisation_id):
            call = erasing.lock_call(line.organisation_id, line.call().id)
            erasing.mark_call_erasing(call)
        assert api.get("/api/v1/call/get-metric?callId=call_9f31").status_code == 410
        assert api.get("/api/v1/calls/call_9f31/transcript").status_code == 410
        assert api.get("/api/v1/call/get-batch?batchId=batch_march_a").status_code == 404
        with tenancy.scope(line.organisation_id):
            erasing.mark_call_erased(call)
        assert api.get("/api/v1/call/get-metric?callId=call_9f31").status_code == 410
        told = api.get("/api/v1/calls/call_9f31").json()
        assert (told["state"], told["external_id"], told["id"]) == ("erased", "", str(call.id))

    def test_get_batch(self, line: Line, api: APIClient) -> None:
        line.deliver(id="a")
        line.deliver(id="b")
        line.deliver(id="c", batchId="")
        answer = api.get("/api/v1/call/get-batch?batchId=batch_march_a").json()
        assert answer["success"] is True
        assert [call["id"] for call in answer["calls"]] == ["a", "b"]

    def test_a_batch_that_is_too_large_is_refused_not_cut(self, line: Line, api: APIClient, monkeypatch: Any) -> None:
        monkeypatch.setattr("compliance.recordings.dialgen_api.MOST", 1)
        line.deliver(id="a")
        line.deliver(id="b")
        answer = api.get("/api/v1/call/get-batch?batchId=batch_march_a")
        assert (answer.status_code, answer.json()["code"]) == (400, "batch_too_large")
