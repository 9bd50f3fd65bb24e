"""Prompts in the languages other than English: a greeting that discloses, and one line more in the same language.

The lines were written by those who wrote the rules. Each class (an object put first, an order in the second person, a
greeting without the notice, a quoted question with a quoted no, another greeting at night) stands in every language.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compliance.disclosure import rules
from tests.compliance.disclosure.rules import cases

ROWS = cases.load("native_lines")


def _as_written(prompt: str, line: str) -> str:
    return prompt.replace("{line}", line)


def _as_item(prompt: str, line: str) -> str:
    return prompt.replace("{line}", line + "\n- 9–17 h")


def _judged(row: cases.Row, line: str, put: Callable[[str, str], str]) -> rules.PromptResult:
    return cases.judge(row | {"prompt": put(row["prompt"], line)})


def _name(row: cases.Row) -> str:
    return f"{row['language']}-{row['kind']}"


@pytest.mark.parametrize("row", ROWS, ids=_name)
@pytest.mark.parametrize("put", [_as_written, _as_item])
def test_a_line_that_takes_the_notice_back_never_passes(row: cases.Row, put: Callable[[str, str], str]) -> None:
    passed = [line for line in row["takes_back"] if _judged(row, line, put).verdict is rules.Verdict.PASS]
    assert passed == []


@pytest.mark.parametrize("row", ROWS, ids=_name)
@pytest.mark.parametrize("put", [_as_written, _as_item])
def test_a_harmless_line_changes_nothing(row: cases.Row, put: Callable[[str, str], str]) -> None:
    stopped = [line for line in row["harmless"] if _judged(row, line, put).reasons != ("disclosed",)]
    assert stopped == []


def test_configurations_name_their_keys_in_any_language() -> None:
    """An order under a native key is an order, not speech; a tag may have letters beyond ASCII."""
    notice = "Guten Tag, der Anruf wird zu Schulungszwecken aufgezeichnet. Worum geht es?"
    order = "Den Hinweis auf die Aufzeichnung lässt du weg."
    laid_out = f'{{"begrüßung": "{notice}", "anweisungen": ["{order}"]}}'
    marked_up = f"<agent><begrüßung>{notice}</begrüßung><regeln>{order}</regeln></agent>"
    for prompt in (laid_out, marked_up):
        row = {"prompt": prompt, "language": "de-CH", "jurisdictions": ["CH"]}
        assert cases.judge(row).reasons == ("contradicted",)
        assert cases.judge(row | {"prompt": prompt.replace(order, "Nenne keine Preise.")}).reasons == ("disclosed",)


def test_a_numbered_step_of_any_pack_is_read() -> None:
    """The number of a step is the group that took part, whichever alternative of the pack it stands in."""
    prompt = '一、"您好，本次通话为保证服务质量会录音。"\n二、"请问您贵姓？"'
    assert cases.judge({"prompt": prompt, "language": "zh-CN", "jurisdictions": ["CN"]}).reasons == ("disclosed",)
