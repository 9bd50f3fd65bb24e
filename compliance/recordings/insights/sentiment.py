"""How the caller's words sound, from -1 to 1, by VADER (Hutto and Gilbert 2014): a lexicon with rules, for English.

What can go wrong: a number that looks like knowledge. So method, version and language stand beside every score, a
language that the method does not know has none, and what the agent said is never judged.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from compliance.connectors.facts import Message
from compliance.recordings.insights import english

CALLER = "user"
METHOD = f"vader {metadata.version('vaderSentiment')}"
_LANGUAGE = "en"
_EDGE = 0.05
"""From here on a score is called positive or negative: the authors' own threshold (README of vaderSentiment)."""
_PIECE = 100
"""Words that are scored at once. The method is made for sentences, and slow for what is much longer."""


class Feeling(StrEnum):
    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    NOT_SUPPORTED = "not_supported"  # the language is another one, or nobody can tell
    NOTHING_SAID = "nothing_said"  # by the caller


class LanguageSource(StrEnum):
    PLATFORM = "platform"
    WORDS = "words"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Sentiment:
    """The mean over the caller's turns, and each turn's own score by its number from 0."""

    feeling: Feeling
    language: str = ""
    language_source: LanguageSource = LanguageSource.NOBODY
    score: float | None = None
    turns: tuple[tuple[int, float], ...] = ()
    method: str = METHOD


def of_caller(messages: Sequence[Message], told: str) -> Sentiment:
    """Of a transcript whose platform tells this language (BCP 47), or none."""
    own = [(number, one.content) for number, one in enumerate(messages) if one.role == CALLER and one.content.strip()]
    language, source = _language(told, [content for _, content in own])
    if not own:
        return Sentiment(Feeling.NOTHING_SAID, language, source)
    if language.partition("-")[0].lower() != _LANGUAGE:
        return Sentiment(Feeling.NOT_SUPPORTED, language, source)
    turns = tuple((number, round(_score(content), 4)) for number, content in own)
    score = round(sum(one for _, one in turns) / len(turns), 4)
    return Sentiment(feeling_of(score), language, source, score, turns)


def feeling_of(score: float) -> Feeling:
    """The word for a score."""
    if abs(score) < _EDGE:
        return Feeling.NEUTRAL
    return Feeling.POSITIVE if score > 0 else Feeling.NEGATIVE


def _language(told: str, contents: Sequence[str]) -> tuple[str, LanguageSource]:
    if told:
        return told.replace("_", "-"), LanguageSource.PLATFORM
    if english.is_english(contents):
        return _LANGUAGE, LanguageSource.WORDS
    return "", LanguageSource.NOBODY


def _score(content: str) -> float:
    words = content.split()
    pieces = [words[at : at + _PIECE] for at in range(0, len(words), _PIECE)]
    scores = [len(piece) * float(_analyser().polarity_scores(" ".join(piece))["compound"]) for piece in pieces]
    return sum(scores) / len(words)


@functools.cache
def _analyser() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
