"""How verdicts, states, people's notes and the judge's measurements read on the pages of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts import pages
from accounts.pages import Facts, Words
from compliance.disclosure.models import DisclosureAudit, Finding, Verdict, Waiver
from compliance.errors import Gone

VERDICTS = {Verdict.PASS: pages.GOOD, Verdict.REVIEW: pages.WAITING, Verdict.FAIL: pages.BAD}
STATES = {
    Finding.State.OPEN: pages.WAITING,
    Finding.State.WAIVED: pages.PLAIN,
    Finding.State.RESOLVED: pages.QUIET,
}
WAIVERS = {
    Waiver.State.PROPOSED: pages.WAITING,
    Waiver.State.IN_FORCE: pages.PLAIN,
    Waiver.State.REFUSED: pages.QUIET,
    Waiver.State.WITHDRAWN: pages.QUIET,
    Waiver.State.EXPIRED: pages.QUIET,
    Waiver.State.ENDED: pages.QUIET,
}
_MEASURED = (
    "disclosure_turn", "seconds_to_disclosure", "first_personal_data_turn", "objection_turn", "seconds_to_objection",
    "evidence", "offending", "ai",
)  # fmt: skip


def subject_of(audit: DisclosureAudit) -> str:
    """The prompt or call that was judged."""
    if audit.prompt is not None:
        return f"Prompt {audit.prompt.agent}, version {audit.prompt.number}"
    call = audit.call
    return f"Call {call.external_id or call.id.hex[-8:]}" if call else pages.NOTHING


def link_to_subject(audit: DisclosureAudit) -> Any:
    """The same, as the way to its page."""
    if audit.prompt_id:
        return pages.to("disclosure_promptversion", audit.prompt_id, subject_of(audit))
    return pages.to("recordings_call", audit.call_id, subject_of(audit))


def agent_of(audit: DisclosureAudit) -> Any:
    """The way to the agent whose prompt or call it is."""
    subject = audit.prompt or audit.call
    agent = subject.agent if subject else None
    return pages.to("connectors_agent", agent.id, agent) if agent else pages.NOTHING


def measured(details: dict[str, Any]) -> Facts:
    """What the judge measured: turns, seconds, offsets."""
    rows = [(_label(name), _told(details[name])) for name in _MEASURED if name in details]
    return Facts("What the judge found", rows, "Offsets count characters, turns count from 0.")


def _label(name: str) -> str:
    return "AI" if name == "ai" else pages.words(name).capitalize()


def opened(title: str, read: Callable[[], str]) -> list[Words]:
    """A sealed note; nothing where there is none, and a word where it ended with its call."""
    try:
        text = read()
    except Gone:
        text = "This note ended with what it spoke of."
    return [Words(title, text)] if text else []


def _told(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " to ".join(map(str, value))
    return pages.words(value) if isinstance(value, str) else value
