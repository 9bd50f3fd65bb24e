"""docs/webhooks.md: its example works, and its list is the catalogue."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from compliance.embedded.places import PROJECT
from compliance.outlet import catalogue, ladder, signatures
from compliance.outlet.operations.announcing import BACKLOG
from compliance.outlet.operations.pruning import KEPT

PAGE = (PROJECT / "docs" / "webhooks.md").read_text()
KEY, BODY = b"k" * 32, b'{"type":"webhook.test"}'


@pytest.fixture
def verify() -> Any:
    """The function that integrators are shown."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/webhooks.md", "exec"), names)
    return names["verify"]


def test_the_example_takes_ours_and_nothing_else(verify: Any) -> None:
    now, secret = timezone.now(), signatures.secret_text(KEY)
    headers = signatures.headers([b"o" * 32, KEY], "msg_1", now, BODY)
    with time_machine.travel(now):
        assert verify(secret, headers, BODY)
        assert not verify(secret, headers, BODY + b" ")
        assert not verify(secret, headers | {"webhook-id": "msg_2"}, BODY)
        assert not verify(signatures.secret_text(b"x" * 32), headers, BODY)
    with time_machine.travel(now.timestamp() + 301):
        assert not verify(secret, headers, BODY)


def test_the_events_are_those_of_the_catalogue() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert {name: (text, fields) for name, text, fields in rows} == {
        event.name: (event.text, ", ".join(f"`{one.name}`" + "?" * one.is_optional for one in event.fields))
        for event in [*catalogue.EVENT_TYPES.values(), catalogue.TEST]
    }


def test_the_figures_are_those_of_the_code() -> None:
    assert f"{BACKLOG:,} messages" in PAGE
    assert f"kept for {KEPT.days} days" in PAGE
    assert ladder.TRIES == 10
    assert "ten tries over three days" in PAGE
    assert (ladder.DISABLE_AFTER.days, ladder.REST_SECONDS) == (5, 60)
