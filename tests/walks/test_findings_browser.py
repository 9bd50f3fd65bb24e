"""The queue of findings in a browser: two people waive a fault, and every page fits every reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from compliance.connectors import operations as connectors
from compliance.disclosure.models import Finding, Waiver
from tests.cast import PASSWORD, Cast
from tests.compliance.disclosure import conftest as room
from tests.compliance.disclosure.conftest import BARE
from tests.compliance.disclosure.workflow import in_days, propose, put_in_force
from tests.walks import browsing
from tests.walks.browsing import NARROW, WIDE, Window
from tests.walks.desk import list_of, page_of

pytestmark = [pytest.mark.browser, browsing.needs_chromium]

FINDING, WAIVER = "disclosure.Finding", "disclosure.Waiver"


@pytest.fixture
def rows(committed_cast: Cast) -> tuple[Finding, Waiver]:
    """A finding that nobody touched, and a proposal about another one."""
    agent = connectors.register_agent(actor=committed_cast.engineer.actor, external_id="agent_frontdesk")
    put_in_force(committed_cast, agent, f"Be kind.\n{BARE}", language="en", jurisdictions=["DE"])
    asked, purpose = room.findings(committed_cast.officer.actor)
    return asked, propose(committed_cast, purpose)


@pytest.fixture
def address(rows: Any) -> Iterator[str]:
    with browsing.serving() as found:
        yield found


@pytest.fixture
def browser(address: str) -> Iterator[Browser]:
    """Started when everything is in the databases."""
    with browsing.chromium() as found:
        yield found


def _window(browser: Browser, address: str, viewport: Any = WIDE, scheme: Any = "light", **options: Any) -> Window:
    return Window(browser.new_context(viewport=viewport, color_scheme=scheme, **options).new_page(), address)


def test_two_people_waive_a_fault(browser: Browser, address: str, rows: tuple[Finding, Waiver]) -> None:
    window = _window(browser, address)
    page = window.page
    window.sign_in("engineer@harbor.example", PASSWORD)
    window.open(page_of(FINDING, rows[0].id))
    expect(page.get_by_text("The caller is told but not asked; here a spoken yes is needed.")).to_be_visible()
    expect(page.get_by_role("heading", name="The fix")).to_be_visible()
    page.get_by_role("link", name="pause_circle Waive", exact=True).click()
    page.get_by_label("Until").fill(in_days(20).isoformat())
    page.get_by_label("Why").fill("The new greeting is being read by counsel.")
    page.get_by_role("button", name="Waive").click()
    expect(page.get_by_text("a second person approves it.")).to_be_visible()
    window = _window(browser, address)
    page = window.page
    window.sign_in("colleague@harbor.example", PASSWORD)
    window.open(list_of(WAIVER))
    page.get_by_role("link", name="Consent not requested").click()
    expect(page.get_by_text("The new greeting is being read by counsel.")).to_be_visible()
    page.get_by_role("link", name="done_all Approve", exact=True).click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("The finding is waived.")).to_be_visible()
    assert window.complaints == []


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "dark")])
def test_the_pages_fit_every_reader(
    browser: Browser, address: str, rows: tuple[Finding, Waiver], viewport: Any, scheme: str
) -> None:
    window = _window(browser, address, viewport, scheme, bypass_csp=True)  # the checker itself is a script
    window.sign_in("officer@harbor.example", PASSWORD)
    pages = [list_of(FINDING), page_of(FINDING, rows[0].id), list_of(WAIVER), page_of(WAIVER, rows[1].id)]
    audit = page_of("disclosure.DisclosureAudit", rows[0].audit_id)
    for path in [*pages, audit, f"{pages[1].removesuffix('change/')}waive/"]:
        window.open(path)
        assert (window.overflow(), path) == (0, path)
        faults = Axe().run(window.page).response["violations"]
        assert [fault["id"] for fault in faults if fault["impact"] in {"serious", "critical"}] == [], path
