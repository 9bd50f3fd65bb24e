"""Cursor pages: everything once, whatever arrives meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.compliance.rest.test_problems import CONNECTIONS, assert_problem


def connect(api: APIClient, name: str) -> str:
    found: str = api.post(CONNECTIONS, {"platform": "dialgen", "name": name}, format="json").json()["id"]
    return found


def page(api: APIClient, **query: Any) -> tuple[list[str], str | None]:
    body = api.get(CONNECTIONS, query).json()
    assert set(body) == {"results", "next_cursor"}
    return [row["id"] for row in body["results"]], body["next_cursor"]


def test_pages_hold_everything_once_newest_first(api: APIClient) -> None:
    made = [connect(api, f"Line {number}") for number in range(5)]
    first, cursor = page(api, limit=2)
    connect(api, "came meanwhile")
    second, cursor = page(api, limit=2, cursor=cursor)
    third, cursor = page(api, limit=2, cursor=cursor)
    assert [*first, *second, *third] == made[::-1]
    assert cursor is None


def test_a_full_last_page_has_no_next(api: APIClient) -> None:
    made = [connect(api, f"Line {number}") for number in range(2)]
    assert page(api, limit=2) == (made[::-1], None)
    assert page(api, limit=2, cursor="AAAAAAAAAAAAAAAAAAAAAA") == ([], None)


def test_another_organisations_cursor_opens_nothing(api: APIClient, outsider_api: APIClient) -> None:
    for number in range(3):
        connect(api, f"Line {number}")
    _, cursor = page(api, limit=1)
    assert page(outsider_api, cursor=cursor) == ([], None)


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "٣", "²", "9" * 5000])
def test_limits_that_mean_nothing(api: APIClient, limit: str) -> None:
    found = assert_problem(api.get(CONNECTIONS, {"limit": limit}), 400, "invalid")
    assert list(found["errors"]) == ["limit"]


@pytest.mark.parametrize("cursor", ["x", "####", "ü", "A" * 21, "A" * 44, "AAAAAAAAAAAAAAAAAAAAAA==AAAA"])
def test_cursors_that_are_not_ours(api: APIClient, cursor: str) -> None:
    found = assert_problem(api.get(CONNECTIONS, {"cursor": cursor}), 400, "invalid")
    assert list(found["errors"]) == ["cursor"]
