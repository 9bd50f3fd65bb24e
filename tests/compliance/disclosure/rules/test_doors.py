"""A door may be open too often, never shut wrongly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.disclosure.rules import doors, packs, stems, surface
from tests.compliance.disclosure.rules import cases


def _texts() -> list[str]:
    rows = cases.load("prompts") + cases.load("own_prompts")
    prompts = [surface.fold(row["prompt"], row["language"].split("-")[0]).plain for row in rows]
    lines = [line for prompt in prompts for line in prompt.split("\n") if line.strip()]
    turns = [turn["content"] for row in cases.load("transcripts") for turn in row["transcription"]]
    return lines + [surface.fold(turn, "en").text for turn in turns]


def test_no_rule_matches_behind_a_shut_door() -> None:
    texts = _texts()
    for pack in packs.full_packs().values():
        memo = packs.new_memo((pack,))
        for name in pack.sources:
            if name.startswith("spelled."):
                continue  # read over the text as it was written
            pattern = pack.rule(name)
            for text in texts:
                if not memo.opens(name, text):
                    assert not pattern.search(text), (pack.language, name, text)


def _shown(demand: stems.Demand) -> list[set[str]]:
    return [{stem.replace(stems.EDGE, "<") for stem in found} for found in demand]


@pytest.mark.parametrize(
    ("pattern", "demand"),
    [
        (r"\bcall\b", [{"<call<"}]),
        (r"(?:call|line)", [{"call", "line"}]),
        (r"(?:call|line)s?\s+recorded", [{"recorded"}, {"call", "line"}]),
        (r"(?:\bmy\s+calls|the\s+line)", [{"calls", "line"}, {"<my", "the"}]),
        (r"(?:my\s+call|line)", [{"call", "line"}, {"my", "line"}]),
        (r"record(?:ed|ing)?", [{"record"}]),
        (r"calls?\b", [{"call"}]),
        (r"\b(?:is|are)\b\s+x", [{"<is<", "<are<"}]),
        (r"\b(?:a )?no\b", [{"no<"}]),
        (r"\b\bhis", [{"<his"}]),
        (r"\b(?!never)told", [{"<told"}]),
        (r"(?:call)?x*\d+", []),
        (r"(?:call|\d+)", []),
        (r"(?!never)told", [{"told"}]),
        (r"[ab]cd", [{"cd"}]),
        (r"tapes{0,2}", [{"tape"}]),
        (r"a(?:bc){2}", [{"bc"}]),
        (r"a\.b", [{"a<.<b"}]),
    ],
)
def test_what_a_match_needs(pattern: str, demand: list[set[str]]) -> None:
    assert [_shown(one) for one in stems.demands(pattern)] == [demand]


def test_every_branch_has_its_own_demand() -> None:
    assert [_shown(one) for one in stems.demands(r"(?:tape)|(?:\d)|(?:book)")] == [[{"tape"}], [], [{"book"}]]


@given(st.text(alphabet="abc ?", max_size=12))
def test_a_match_always_holds_a_stem_of_each_set(text: str) -> None:
    for pattern in (
        r"ab+c?",
        r"\bab\b",
        r"\b(?:a|bc)\b\s?c",
        r"(?:ab|ca)\s*b",
        r"a?bc{2}",
        r"(?:abc?|b+cc)a",
        r"ab\s+ca",
    ):
        (demand,) = stems.demands(pattern)
        if re.search(pattern, text):
            assert all(any(stem in doors.marked(text) for stem in found) for found in demand)


def test_half_a_key_opens_nothing() -> None:
    index = doors.Doors(doors.masks(["rule"]))
    index.add("rule", r"(?:skip\s+notice)|(?:drop\s+line)")
    memo = doors.Memo((), index, index.bits)
    opened = {
        text: memo.opens("rule", text) for text in ("skip the notice", "drop a line", "skip", "notice", "skip line")
    }
    assert opened == {"skip the notice": True, "drop a line": True, "skip": False, "notice": False, "skip line": False}


def test_a_memo_keeps_nothing_beyond_itself() -> None:
    english = (packs.pack("en"),)
    first = packs.new_memo(english)
    assert first.of_text("the call is recorded") == packs.new_memo(english).of_text("the call is recorded")
    assert packs.new_memo(english)._texts == {}


def test_the_rulebook_version_follows_the_packs() -> None:
    assert re.fullmatch(r"\d+-[0-9a-f]{12}", packs.RULEBOOK_VERSION)
