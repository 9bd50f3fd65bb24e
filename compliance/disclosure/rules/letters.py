"""Letters of all scripts brought to one form, in texts and, alike, in the patterns and word lists that meet them.

Texts are folded with a map of offsets by `surface`; patterns and words are folded here. Both use the same tables, so a
pack is written as its language is written.
"""

from __future__ import annotations

import re
import unicodedata

_QUOTES = {
    "“": '"',
    "”": '"',
    "„": '"',
    "‟": '"',
    "«": '"',
    "»": '"',
    "「": '"',
    "」": '"',
    "＂": '"',
    "〝": '"',
    "〟": '"',
}
_APOSTROPHES = dict.fromkeys("’‘ʼ´`‹›‚‛『』", "'")
_SPACES = dict.fromkeys("\u00a0\u202f\u3000\t\u2009\u2002\u2003", " ")
_STOPS = {
    "。": ".",
    "｡": ".",
    "．": ".",
    "।": ".",
    "॥": ".",
    "؟": "?",
    "？": "?",
    "！": "!",
    "，": ",",
    "、": ",",
    "､": ",",
}
_MARKS = {
    "،": ",",
    "؛": ";",
    "；": ";",
    "：": ":",
    "︰": ":",
    "（": "(",
    "）": ")",
    "【": "[",
    "】": "]",
    "［": "[",
    "］": "]",
}
_TURKISH = {"ı": "i", "İ": "i"}
_ARABIC = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك"}
# Vowel signs are no letters to Python. They become letters of a script that no prompt is written in, one for one.
_VOWEL_SIGNS = [*range(0x900, 0x904), 0x93A, 0x93B, *range(0x93E, 0x950), *range(0x951, 0x958), 0x962, 0x963]
_DEVANAGARI = {chr(code): chr(0xA500 + code - 0x900) for code in _VOWEL_SIGNS}
SAME_LENGTH = str.maketrans(_QUOTES | _APOSTROPHES | _SPACES | _STOPS | _MARKS | _TURKISH | _ARABIC | _DEVANAGARI)
"""One character for one: never moves an offset."""

_GONE_CHARACTERS = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufe00-\ufe0f"
    "\u064b-\u0652\u0670\u0640\u093c\U000e0000-\U000e007f"
)
GONE = re.compile(f"[{_GONE_CHARACTERS}]+")
"""Marks that nobody sees or that change no word: direction, zero width, Arabic short vowels, nukta."""

COMPOSED = re.compile(r"[^\W\d_][\u0300-\u036f\u3099\u309a]+|[\u1100-\u11ff]{2,}|[\uff66-\uff9d][\uff9e\uff9f]")
"""Letters written in several characters."""

CIRCLED = {chr(0x2460 + index): f"{index + 1}." for index in range(20)}
"""Circled numbers stand for items of a list."""

_TWINS = dict(zip("аеорсухіјѕһԁԛѡɡοανκρτιυ", "aeopcyxijshdqwgoavkptiu", strict=True))
TWINS = str.maketrans(_TWINS | {"к": "k", "м": "m", "т": "t", "в": "b", "н": "h", "г": "r", "п": "n", "ԍ": "g"})
"""Letters of other alphabets that pass for Latin ones."""
_ANY_TWIN = "[" + "".join(map(chr, TWINS)) + "]"
TWIN_WORD = re.compile(rf"(?<![^\W\d_])(?=[^\W\d_]*[a-z])(?=[^\W\d_]*{_ANY_TWIN})[^\W\d_]{{2,60}}")
"""Words of Latin letters with such letters among them."""

_SPECIAL = frozenset(".^$*+?{}[]\\|()")
_ATOMS = re.compile(r"\(\?<[=!](?:[^()\\]|\\.)*\)|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[^}]*\}|[^\W\d_]{5,}", re.DOTALL)
_TWO_LETTERS = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "ß": "ss"}
_BARE = {"ø": "o", "ł": "l", "đ": "d"}


def fold_character(char: str) -> str:
    """The folded form of one character, lower case; empty for one that goes."""
    if GONE.match(char):
        return ""
    if char in CIRCLED:
        return CIRCLED[char]
    folded = unicodedata.normalize("NFKC", char.translate(SAME_LENGTH)).lower().translate(SAME_LENGTH)
    return GONE.sub("", folded)


def fold_words(text: str) -> str:
    """Word lists, folded as texts are."""
    text = unicodedata.normalize("NFC", text).lower()
    return "".join(char if char.isascii() else fold_character(char) for char in text)


def fold_pattern(pattern: str) -> str:
    """A pattern that means the same on folded text; accents of longer words may be missing there."""
    pattern = unicodedata.normalize("NFC", pattern)
    if pattern.isascii():
        return pattern
    folded = "".join(char if char.isascii() else _literal(fold_character(char)) for char in pattern)
    return _ATOMS.sub(_lenient, folded)


def _literal(folded: str) -> str:
    return "".join("\\" + char if char in _SPECIAL else char for char in folded)


def _lenient(match: re.Match[str]) -> str:
    word = match[0]
    if word.isascii() or not word[0].isalpha():
        return word
    return "".join(char if char.isascii() else _either(char) for char in word)


def _either(char: str) -> str:
    """An accented Latin letter, with or without its accent."""
    bare = _BARE.get(char) or unicodedata.normalize("NFD", char)[0]
    pair = _TWO_LETTERS.get(char)
    if pair:
        return f"(?:{char}|{pair}|{bare})" if bare.isascii() else f"(?:{char}|{pair})"
    return f"[{char}{bare}]" if bare.isascii() else char


def without_accents(word: str) -> str:
    """A Latin word as a hurried writer types it."""
    return "".join(_BARE.get(char) or unicodedata.normalize("NFD", char)[0] for char in word)
