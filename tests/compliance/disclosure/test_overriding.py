"""Which changes of overrides ask for less, and what law a judgement rests on."""

from __future__ import annotations

from datetime import date

import pytest

from compliance.disclosure import overriding
from compliance.disclosure.overriding import Held
from compliance.disclosure.rules import jurisdictions

TODAY = date(2026, 11, 22)
LATER, LAST = date(2026, 12, 1), date(2027, 1, 31)


def held(code: str, kind: str, purpose: bool = True, until: date | None = None) -> Held:
    return Held(code, kind, purpose, "counsel", until)


@pytest.mark.parametrize(
    ("before", "after", "looser"),
    [
        ([], [held("US-CA", "express")], False),
        ([], [held("US-CA", "express", purpose=False)], False),  # California asks for no purpose
        ([], [held("DE", "express", purpose=False)], True),
        ([], [held("DE", "notice")], True),
        ([], [held("DE-BY", "notice")], True),  # Bavaria has Germany's row
        ([held("DE", "notice")], [], False),
        ([held("DE", "notice")], [held("DE", "express")], False),
        ([held("US-CA", "express")], [], True),
        ([held("US-CA", "express")], [held("US-CA", "notice")], True),
        ([], [held("US", "notice", purpose=False)], False),
        ([], [held("US", "one_party", purpose=False)], True),  # California among them
        ([], [held("CA", "notice", purpose=False)], True),
        ([held("US-CA", "express")], [held("US-CA", "express", until=LATER)], True),  # gentler from then on
        ([held("DE", "notice", until=LATER)], [held("DE", "notice", until=LAST)], True),
        ([held("DE", "notice", until=LAST)], [held("DE", "notice", until=LATER)], False),
        ([held("DE", "notice")], [held("DE", "notice", until=LATER)], False),
        ([held("DE", "notice")], [held("DE", "notice"), held("DE-BY", "express")], False),
        ([held("DE", "notice"), held("DE-BY", "express")], [held("DE", "notice")], True),
    ],
)
def test_what_asks_for_less_on_any_day_anywhere_is_looser(before: list[Held], after: list[Held], looser: bool) -> None:
    assert overriding.loosens(before, after, TODAY) is looser


def test_an_override_holds_through_its_last_day() -> None:
    found = [held("DE", "notice", until=LATER), held("FR", "express")]
    assert set(overriding.in_force(found, LATER)) == {"DE", "FR"}
    assert set(overriding.in_force(found, date(2026, 12, 2))) == {"FR"}


def test_a_judgement_rests_on_the_overrides_of_its_own_places() -> None:
    found = overriding.in_force([held("DE", "notice"), held("US-CA", "express")], TODAY)
    assert overriding.used_by(["DE-BY", "US-CA", "FR"], found) == ["DE", "US-CA"]
    assert overriding.used_by([], found) == []


def test_the_law_of_a_place_changes_with_its_own_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    german, french = overriding.law_mark(["DE"], {}), overriding.law_mark(["FR"], {})
    overridden = overriding.in_force([held("DE", "notice")], TODAY)
    assert overriding.law_mark(["DE"], overridden) != german
    assert overriding.law_mark(["FR"], overridden) == french

    rows = jurisdictions.table()
    monkeypatch.setattr(jurisdictions, "table", lambda: rows | {"DE": rows["FR"]})
    assert overriding.law_mark(["DE"], {}) != german
    assert overriding.law_mark(["FR"], {}) == french
