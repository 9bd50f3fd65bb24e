"""E-mail addresses, as they are written and as they are said in English: "jane dot doe at example dot com"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from compliance.recordings.insights import digits
from compliance.recordings.insights.spans import Span, SpanKind

_WRITTEN = re.compile(r"[\w.+%'-]{1,64}@(?:\w(?:[\w-]{0,61}\w)?\.){1,8}[^\W\d_]{2,63}")
_TOKEN = re.compile(r"[^\W_]+|[@._+-]")
_DOTS = frozenset({"dot", "."})
_LINKS = _DOTS | {"underscore", "dash", "hyphen", "plus", "_", "-", "+"}
_HYPHENS = frozenset({"dash", "hyphen", "-"})
_ATS = frozenset({"at", "@"})
# After a dot that is written, a sentence may have begun: only what is no word of a sentence ends an address there.
_SURE_ENDS = frozenset({"com", "org", "net", "edu", "gov", "io", "uk", "de", "fr", "eu", "ca", "au", "nz", "ie"})
_NOBODYS_WORDS = (
    "a an the us me him her them it you look looking find found visit shop site website page online store here there "
    "is are was were be that this these those or and of on in to for from available live based located"
)
_NOBODY = frozenset(_NOBODYS_WORDS.split())
"""Words before "at" that are no one's mailbox."""
_MOST_TOKENS = 40

Token = tuple[str, int, int]


def mails_in(turn: int, content: str) -> Iterator[Span]:
    """Every address of a turn; a written one may be found in both ways."""
    for match in _WRITTEN.finditer(content):
        written = match.group()
        start = match.start() + len(written) - len(written.lstrip("'.-"))
        if content[start] != "@":
            yield _span(turn, start, match.end(), content)
    if "at" in content.lower():
        yield from _said(turn, content)


def _said(turn: int, content: str) -> Iterator[Span]:
    tokens = [(match.group().lower(), match.start(), match.end()) for match in _TOKEN.finditer(content)]
    for at, token in enumerate(tokens):
        if token[0] in _ATS:
            first, last = _local_from(content, tokens, at), _domain_to(content, tokens, at)
            if first is not None and last is not None:
                yield _span(turn, tokens[first][1], tokens[last][2], content)


def _domain_to(content: str, tokens: Sequence[Token], at: int) -> int | None:
    """The last token of the domain that follows, None where none does."""
    ends, was_said, now = None, False, at + 1
    while now < min(len(tokens), at + _MOST_TOKENS) and _near(content, tokens, now):
        word = tokens[now][0]
        if not word[0].isalnum() or word in _LINKS:
            return ends
        if now > at + 1 and tokens[now - 1][0] in _DOTS and word.isalpha() and len(word) > 1:
            was_said = was_said or tokens[now - 1][0] == "dot"
            if was_said or word in _SURE_ENDS:
                ends = now
        link = now + 1
        if link >= len(tokens) or not _near(content, tokens, link) or tokens[link][0] not in _DOTS | _HYPHENS:
            return ends
        now = link + 1
    return ends


def _local_from(content: str, tokens: Sequence[Token], at: int) -> int | None:
    """The first token of the mailbox that is named before "at", None where nobody's is."""
    first = at - 1
    if first < 0 or not _near(content, tokens, at) or not tokens[first][0][0].isalnum() or tokens[first][0] in _LINKS:
        return None
    while first > 0 and at - first < _MOST_TOKENS and _near(content, tokens, first):
        before = tokens[first - 1][0]
        if before in _LINKS and first > 1 and _near(content, tokens, first - 1) and tokens[first - 2][0][0].isalnum():
            first -= 2
        elif _is_spelled(before) or (_is_number(tokens[first][0]) and before not in _NOBODY and before[0].isalnum()):
            first -= 1
        else:
            break
    return None if first == at - 1 and tokens[first][0] in _NOBODY else first


def _near(content: str, tokens: Sequence[Token], now: int) -> bool:
    """Whether a token follows the one before it with at most some space between."""
    between = content[tokens[now - 1][2] : tokens[now][1]]
    return len(between) <= 3 and (not between or between.isspace())


def _is_spelled(word: str) -> bool:
    return (len(word) == 1 and word.isalnum()) or _is_number(word)


def _is_number(word: str) -> bool:
    return word.isdecimal() or word in digits.NUMBERS


def _span(turn: int, start: int, end: int, content: str) -> Span:
    return Span(SpanKind.EMAIL, turn, start, end, f"{content[start]}…")
