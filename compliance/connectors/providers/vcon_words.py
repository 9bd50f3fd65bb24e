"""The words in a vCon: text dialogs, or a transcript among its analyses, in the shapes that its writers use. Pure.

Shapes seen: a list of utterances with party, start and text; segments with speaker (World Transcription Format);
paragraphs with sentences by speaker; text with one paragraph a turn; text alone.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from compliance.connectors.facts import Message
from compliance.connectors.providers import payloads
from compliance.connectors.providers.base import Unparseable
from compliance.connectors.providers.payloads import Fields
from compliance.connectors.providers.vcon_envelopes import json_body

MOST_TURNS = 20_000
_TRANSCRIPTS = ("transcript", "diarized", "transcript-redacted")

RoleOf = Callable[[int | None], str]
"""The role of the party at an index of `parties`; "unknown" where there is none."""


def from_dialogs(dialogs: Sequence[Fields], role_of: RoleOf) -> tuple[Message, ...]:
    """Text dialogs, each one turn, in their order."""
    turns = []
    for dialog in dialogs:
        if dialog.line("type") != "text" or dialog.raw("body") in (None, ""):
            continue
        body = json_body(dialog.raw("body"), dialog.line("encoding"), dialog.where("body"))
        if not isinstance(body, str):
            raise Unparseable("wrong_type", dialog.where("body"))
        said = Fields({"body": body}, dialog.where(""), dialog.notes).text("body") or ""
        turns.append(Message(role_of(speaker_of(dialog)), said, dialog.moment("start")))
    return tuple(turns)


def speaker_of(dialog: Fields) -> int | None:
    """Who speaks in a dialog: its originator, else the first of its parties."""
    if dialog.raw("originator") is not None:
        return dialog.count("originator")
    return _first_index(dialog.raw("parties"))


def from_analyses(analyses: Sequence[Fields], role_of: RoleOf) -> tuple[Message, ...]:
    """The transcript with the most turns among those that can be read; an unknown shape is noted, not guessed."""
    found: list[tuple[Message, ...]] = []
    for analysis in analyses:
        if analysis.line("type") not in _TRANSCRIPTS:
            continue
        body = json_body(analysis.raw("body"), analysis.line("encoding"), analysis.where("body"))
        turns = _read(body, analysis, role_of)
        if turns is None:
            analysis.notes.add("transcription_shape_unknown")
        elif turns:
            found.append(turns)
    return max(found, key=len, default=())


def _read(body: Any, analysis: Fields, role_of: RoleOf) -> tuple[Message, ...] | None:
    at = analysis.where("body")
    if isinstance(body, str):
        return _paragraphs_of_text(Fields({"text": body}, at, analysis.notes).text("text") or "")
    if isinstance(body, list):
        return _utterances(body, at, analysis.notes, role_of)
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("segments"), list):
        return _utterances(body["segments"], f"{at}.segments", analysis.notes, role_of)
    paragraphs = _diarised_paragraphs(body)
    if paragraphs is not None:
        return _from_paragraphs(paragraphs, at, analysis.notes)
    if isinstance(body.get("transcript"), str):
        return _paragraphs_of_text(Fields(body, at, analysis.notes).text("transcript") or "")
    return None


def _utterances(items: list[Any], at: str, notes: set[str], role_of: RoleOf) -> tuple[Message, ...] | None:
    if len(items) > MOST_TURNS:
        raise Unparseable("too_many", at)
    turns = []
    for number, item in enumerate(items):
        if not isinstance(item, dict) or not isinstance(item.get("text"), str):
            return None
        fields = Fields(item, f"{at}[{number}]", notes)
        party = item.get("parties", item.get("party", item.get("speaker")))
        turns.append(Message(role_of(_first_index(party)), fields.text("text") or "", fields.moment_or_offset("start")))
    return tuple(turns)


def _diarised_paragraphs(body: Mapping[str, Any]) -> list[Any] | None:
    """`results.channels[0].alternatives[0].paragraphs.paragraphs`, where it is there."""
    value: Any = body
    for step in ("results", "channels", 0, "alternatives", 0, "paragraphs", "paragraphs"):
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, list) else None


def _from_paragraphs(paragraphs: list[Any], at: str, notes: set[str]) -> tuple[Message, ...] | None:
    """Speakers are counted by ear here and are no parties: their role stays open."""
    if len(paragraphs) > MOST_TURNS:
        raise Unparseable("too_many", at)
    turns = []
    for number, item in enumerate(paragraphs):
        sentences = item.get("sentences") if isinstance(item, dict) else None
        if not isinstance(sentences, list):
            return None
        words = [one.get("text") for one in sentences if isinstance(one, dict)]
        fields = Fields(
            {"text": " ".join(word for word in words if isinstance(word, str)), "start": item.get("start")},
            f"{at}.paragraphs[{number}]",
            notes,
        )
        turns.append(Message("unknown", fields.text("text") or "", fields.moment_or_offset("start")))
    return tuple(turns)


def _paragraphs_of_text(text: str) -> tuple[Message, ...]:
    """One turn a paragraph. Who spoke is not said, so it is not claimed."""
    parts = [part.strip() for part in text.split("\n\n")]
    return tuple(Message("unknown", part) for part in parts if part)[:MOST_TURNS]


def _first_index(value: Any) -> int | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < payloads.MAX_ID:
        return value
    return None


def latest_end(dialogs: Sequence[Fields]) -> datetime | None:
    """The end of the last dialog whose start and duration are known."""
    ends = [
        start + timedelta(seconds=dialog.seconds("duration") or 0)
        for dialog in dialogs
        if (start := dialog.moment("start")) is not None
    ]
    return max(ends, default=None)
