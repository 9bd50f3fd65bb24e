"""When words are found: against a JavaScript engine's answers, and against the rule itself over nasty texts."""

from __future__ import annotations

import gzip
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.connectors.facts import Message
from compliance.recordings import wording

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "search"
OTHER_BESIDE_A_SIGMA = {0x0295, 0x1171E}
"""Code points that a later Unicode treats otherwise there: see the README of the vectors."""

LETTERS = "aAiIıİ\u0307ßẞsSΣσςΑα'’:.\u00ad\u200d\u0345\u0301ǅǆǄKk\u212aÅå\u212bﬁﬀ𐐀𐐨🙂Ꭰꭰ録 \n\0é"
NASTY = st.text(st.sampled_from(LETTERS) | st.characters(codec="utf-8"), max_size=40)


def lines() -> Iterator[dict[str, Any]]:
    """The vectors, without their header."""
    with gzip.open(VECTORS / "pairs.jsonl.gz", "rt", encoding="utf-8") as file:
        assert json.loads(next(file))["pairs"] == 100_000
        yield from map(json.loads, file)


def lower_table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / "lower.json").read_text())
    return found


def points(ranges: list[list[int]]) -> set[int]:
    return {point for first, last in ranges for point in range(first, last + 1)}


def assigned() -> list[int]:
    known = points(json.loads((VECTORS / "assigned_14.json").read_text()))
    return sorted(point for point in known if point < 0xF0000)


def test_a_hundred_thousand_pairs_are_answered_as_node_answers_them() -> None:
    pairs, wrong, true = 0, [], 0
    for line in lines():
        for words, bit in zip(line["keywords"], line["found"], strict=True):
            pairs += 1
            true += bit == "1"
            if wording.is_in(words, line["content"]) is not (bit == "1"):
                wrong.append((line["content"], words))
    assert (pairs, wrong) == (100_000, [])
    assert 0.3 < true / pairs < 0.7


def test_no_true_pair_is_lost_by_the_pieces_that_are_indexed() -> None:
    for line in lines():
        grams = wording.grams_of([line["content"]])
        for words, bit in zip(line["keywords"], line["found"], strict=True):
            assert bit == "0" or wording.grams_of([words]) <= grams


def test_every_code_point_is_lowered_as_node_lowers_it() -> None:
    table = lower_table()["lower"]
    wrong = [hex(one) for one in assigned() if wording.lowered(chr(one)) != table.get(str(one), chr(one))]
    assert wrong == []
    assert table[str(ord("İ"))] == "i\u0307"


def test_every_code_point_beside_a_sigma_is_as_node_has_it_but_for_those_that_are_named() -> None:
    table = lower_table()
    lets, ends = points(table["lets_sigma_end"]), points(table["ends_word"])
    wrong = {
        one
        for one in assigned()
        if wording.lowered(f"Α{chr(one)}Σ").endswith("ς") is not (one in lets)
        or (wording.lowered(f"ΑΣ{chr(one)}Α")[1] == "ς") is not (one in ends)
    }
    assert wrong <= OTHER_BESIDE_A_SIGMA
    if unicodedata.unidata_version == "14.0.0":
        assert wrong == OTHER_BESIDE_A_SIGMA


@pytest.mark.parametrize(
    ("words", "content", "is_found"),
    [
        ("ΟΔΟΣ", "η οδος εδώ", True),  # the capital sigma at the end is ς
        ("ΟΔΟΣ", "οδοσ", False),
        ("οδοσ", "ΟΔΟΣ", False),
        ("οδοσ", "ΟΔΟΣΤΡΩΜΑ", True),
        ("i", "İ", True),  # i and a combining dot
        ("i\u0307stanbul", "İSTANBUL", True),
        ("istanbul", "İSTANBUL", False),
        ("ı", "I", False),
        ("ss", "ß", False),  # lowered, not folded
        ("ß", "ẞ", True),
        ("k", "\u212a", True),  # the sign for kelvin
        ("é", "e\u0301", False),  # nothing is normalised
        ("ǆ", "ǅ", True),
        ("𐐨", "𐐀", True),
        ("", "anything", True),
        (" a", "b a", True),
    ],
)
def test_the_rule_case_by_case(words: str, content: str, is_found: bool) -> None:
    assert wording.is_in(words, content) is is_found


@settings(max_examples=600, deadline=None)
@given(NASTY, st.lists(NASTY, max_size=4))
def test_what_is_found_is_in_the_index_whatever_is_written(words: str, contents: list[str]) -> None:
    brute = [number for number, content in enumerate(contents) if words.lower() in content.lower()]
    messages = [Message("user", content) for content in contents]
    assert wording.turns_with(words, messages) == brute
    if brute:
        assert wording.grams_of([words]) <= wording.grams_of(contents)


@settings(max_examples=600, deadline=None)
@given(st.data(), NASTY.filter(bool))
def test_an_excerpt_shows_the_words_where_they_stand(data: st.DataObject, content: str) -> None:
    lowered = content.lower()
    start = data.draw(st.integers(0, len(lowered) - 1))
    words = lowered[start : data.draw(st.integers(start + 1, len(lowered)))]
    if not wording.is_in(words, content):
        return  # its own final sigma
    shown = wording.excerpt(words, [Message("user", content)], 0)
    assert shown.text in content
    assert 0 <= shown.start < shown.end <= len(shown.text)
    marked = shown.text[shown.start : shown.end]
    assert words.lower().replace("ς", "σ") in marked.lower().replace("ς", "σ")


def test_an_excerpt_is_the_sentence_and_is_cut_where_it_is_long() -> None:
    said = f"Yes. {'a' * 300} the chargeback {'b' * 300}! No."
    shown = wording.excerpt("CHARGEBACK", [Message("user", "hello"), Message("agent", said)], 1)
    assert (shown.turn, shown.role) == (1, "agent")
    assert shown.text[shown.start : shown.end] == "chargeback"
    assert "Yes" not in shown.text
    assert "No" not in shown.text
    assert len(shown.text) == 160 + len("chargeback") + 160


def test_turns_are_of_the_role_that_is_asked_for() -> None:
    messages = [Message("agent", "Hello you"), Message("user", "hello"), Message("agent", "HELLO")]
    assert wording.turns_with("hello", messages) == [0, 1, 2]
    assert wording.turns_with("hello", messages, "agent") == [0, 2]
    assert wording.turns_with("hello", messages, "nobody") == []


def test_pieces_do_not_reach_from_one_message_into_the_next() -> None:
    assert wording.grams_of(["ab", "cd"]) == set()
    assert wording.grams_of(["abc", "XYZ"]) == {"abc", "xyz"}
    assert [wording.is_indexable(words) for words in ("ab", "abc", "aİ", "🙂🙂")] == [False, True, True, False]
