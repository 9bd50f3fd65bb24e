"""The console in a browser: sign in, look, listen, decide; no complaint of the policy, and usable for every reader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from accounts import tenancy
from compliance.recordings import access as register
from compliance.retention.models import LegalHold
from tests.calls import Media, arrive, connect
from tests.cast import PASSWORD, Cast
from tests.compliance.dsr import requests
from tests.log import publish_log
from tests.walks import browsing
from tests.walks.browsing import NARROW, WIDE, Window
from tests.walks.desk import list_of

pytestmark = [pytest.mark.browser, browsing.needs_chromium]

PAGES = ("recordings.Call", "dsr.SubjectRequest", "retention.RetentionSchedule", "audit.Entry", "connectors.Connection")


@pytest.fixture
def address(committed_cast: Cast, jobs: Any, media: Media) -> Iterator[str]:
    """The service with two calls and a request in it, everything committed and the log signed."""
    arrive(connect(committed_cast), jobs, media, "01", "02")
    requests.receive(committed_cast)
    publish_log()
    with browsing.serving() as found:
        yield found


@pytest.fixture
def browser(address: str) -> Iterator[Browser]:
    """Started when everything is in the databases."""
    with browsing.chromium() as found:
        yield found


def _window(browser: Browser, address: str, viewport: Any = WIDE, scheme: Any = "light", **options: Any) -> Window:
    context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
    return Window(context.new_page(), address)


def test_an_officer_signs_in_listens_to_a_call_and_places_a_hold(
    committed_cast: Cast, browser: Browser, address: str
) -> None:
    window = _window(browser, address)
    page = window.page
    window.open("/admin/recordings/call/?q=call_s01")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Email").fill("officer@harbor.example")
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="call_s01").click()
    page.get_by_role("link", name="Open sound and words").click()
    page.get_by_label("Purpose").select_option("complaint")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("I need to move my cleaning appointment.")).to_be_visible()
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert 40 < page.evaluate("document.querySelector('audio').duration") < 43
    window.open(list_of("retention.LegalHold"))
    page.get_by_role("link", name="Place a hold").click()
    page.get_by_label("Matter").fill("Claim 7")
    page.get_by_label("Reason").fill("A claim is near.")
    page.get_by_label("Calls").fill("call_s01")
    page.get_by_role("button", name="Place a hold").click()
    expect(page.get_by_text("The hold is placed.")).to_be_visible()
    assert window.complaints == []
    with tenancy.scope(committed_cast.organisation_id):
        hold = LegalHold.objects.for_organisation(committed_cast.organisation_id).get()
        [link] = register.links(committed_cast.organisation_id)
    assert (hold.matter, hold.placed_by) == ("Claim 7", committed_cast.officer.actor.reference)
    assert (link.purpose, link.opened > 0) == ("complaint", True)


def test_every_page_fits_a_telephone_and_breaks_no_policy(committed_cast: Cast, browser: Browser, address: str) -> None:
    for viewport, scheme in ((NARROW, "light"), (NARROW, "dark"), (WIDE, "dark")):
        window = _window(browser, address, viewport, scheme)
        window.open("/accounts/login/")
        assert window.overflow() == 0
        window.sign_in("owner@harbor.example", PASSWORD)
        for path in ("/admin/", *map(list_of, PAGES)):
            window.open(path)
            assert (window.overflow(), path) == (0, path)
            row = window.page.locator("#result_list tbody a").first
            if path != "/admin/" and row.count():
                row.click()
                assert (window.overflow(), path) == (0, path)
        assert window.complaints == []
        window.page.context.close()


def test_pages_are_usable_with_a_screen_reader_and_weak_eyes(
    committed_cast: Cast, browser: Browser, address: str
) -> None:
    own = ("/admin/dsr/subjectrequest/receive/", "/admin/accounts/apikey/issue-key/", "/accounts/password/change/")
    assert _faults(browser, address, "light", ("/admin/", *map(list_of, PAGES), *own)) == []
    assert _faults(browser, address, "dark", ("/admin/", list_of("recordings.Call"), own[0])) == []


def _matters(fault: Any) -> bool:
    return fault["impact"] in {"serious", "critical"} or fault["id"] == "landmark-one-main"


def _faults(browser: Browser, address: str, scheme: str, paths: tuple[str, ...]) -> list[tuple[str, str]]:
    """What axe finds that shuts somebody out, and pages without a main part."""
    window = _window(browser, address, WIDE, scheme, bypass_csp=True)  # the checker itself is a script
    found: list[tuple[str, str]] = []

    def check(path: str) -> None:
        window.open(path)
        faults = Axe().run(window.page).response["violations"]
        found.extend((path, fault["id"]) for fault in faults if _matters(fault))

    check("/accounts/login/")
    check("/accounts/password/reset/")
    window.sign_in("owner@harbor.example", PASSWORD)
    for path in paths:
        check(path)
    return found


def test_the_keyboard_alone_is_enough(committed_cast: Cast, browser: Browser, address: str) -> None:
    window = _window(browser, address)
    page = window.page
    window.open("/accounts/login/")
    page.get_by_label("Email").focus()
    page.keyboard.type("auditor@harbor.example")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")
    window.open(list_of("recordings.Call"))
    page.get_by_role("link", name="call_s02").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Where the bytes lie")).to_be_visible()
    assert window.complaints == []
