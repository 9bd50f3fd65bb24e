"""What becomes of a finding when its prompt or call is judged again, and what people may say about it. Pure.

A waiver is about one fault in one text. It goes on where the very same version of the prompt (or transcript of the
call) is judged again and shows the same reason, not worse than before: then nothing has changed but the rules. Another
text, language or list of places is another version; what two people accepted there was not this, so the waiver ends.
Who works on a fault, and since when, goes on with the reason also into the next text: handing in a prompt that is
still wrong moves no date.

`fixed` is the judge's word alone where a prompt is concerned: another text is in force and shows no fault any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from compliance.disclosure.judgements import Resolution
from compliance.disclosure.rules import Verdict

MAX_WAIVER_DAYS: Final = 365
"""A year: whoever still wants to live with a fault then says so again."""

GROUNDS: Final = {
    "fix_under_way": "A fix is under way, and the agent has to run until then",
    "told_elsewhere": "The caller is told in another way, and there is evidence of it",
    "law_differs": "Counsel has said that the law does not ask for it here",
    "no_real_callers": "The agent speaks with no real callers",
}
"""Why a fault may be lived with for a time, as codes and in words."""

REOPENINGS: Final = {
    "not_fixed": "It is not fixed",
    "decided_wrongly": "What was decided was wrong",
    "came_to_light": "Something new came to light",
    "waiver_needless": "The waiver is not needed any more",
}
"""Why a finding is open again, as codes and in words."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What an earlier finding becomes. `code` says why its waiver ends; empty: it goes on with the reason."""

    resolution: Resolution
    code: str


def fate(reason: str, verdict: str, faults: Mapping[str, str], *, is_same_text: bool, is_prompt: bool) -> Fate:
    """Of a finding whose prompt or call was judged again with these faults (reason to verdict)."""
    is_fixed = is_prompt and not is_same_text and not faults
    resolution = Resolution.FIXED if is_fixed else Resolution.SUPERSEDED
    if not is_same_text:
        return Fate(resolution, "text_changed")
    if reason not in faults:
        return Fate(resolution, "not_found_again")
    is_worse = faults[reason] == Verdict.FAIL.value != verdict
    return Fate(resolution, "judged_worse" if is_worse else "")


def last_days(today: date) -> tuple[date, date]:
    """The first and the last day until which a waiver that is proposed today may hold."""
    return today + timedelta(days=1), today + timedelta(days=MAX_WAIVER_DAYS)
