from __future__ import annotations

from rest_framework.test import APIClient

from tests.compliance.calls import Line, work


def test_deliveries_are_listed_and_read_again(line: Line, api: APIClient, outsider_api: APIClient) -> None:
    good = line.deliver()
    bad = line.post(b"not json").json()["delivery"]
    work("intake.process_delivery")
    listed = api.get("/api/v1/deliveries").json()["results"]
    assert [(one["id"], one["state"], one["code"]) for one in listed] == [
        (bad, "quarantined", "not_json"), (str(good), "processed", ""),
    ]  # fmt: skip
    assert [one["id"] for one in api.get("/api/v1/deliveries?state=quarantined").json()["results"]] == [bad]
    assert api.get("/api/v1/deliveries?state=odd").status_code == 400
    assert api.get(f"/api/v1/deliveries/{bad}").json() == listed[0]
    assert outsider_api.get("/api/v1/deliveries").json()["results"] == []
    assert outsider_api.get(f"/api/v1/deliveries/{bad}").status_code == 404
    assert outsider_api.post(f"/api/v1/deliveries/{bad}/replay", {}, format="json").status_code == 403


def test_a_key_replays_nothing(line: Line, api: APIClient) -> None:
    bad = line.post(b"not json").json()["delivery"]
    work("intake.process_delivery")
    assert api.post(f"/api/v1/deliveries/{bad}/replay", {}, format="json").status_code == 403
