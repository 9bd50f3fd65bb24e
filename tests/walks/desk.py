"""A member at the console: opens pages, presses buttons, reads what they say."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.console import ScopedAdmin

LISTS = (
    "accounts.Organisation",
    "accounts.Membership",
    "accounts.ApiKey",
    "audit.Entry",
    "vault.Tombstone",
    "connectors.Connection",
    "connectors.Agent",
    "intake.Delivery",
    "recordings.Call",
    "recordings.Artifact",
    "recordings.DataSubject",
    "recordings.Location",
    "retention.LegalHold",
    "retention.RetentionSchedule",
    "retention.Disposal",
    "disclosure.PromptVersion",
    "disclosure.DisclosureAudit",
    "disclosure.Finding",
    "disclosure.Waiver",
    "disclosure.JurisdictionOverride",
    "disclosure.Report",
    "dsr.SubjectRequest",
    "dsr.OutboundMail",
)


def admin_of(label: str) -> ScopedAdmin:
    """The console's view of one kind of row."""
    found = admin.site.get_model_admin(apps.get_model(label))
    assert isinstance(found, ScopedAdmin)
    return found


def list_of(label: str) -> str:
    return reverse(admin_of(label).url_name("changelist"))


def page_of(label: str, row_id: object) -> str:
    return reverse(admin_of(label).url_name("change"), args=[row_id])


def button_of(label: str, name: str, row_id: object | None = None) -> str:
    return reverse(admin_of(label).url_name(name), args=[row_id] if row_id else [])


def buttons() -> Iterator[tuple[str, str, bool]]:
    """(list, method, whether it stands on a row's page) of every button of the console."""
    for label in LISTS:
        shown = admin_of(label)
        for name in shown._extract_action_names(shown.actions_list):
            yield label, name, False
        for name in shown._extract_action_names(shown.actions_detail):
            yield label, name, True


@dataclass(frozen=True)
class Answer:
    """What came back for a pressed button."""

    status: int
    url: str
    words: str
    said: tuple[str, ...]

    def assert_done(self, sentence: str) -> None:
        """It was done, and says so on the way back."""
        assert (self.status, self.said) == (302, (sentence,)), (self.status, self.said, self.words[-600:])

    def assert_refused(self, sentence: str, status: int) -> None:
        """It was not done, and the same page says why."""
        assert (self.status, sentence in self.words) == (status, True), (self.status, self.words[-600:])


@dataclass(frozen=True)
class Desk:
    """One signed-in client."""

    client: Client

    def open(self, path: str) -> str:
        """A page's words, markup taken out."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return words_of(answer.content)

    def press(self, label: str, button: str, row_id: object | None = None, /, **data: Any) -> Answer:
        """Fill in a button's page and send it."""
        answer: Any = self.client.post(button_of(label, button, row_id), data)
        body = b"" if answer.streaming else answer.content
        # Only what this press said: what earlier ones said waits for the next page.
        waiting: Any = get_messages(answer.wsgi_request)
        said = tuple(str(message) for message in waiting._queued_messages)
        return Answer(answer.status_code, answer.get("Location", ""), words_of(body), said)


def words_of(content: bytes) -> str:
    """What a reader sees of a page."""
    text = re.sub(r"<(script|style).*?</\1>", " ", content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
