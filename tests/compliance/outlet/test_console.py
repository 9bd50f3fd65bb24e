"""Plain pages: endpoints, the delivery log, and what the overview says."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from tests.cast import Cast, Member
from tests.compliance.outlet.conftest import Line, announce
from tests.compliance.outlet.receiver import Receiver
from tests.walks.desk import Desk, button_of, list_of, page_of

ENDPOINT, DISPATCH = "outlet.WebhookEndpoint", "outlet.WebhookDispatch"


@pytest.fixture
def desk(console: Callable[[Member], Client]) -> Callable[[Member], Desk]:
    return lambda member: Desk(console(member))


@pytest.fixture
def officer(cast: Cast, desk: Callable[[Member], Desk]) -> Desk:
    return desk(cast.officer)


def test_an_endpoint_is_made_and_its_secret_shown_once(
    cast: Cast, officer: Desk, receiver: Receiver, jobs: Any
) -> None:
    answer: Any = officer.client.post(
        button_of(ENDPOINT, "create"), {"url": receiver.url, "event_types": "request.*\n\n", "description": ""}
    )
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    found = re.search(r"whsec_[\w+/=]{40,}", html.unescape(answer.content.decode()))
    assert found is not None
    announce(cast)
    jobs.drain()
    assert Webhook(found[0]).verify(receiver.got[0].body, receiver.got[0].headers)
    assert found[0] not in officer.open(list_of(ENDPOINT))


def test_an_address_that_cannot_be_is_refused_at_its_field(officer: Desk, cast: Cast) -> None:
    said = {"url": "https://10.0.0.1/", "event_types": "*", "description": ""}
    officer.press(ENDPOINT, "create", **said).assert_refused("An https address at a full public host name", 400)


def test_pages_show_standing_messages_and_tries(
    cast: Cast, officer: Desk, line: Line, receiver: Receiver, jobs: Any
) -> None:
    receiver.fail(500)
    announce(cast)
    jobs.drain()
    assert "case system" in officer.open(list_of(ENDPOINT))
    page = officer.open(page_of(ENDPOINT, line.id))
    assert receiver.url in page
    assert "request.state.changed" in page
    assert line.secret not in page
    assert "Waiting" in officer.open(list_of(DISPATCH))
    shown = officer.open(page_of(DISPATCH, line.dispatches[0].id))
    assert receiver.got[0].body.decode() in shown
    assert "500" in shown


def test_the_buttons_fit_the_state(
    cast: Cast, officer: Desk, desk: Callable[[Member], Desk], line: Line, receiver: Receiver, jobs: Any
) -> None:
    offered = officer.open(page_of(ENDPOINT, line.id))
    assert "Send test" in offered
    assert "Remove" not in offered
    assert "Send test" not in desk(cast.auditor).open(page_of(ENDPOINT, line.id))
    assert desk(cast.auditor).press(ENDPOINT, "pause", line.id).status == 403
    officer.press(ENDPOINT, "send_test", line.id).assert_done("The test is on its way.")
    said = {"url": receiver.url, "event_types": "request.*", "description": "renamed"}
    officer.press(ENDPOINT, "set_details", line.id, **said).assert_done("The endpoint is changed.")
    officer.press(ENDPOINT, "pause", line.id).assert_done("The endpoint is paused.")
    officer.press(ENDPOINT, "send_test", line.id).assert_refused("resume it first", 409)
    officer.press(ENDPOINT, "resume", line.id).assert_done("The endpoint is active.")
    answer: Any = officer.client.post(button_of(ENDPOINT, "rotate_secret", line.id))
    assert b"whsec_" in answer.content
    officer.press(ENDPOINT, "pause", line.id)
    assert officer.press(ENDPOINT, "remove", line.id).url == list_of(ENDPOINT)
    assert "renamed" not in officer.open(list_of(ENDPOINT))
    officer.open(list_of(DISPATCH))  # its messages are still there


def test_messages_are_sent_again(cast: Cast, officer: Desk, line: Line, receiver: Receiver, jobs: Any) -> None:
    receiver.fail(*[500] * 10)
    announce(cast)
    jobs.settle(times=12)
    assert "Redeliver" in officer.open(page_of(ENDPOINT, line.id))
    since = {"since": f"{timezone.now():%Y-%m-%d} 00:00"}
    officer.press(ENDPOINT, "redeliver", line.id, **since).assert_done("1 message is sent again.")
    jobs.drain()
    assert line.dispatches[0].state == "delivered"
    assert "Redeliver" not in officer.open(page_of(ENDPOINT, line.id))
    officer.press(DISPATCH, "redeliver", line.dispatches[0].id).assert_done("It is sent again.")
    jobs.drain()
    assert len(receiver.got) == 12


def test_the_overview_tells_of_endpoints_in_trouble(
    cast: Cast, officer: Desk, line: Line, receiver: Receiver, jobs: Any
) -> None:
    assert "0 disabled by failures" in officer.open("/admin/").replace("Webhook endpoints in trouble", "")
    receiver.fail(410)
    announce(cast)
    jobs.drain()
    assert "1 disabled by failures" in officer.open("/admin/").replace("Webhook endpoints in trouble", "")


def test_without_endpoints_the_overview_says_nothing(cast: Cast, officer: Desk) -> None:
    assert "Webhook endpoints" not in officer.open("/admin/").partition("At a glance")[2]


def test_a_stranger_sees_nothing(cast: Cast, desk: Callable[[Member], Desk], line: Line) -> None:
    outsider = desk(cast.outsider)
    assert "case system" not in outsider.open(list_of(ENDPOINT))
    assert outsider.press(ENDPOINT, "pause", line.id).status == 404
    assert line.row.state == "active"
