"""Every error is a problem document with a code of ours, and says nothing that the caller must not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from compliance import rest
from compliance.recordings import access as register
from tests.cast import Cast, Member
from tests.conftest import key_client
from tests.entries import Entries

CONNECTIONS = "/api/v1/connections"
SignIn = Callable[[Member], APIClient]


def assert_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer["Content-Type"]) == (status, rest.PROBLEM_JSON), answer.content
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:callwarden:problem:{code}")
    assert body["title"]
    return body


def test_without_a_key(cast: Cast) -> None:
    answer = APIClient().get(CONNECTIONS)
    assert_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["", "nonsense", f"cw_{'a' * 12}_{'b' * 43}", "\N{BELL}"])
def test_with_a_wrong_key(cast: Cast, key: str) -> None:
    assert_problem(key_client(key).get(CONNECTIONS), 401, "authentication_failed")


def test_somebody_elses_looks_like_nobodys(api: APIClient, outsider_api: APIClient) -> None:
    hold = api.post(CONNECTIONS, {"platform": "dialgen", "name": "Main"}, format="json").json()["id"]
    there = outsider_api.post(f"{CONNECTIONS}/{hold}/rotate-token", {}, format="json")
    nowhere = outsider_api.post(f"{CONNECTIONS}/{uuid4()}/rotate-token", {}, format="json")
    assert assert_problem(there, 404, "not_found") == assert_problem(nowhere, 404, "not_found")


def test_what_is_not_allowed_is_an_entry(cast: Cast, signed_in: SignIn, entries: Entries) -> None:
    assert signed_in(cast.officer).get("/api/v1/requests").status_code == 200
    assert entries.events == []
    assert_problem(signed_in(cast.engineer).get("/api/v1/requests"), 403, "not_allowed")
    (entry,) = entries
    assert (entry.event, entry.fields["outcome"]) == ("accounts.action.denied", "denied")
    assert entry.fields["what"] == {"view": "requests", "method": "get", "code": "not_allowed"}


def test_a_session_needs_its_csrf_token(cast: Cast) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(cast.officer.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert_problem(client.post(CONNECTIONS, {}, format="json"), 403, "permission_denied")


def test_an_address_that_does_not_exist(api: APIClient) -> None:
    assert_problem(api.get("/api/v1/nothing-here"), 404, "not_found")


def test_a_page_that_does_not_exist_is_a_page(db: None) -> None:
    answer = Client().get("/nothing-here")
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (404, "text/html")


def test_a_method_that_does_not_exist(api: APIClient) -> None:
    answer = api.delete(CONNECTIONS)
    assert_problem(answer, 405, "method_not_allowed")
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_another_media_type(api: APIClient) -> None:
    assert_problem(api.post(CONNECTIONS, "name=x", content_type="text/plain"), 415, "unsupported_media_type")
    assert_problem(api.get(CONNECTIONS, HTTP_ACCEPT="image/png"), 406, "not_acceptable")


def test_json_that_cannot_be_read(api: APIClient) -> None:
    assert_problem(api.post(CONNECTIONS, b'{"name": ', content_type="application/json"), 400, "parse_error")


def test_fields_are_named_by_their_path(api: APIClient) -> None:
    body = {"rights": ["erasure"], "regime": "eu-gdpr", "place": "DE", "identities": [{"kind": "shoe", "value": "x"}]}
    found = assert_problem(api.post("/api/v1/requests", body, format="json"), 400, "invalid")
    assert list(found["errors"]) == ["identities.0.kind"]
    assert_problem(api.post("/api/v1/requests", [1], format="json"), 400, "invalid")


def test_what_goes_wrong_here_is_told_without_its_words(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("Maria Delgado, +1 415 555 0132")

    monkeypatch.setattr(register, "calls", fail)
    api.raise_request_exception = False
    answer = api.get("/api/v1/calls")
    assert_problem(answer, 500, "internal_error")
    assert b"Maria" not in answer.content
