"""What a line is, told from the line alone."""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import lines, packs, surface
from compliance.disclosure.rules.lines import Line, Stretch


def _line(text: str) -> Line:
    return lines.line(text, packs.new_memo((packs.pack("en"),)))


def _stretch(text: str) -> Stretch:
    folded = surface.fold(text, "en")
    return lines.stretch(folded, packs.new_memo(folded.packs), 0, len(folded.text))


@pytest.mark.parametrize(
    ("text", "step", "bulleted"),
    [
        ("3. ask", 3, True),
        ("(b) ask", 2, True),
        ("- ask", None, True),
        ("· ask", None, True),
        ("├ ask", None, True),
        ("ask", None, False),
    ],
)
def test_bullets_and_numbers(text: str, step: int | None, bulleted: bool) -> None:
    found = _line(text)
    assert (found.step, found.bulleted, text[found.body :]) == (step, bulleted, "ask")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("opening", True),
        ("general duties (on every call of the day, without fail)", True),
        ("section 2: first line", True),
        ("say hello.", False),
        ("name: bo", False),
        ("take the name and the date of birth and the address", False),
    ],
)
def test_titles(text: str, title: bool) -> None:
    assert _line(text).title is title


def test_one_arrow_parts_a_case_from_what_is_done_in_it() -> None:
    case = _stretch("Angry → offer the manager.")
    assert (case.label, case.case, len(case.pieces)) == ("angry", True, 1)


def test_many_arrows_are_steps() -> None:
    flow = _stretch("Hello → name → address → goodbye")
    assert (flow.label, flow.case, len(flow.pieces)) == ("", False, 4)


def test_alike_lines_are_read_once() -> None:
    folded = surface.fold("Ask the age.\nAsk the age.", "en")
    memo = packs.new_memo(folded.packs)
    assert lines.stretch(folded, memo, 0, 12) is lines.stretch(folded, memo, 13, 25)
    assert lines.line("- ask", memo) is lines.line("- ask", memo)


def test_long_stretches_are_cut() -> None:
    pieces = _stretch("word " * 1_000).pieces
    assert max(end - start for start, end, _ in pieces) <= lines.MAX_FRAME
