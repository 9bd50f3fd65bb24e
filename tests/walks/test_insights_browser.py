"""What a call's words hold, in a browser: marked in the words, said beside them, and readable by every reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.cast import PASSWORD, Cast
from tests.compliance.calls import Line, committed_line, work
from tests.compliance.recordings import talks
from tests.walks import browsing
from tests.walks.browsing import NARROW, WIDE, Window
from tests.walks.desk import button_of

__all__ = ["committed_line"]

pytestmark = [pytest.mark.browser, browsing.needs_chromium]

ANGRY = "I am very angry. Call me at four one five, five five five, oh one three three, or write to jane@example.com."


@pytest.fixture
def call_id(committed_line: Line) -> UUID:
    id_ = talks.say(committed_line, "one", "Hello, this call is recorded.", ANGRY)
    work("recordings.conclude_transcript")
    return id_


@pytest.fixture
def address(call_id: UUID) -> Iterator[str]:
    with browsing.serving() as found:
        yield found


@pytest.fixture
def browser(address: str) -> Iterator[Browser]:
    """Started when everything is in the databases."""
    with browsing.chromium() as found:
        yield found


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "dark")])
def test_what_was_found_is_marked_and_fits_every_reader(
    browser: Browser, address: str, call_id: UUID, committed_cast: Cast, viewport: Any, scheme: Any
) -> None:
    # The checker itself is a script.
    context = browser.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True)
    window = Window(context.new_page(), address)
    window.sign_in("officer@harbor.example", PASSWORD)
    window.open(button_of("recordings.Call", "open_content", call_id))
    window.page.get_by_label("Purpose").select_option("training")
    window.page.get_by_role("button", name="Open", exact=True).click()
    expect(window.page.get_by_role("heading", name="What was found in the words")).to_be_visible()
    assert window.page.locator("mark").all_inner_texts() == [
        "four one five, five five five, oh one three three",
        "jane@example.com",
    ]
    assert window.overflow() == 0
    faults = Axe().run(window.page).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in {"serious", "critical"}] == []
