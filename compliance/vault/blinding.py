"""Blind tokens: what an index over sealed words holds in place of the words.

    token = 32 bits, kept as a signed integer = 19 bits of HMAC-SHA-256(key, "route/v1") |
            13 bits of HMAC-SHA-256(key, "gram/v1" 00 gram in UTF-8)

The 19 bits are the same for a whole organisation and keep its tokens apart from everybody else's in one index. The 13
bits make pieces of text coincide on purpose: a token alone does not say which of them it stands for, and costs little,
because whoever searches opens what was found. Who has the table and the key can test any piece of text; who has the
table alone still sees which tokens come together, and how often.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

ROUTE_BITS, BUCKET_BITS = 19, 13
_ROUTE_LABEL, _GRAM_LABEL = b"route/v1", b"gram/v1\x00"
_KNOWN_MOST = 200_000
"""Pieces of text whose token is remembered: a language has some twenty thousand trigrams that are common."""


@dataclass(frozen=True, repr=False)
class Blinder:
    """Turns pieces of text into tokens of one organisation. Make one for a run of work, not one a piece."""

    key: bytes
    _route: int = field(init=False, compare=False)
    _known: dict[str, int] = field(init=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        digest = hmac.digest(self.key, _ROUTE_LABEL, "sha256")
        object.__setattr__(self, "_route", int.from_bytes(digest[:4], "big") >> (32 - ROUTE_BITS) << BUCKET_BITS)

    def tokens(self, grams: Iterable[str]) -> list[int]:
        """The tokens of these pieces, each once, in order of number: their order says nothing about the text."""
        return sorted({self._token(gram) for gram in grams})

    def _token(self, gram: str) -> int:
        known = self._known.get(gram)
        if known is not None:
            return known
        digest = hmac.digest(self.key, _GRAM_LABEL + gram.encode(), "sha256")
        token = self._route | int.from_bytes(digest[:4], "big") >> (32 - BUCKET_BITS)
        token -= (token >> 31) << 32
        if len(self._known) < _KNOWN_MOST:
            self._known[gram] = token
        return token

    def __repr__(self) -> str:
        return "Blinder(…)"
