"""Whether people speak English, by the words that hold its sentences together. For calls whose platform says nothing;
told apart from other languages by words that these do not have, and where that is not clear, it is not claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_OWN_WORDS = (
    "the and you i i'm my your we our they their this that it's is are was were have has had be been do don't does did "
    "not with for from would could should can can't will what when where why how please thanks thank yes it to of "
    "there just about if but know need want call "
    "one two three four five seven eight nine"
)
_OWN = frozenset(_OWN_WORDS.split())
_FEWEST = 6
_SHARE = 0.3
_LOOKED_AT = 2_000


def is_english(contents: Iterable[str]) -> bool:
    """Whether these words are English; no for too few of them."""
    own = count = 0
    for content in contents:
        for match in _WORD.finditer(content):
            own += match.group().lower().replace("\u2019", "'") in _OWN
            count += 1
            if count == _LOOKED_AT:
                break
        if count == _LOOKED_AT:
            break
    return count >= _FEWEST and own >= _SHARE * count
