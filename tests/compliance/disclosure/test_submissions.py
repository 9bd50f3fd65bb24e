"""What may be asked of the judge."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.disclosure import rules
from compliance.disclosure.submissions import MAX_SPOKEN, UNKNOWN, Context, Submission, check_turns, only_language
from compliance.errors import Invalid

ENGLISH = Context("en-US", ("US-CA",))


def test_language_and_places_get_one_form() -> None:
    assert Context.read(" en-US ", ["us-ca", "DE", "US-CA "]) == Context("en-US", ("US-CA", "DE"))


def test_no_language_is_the_unknown_one() -> None:
    assert Context.read("", []).language == UNKNOWN


@pytest.mark.parametrize(
    ("language", "places", "field"),
    [
        ("english please", ["DE"], "language"),
        ("en_US", ["DE"], "language"),
        ("en" + "-aaaaaaaa" * 5, ["DE"], "language"),
        ("en", ["Germany"], "jurisdictions"),
        ("en", [""], "jurisdictions"),
        ("en", [f"A{chr(65 + n % 26)}-{n}" for n in range(51)], "jurisdictions"),
    ],
)
def test_what_is_no_tag_or_place_is_named(language: str, places: list[str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Context.read(language, places)
    assert list(refused.value.errors) == [field]


@pytest.mark.parametrize("text", ["", " \n\t", "half a pair \ud83d", "a" * (rules.MAX_CHARS + 1)])
def test_what_is_no_prompt_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        Submission(text, ENGLISH)
    assert list(refused.value.errors) == ["prompt"]


def test_the_longest_prompt_is_taken() -> None:
    assert len(Submission("a" * rules.MAX_CHARS, ENGLISH).text) == rules.MAX_CHARS


def test_a_submission_is_the_same_by_text_language_and_places() -> None:
    one = Submission("Hello", Context("en-US", ("DE", "US-CA"))).identity
    assert one == Submission("Hello", Context("en-us", ("US-CA", "DE"))).identity
    others = [
        Submission("Hello ", Context("en-US", ("DE", "US-CA"))),
        Submission("Hello", Context("de", ("DE", "US-CA"))),
        Submission("Hello", Context("en-US", ("DE",))),
    ]
    assert one not in [other.identity for other in others]


def test_a_prompt_is_not_in_its_repr() -> None:
    assert "Juno" not in repr(Submission("Say: I am Juno.", ENGLISH))


@pytest.mark.parametrize(
    ("tags", "language"),
    [(["en-US"], "en-US"), (["en-US", "en-GB"], "en-US"), (["en", "de"], UNKNOWN), ([], UNKNOWN)],
)
def test_only_one_language_is_a_known_one(tags: list[str], language: str) -> None:
    assert only_language(tags) == language


def test_more_words_than_any_call_has_are_refused() -> None:
    turns: list[dict[str, Any]] = [{"content": "a" * (MAX_SPOKEN // 4)}] * 4
    check_turns(turns)
    with pytest.raises(Invalid):
        check_turns([*turns, {"content": "a"}])
