"""Bad input of any kind is a 4xx with a reason, and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from tests.compliance.rest.test_problems import CONNECTIONS, assert_problem
from tests.entries import Entries

GOOD = {"platform": "dialgen", "name": "Main"}


def count(api: APIClient) -> int:
    return len(api.get(CONNECTIONS).json()["results"])


def test_unknown_fields_are_named(api: APIClient, entries: Entries) -> None:
    body = GOOD | {"naem": "x", "colour": "red"}
    found = assert_problem(api.post(CONNECTIONS, body, format="json"), 400, "invalid")
    assert found["errors"] == {name: ["This field is not known."] for name in ("colour", "naem")}
    assert (count(api), entries.events) == (0, [])


def test_unknown_fields_are_named_inside_others_too(api: APIClient) -> None:
    body = {
        "rights": ["erasure"],
        "regime": "eu-gdpr",
        "place": "DE",
        "identities": [{"kind": "email", "value": "a@b.example", "colour": "red"}],
    }
    found = assert_problem(api.post("/api/v1/requests", body, format="json"), 400, "invalid")
    assert list(found["errors"]) == ["identities.0.colour"]


@pytest.mark.parametrize("text", ["\ud800", "half a pair: \udfff", "nul \0 nul"])
def test_text_that_no_row_can_hold(api: APIClient, entries: Entries, text: str) -> None:
    body = json.dumps(GOOD | {"name": text})
    found = assert_problem(api.post(CONNECTIONS, body, content_type="application/json"), 400, "invalid")
    assert list(found["errors"]) == ["name"]
    assert (count(api), entries.events) == (0, [])


@pytest.mark.parametrize("text", ["\ud800", "\0"])
def test_such_text_deep_in_a_document(api: APIClient, text: str) -> None:
    turns = [{"role": "user", "content": "Hello", "timestamp": text}]
    body = json.dumps({"transcription": turns, "language": "en"})
    answer = api.post("/api/v1/disclosure/checks", body, content_type="application/json")
    found = assert_problem(answer, 400, "invalid")
    assert "transcription" in next(iter(found["errors"]))


@pytest.mark.parametrize("address", ["/api/v1/calls/a%00b", "/api/v1/calls?agent=%00", "/api/v1/calls?batch=a%00"])
def test_addresses_with_what_no_row_can_hold(api: APIClient, address: str) -> None:
    assert_problem(api.get(address), 400, "invalid")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, '{"name": 1e999}', '{"name": NaN}', "9" * 5000])
def test_json_that_would_break_a_reader(api: APIClient, body: str) -> None:
    answer: Any = api.post(CONNECTIONS, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] in {"parse_error", "invalid"}


def test_a_body_over_the_limit(api: APIClient) -> None:
    body = json.dumps(GOOD | {"name": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})
    assert_problem(api.post(CONNECTIONS, body, content_type="application/json"), 413, "too_large")
    keyed = api.post(CONNECTIONS, body, content_type="application/json", HTTP_IDEMPOTENCY_KEY="k")
    assert_problem(keyed, 413, "too_large")
