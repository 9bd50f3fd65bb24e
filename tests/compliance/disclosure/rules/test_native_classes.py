"""One class of line in every language: silence taken as a yes, a refusal that is kept, "not before they ask", a step
left out by its number, a placeholder whose name says what it holds.

The lines were written by the one who wrote the rules, each with its opposite: silence taken as a no, another step.
"""

from __future__ import annotations

import pytest

from tests.compliance.disclosure.rules import cases

ROWS = cases.load("native_classes")
KINDS = sorted({row["kind"] for row in ROWS})


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_lines_is_judged_alike_in_every_language(kind: str) -> None:
    wrong = [
        (row["language"], line, reason)
        for row in ROWS
        if row["kind"] == kind
        for line in row["lines"]
        if (reason := cases.judge(row | {"prompt": row["prompt"].replace("{line}", line)}).reasons[0])
        not in row["reasons"]
    ]
    assert wrong == []


def test_every_language_with_a_pack_of_its_own_has_every_class() -> None:
    languages = {kind: {row["language"] for row in ROWS if row["kind"] == kind} for kind in KINDS}
    assert {kind: len(found) for kind, found in languages.items() if len(found) < 16} == {}
