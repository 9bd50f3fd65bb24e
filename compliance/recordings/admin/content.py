"""Opening what was said: for a stated purpose, and each opening is an entry of the operations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from accounts import pages
from accounts.actors import Actor
from accounts.buttons import Question
from accounts.pages import Part, Player, Talk, Words
from compliance.connectors.facts import Message
from compliance.errors import Conflict, NotFound
from compliance.recordings import access, purposes
from compliance.recordings.admin import insights
from compliance.recordings.models import Call
from compliance.recordings.operations import concluding, links, opening

_OTHER = "other"


class PurposeQuestion(Question):
    """Content is opened for a reason that is written down."""

    purpose = forms.ChoiceField(
        label="Purpose",
        choices=[
            ("", "Choose one"),
            *((name, pages.words(name)) for name in sorted(purposes.CODES)),
            (_OTHER, "another one"),
        ],
    )
    words = forms.CharField(
        label="In your words",
        max_length=purposes.MAX_LENGTH,
        required=False,
        help_text="Needed for another purpose. Kept as a disclosure that can be erased; name nobody without need.",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("purpose") == _OTHER and not data.get("words", "").strip():
            self.add_error("words", "Say what for.")
        return data

    @staticmethod
    def stated(data: dict[str, Any]) -> str:
        """The purpose that goes into the log."""
        return str(data["words"].strip() if data["purpose"] == _OTHER else data["purpose"])


def sound(actor: Actor, call: Call, purpose: str) -> Part:
    recording = access.recording_of(actor.organisation_id, call.id)
    if recording is None:
        return Words("Sound", "No recording of this call is stored.")
    issued = links.issue_playback_link(actor=actor, artifact_id=recording.id, purpose=purpose)
    minutes = int(links.LIFETIME.total_seconds() // 60)
    text = f"Decrypted while it plays, range by range. The player works for {minutes} minutes; each range is an entry."
    return Player("Sound", f"/play/{issued.token}", text)


def words(actor: Actor, call: Call, purpose: str) -> list[Part]:
    """What was said, with what was found in it, and that in figures."""
    try:
        messages = opening.open_transcript(actor=actor, call_id=call.id, purpose=purpose)
    except NotFound:
        return [Words("Words", "This call has no transcript.")]
    try:
        opened = concluding.open_insights(actor=actor, call_id=call.id, purpose=purpose)
    except Conflict:
        pending = Words("What was found in the words", "These words are still being looked through.")
        return [_talk(call, messages, [one.content for one in messages]), pending]
    said = insights.marked(messages, opened.insights.spans)
    return [_talk(call, messages, said), insights.insights(opened)]


def _talk(call: Call, messages: list[Message], said: list[str]) -> Talk:
    return Talk("Words", [(_at(one, call), one.role, text) for one, text in zip(messages, said, strict=True)])


def _at(message: Message, call: Call) -> str:
    if message.timestamp is None:
        return ""
    if not isinstance(message.timestamp, datetime):
        return pages.duration(round(message.timestamp * 1000))
    if call.started_at is None:
        return f"{message.timestamp:%H:%M:%S}"
    return pages.duration(max(0, round((message.timestamp - call.started_at).total_seconds() * 1000)))
