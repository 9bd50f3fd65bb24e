"""What an earlier finding becomes, case by case."""

from __future__ import annotations

from datetime import date

import pytest

from compliance.disclosure import following
from compliance.disclosure.following import Fate
from compliance.disclosure.judgements import Resolution

FIXED, SUPERSEDED = Resolution.FIXED, Resolution.SUPERSEDED
SAME, OTHER = True, False


@pytest.mark.parametrize(
    ("verdict", "faults", "is_same_text", "is_prompt", "expected"),
    [
        # The same words, judged again: the waiver goes on with the reason, unless it weighs more now.
        ("fail", {"missing": "fail"}, SAME, True, Fate(SUPERSEDED, "")),
        ("review", {"missing": "review"}, SAME, True, Fate(SUPERSEDED, "")),
        ("fail", {"missing": "review"}, SAME, True, Fate(SUPERSEDED, "")),
        ("review", {"missing": "fail"}, SAME, True, Fate(SUPERSEDED, "judged_worse")),
        ("fail", {"late": "fail"}, SAME, True, Fate(SUPERSEDED, "not_found_again")),
        # Other rules have passed the same words: nothing was fixed.
        ("fail", {}, SAME, True, Fate(SUPERSEDED, "not_found_again")),
        # Other words: fixed where nothing is wrong any more, and only there.
        ("fail", {}, OTHER, True, Fate(FIXED, "text_changed")),
        ("fail", {"late": "fail"}, OTHER, True, Fate(SUPERSEDED, "text_changed")),
        ("fail", {"missing": "fail"}, OTHER, True, Fate(SUPERSEDED, "text_changed")),
        # Of a call nothing is fixed by another transcript: the first one was wrong about what was said.
        ("fail", {}, OTHER, False, Fate(SUPERSEDED, "text_changed")),
        ("fail", {"missing": "fail"}, SAME, False, Fate(SUPERSEDED, "")),
    ],
)
def test_fate(verdict: str, faults: dict[str, str], is_same_text: bool, is_prompt: bool, expected: Fate) -> None:
    assert following.fate("missing", verdict, faults, is_same_text=is_same_text, is_prompt=is_prompt) == expected


def test_a_waiver_holds_from_tomorrow_to_a_year() -> None:
    assert following.last_days(date(2026, 3, 1)) == (date(2026, 3, 2), date(2027, 3, 1))
