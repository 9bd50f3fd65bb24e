"""Language packs: every one is whole, and none can make the judge slow."""

from __future__ import annotations

import pytest

from compliance.disclosure.rules import letters, packs, slowness, tables


@pytest.mark.parametrize("language", packs.heads())
def test_every_pack_is_sound(language: str) -> None:
    assert packs.check(language) == []


def test_a_pack_takes_the_place_of_a_hint() -> None:
    assert {hint.language for hint in packs.foreign_hints()}.isdisjoint(packs.heads())


def test_english_has_every_rule() -> None:
    assert tables.KNOWN - set(packs.pack("en").sources) <= {"markers.neg_after"}


@pytest.mark.parametrize(
    ("pattern", "slow"),
    [
        (r"(?:\w+)*x", True),
        (r"(?:\w+\s*)*x", True),
        (r"(?:(?:a|b+)c*)*", True),
        (r"(?:\w+\s+)+x", False),
        (r"(?:[\s,]+(?:is|are))*", False),
        (r"(?:\S+ ){0,6}?x", False),
    ],
)
def test_nested_repetitions_are_seen(pattern: str, slow: bool) -> None:
    assert bool(list(slowness.faults(pattern))) is slow


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("grabación", "grabaci[óo]n"),
        ("für", "für"),
        ("録音？", r"録音\?"),
        ("「はい」", '"はい"'),
        ("kaydı", "kaydi"),
        ("مُسجَّل", "مسجل"),
        (r"\bqué\b", r"\bqué\b"),
    ],
)
def test_patterns_are_folded_as_texts_are(written: str, folded: str) -> None:
    assert letters.fold_pattern(written) == folded


def test_vowel_signs_of_hindi_are_letters() -> None:
    assert all(word.isalpha() for word in letters.fold_words("यह कॉल रिकॉर्ड की जा रही है").split())


def test_nobody_needs_more_than_the_heads_to_know_the_languages() -> None:
    assert set(packs.heads()) == set(packs.full_packs())
