"""What of a text is not understood: the reason why an unknown language never passes."""

from __future__ import annotations

import re

from compliance.disclosure.rules import packs, tongues
from compliance.disclosure.rules.reading import Reading
from compliance.disclosure.rules.segments import Frame

_LETTER = re.compile(r"[^\W\d_]")
FUNCTION_WORDS = 0.15  # of all words; even lists in a known language have more
SHARE = 0.3  # of the letters; above it a text counts as not understood


def frame_language(reading: Reading, frame: Frame) -> str | None:
    """Language of a frame by script and function words; None where it cannot be told."""
    text = reading.words[frame.start : frame.end]
    scripts = tongues.scripts_in(text)
    if scripts and len(tongues.OTHER_SCRIPT.findall(text)) * 3 > len(_LETTER.findall(text)):
        known = tongues.of_scripts(scripts, reading.language)
        return known[0] if known else _hinted(text)
    tokens = tongues.TOKEN.findall(text)
    own = {pack.language: sum(map(pack.common.__contains__, tokens)) for pack in reading.packs}
    if max(own.values(), default=0) * 3 > len(tokens):
        return max(own, key=own.__getitem__)
    scores = own | {
        hint.language: sum(map(hint.words.__contains__, tokens)) for hint in packs.foreign_hints() if hint.words
    }
    best = max(scores, key=lambda name: (scores[name], name in own))
    return best if scores[best] >= 2 else None


def _hinted(text: str) -> str:
    return next((hint.language for hint in packs.foreign_hints() if not hint.words and hint.record.search(text)), "und")


def is_understood(reading: Reading) -> bool:
    """Whether nearly all of a text is in languages that have a pack."""
    known = {pack.language for pack in reading.packs}
    told = [mention.start for mention in reading.mentions if not mention.negated]
    strange = total = hits = tokens = 0
    for frame in reading.frames:
        if any(frame.start <= at < frame.end for at in told):
            continue  # a greeting in another language that is known to disclose
        total += frame.end - frame.start
        text = reading.words[frame.start : frame.end]
        if not text.isascii() and tongues.OTHER_SCRIPT.search(text):
            language = frame_language(reading, frame)
            if language in known:
                continue
            if language is not None and tongues.scripts_in(text):
                strange += frame.end - frame.start
                continue
        words = tongues.TOKEN.findall(text)
        long = [word for word in words if len(word) > 1]  # words of one letter are words of many languages
        known_words = max(sum(map(pack.common.__contains__, long)) for pack in reading.packs)
        tokens += len(words)
        hits += known_words
        if len(words) < 3 or known_words * 5 >= len(words):
            continue
        language = frame_language(reading, frame)
        if language is not None and language not in known:
            strange += frame.end - frame.start
    if total and strange > SHARE * total:
        return False
    return tokens < 12 or hits > FUNCTION_WORDS * tokens  # else some language that is not even hinted at


def is_other(reading: Reading, frame: Frame) -> bool:
    """Whether a frame is in another language than the call's."""
    language = frame_language(reading, frame)
    return language is not None and language != reading.language
