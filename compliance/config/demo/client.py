"""HTTP as the demo's people and programs use it: an API key, or a signed-in member."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

_Answer = TypeVar("_Answer")


class NotProven(Exception):
    """A step whose proof is missing; nothing after it counts."""


def robot(base_url: str, key: str) -> httpx.Client:
    """A program with an API key."""
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False)


def member(base_url: str, person: Mapping[str, str]) -> httpx.Client:
    """A person who signed in through the console's page."""
    client = httpx.Client(base_url=base_url, timeout=30, trust_env=False)
    page = client.get("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    expect(page.status_code == httpx.codes.OK and token is not None, "the sign-in page answers")
    fields = {
        "login": person["email"],
        "password": person["password"],
        "csrfmiddlewaretoken": token.group(1) if token else "",
    }
    answer = client.post("/accounts/login/", data=fields, headers={"Referer": f"{base_url}/accounts/login/"})
    expect(answer.status_code == httpx.codes.FOUND, f"{person['email']} can sign in")
    client.headers["Referer"] = f"{base_url}/"
    client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
    return client


def expect(condition: bool, claim: str) -> None:
    """Stop the demo unless the claim holds."""
    if not condition:
        raise NotProven(claim)


def answered(response: httpx.Response, *statuses: int) -> Any:
    """The JSON of an answer with one of these statuses."""
    wanted = statuses or (httpx.codes.OK,)
    if response.status_code not in wanted:
        asked = f"{response.request.method} {response.request.url.path}"
        raise NotProven(f"{asked} answers {response.status_code}, not {wanted}: {response.text[:400]}")
    return response.json() if response.content else None


def eventually(look: Callable[[], _Answer | None], claim: str, *, seconds: float = 60) -> _Answer:
    """Look again until there is something, at most this long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.25)
    raise NotProven(f"within {seconds:g} s: {claim}")
