"""Patterns that could take more than linear time, told from their parse: for the check of a pack, never at run time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from re import _constants as codes  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]

_MANY = 1_000
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)


def faults(source: str) -> Iterator[str]:
    """Unbounded repetitions of something that itself repeats without bound and has nothing firm between its rounds."""
    if _nested(parser.parse(source)):
        yield "an unbounded repetition inside an unbounded one"


def _nested(items: Any) -> bool:
    for code, value in items:
        if code in _REPEATS:
            if _is_unbounded(value) and not _is_parted(value[2]) and _grows(value[2]):
                return True
            if _nested(value[2]):
                return True
        elif any(_nested(part) for part in _parts(code, value)):
            return True
    return False


def _is_unbounded(value: Any) -> bool:
    return value[1] is codes.MAXREPEAT or value[1] > _MANY


def _grows(items: Any) -> bool:
    """Whether something in a sequence repeats without bound."""
    for code, value in items:
        if code in _REPEATS:
            if _grows(value[2]) or (_is_unbounded(value) and not all(map(_is_separator, value[2]))):
                return True
        elif any(_grows(part) for part in _parts(code, value)):
            return True
    return False


def _is_parted(items: Any) -> bool:
    """Whether every round holds a separator, so that rounds cannot be cut in two ways."""
    for code, value in items:
        if code in _REPEATS:
            if value[0] > 0 and _is_parted(value[2]):
                return True
        elif (
            _is_separator((code, value))
            or (code is codes.SUBPATTERN and _is_parted(value[-1]))
            or (code is codes.BRANCH and all(_is_parted(branch) for branch in value[1]))
        ):
            return True
    return False


def _is_separator(item: Any) -> bool:
    """White space and punctuation."""
    code, value = item
    if code is codes.LITERAL:
        return not chr(value).isalnum()
    if code is codes.IN:
        return all(
            member == (codes.CATEGORY, codes.CATEGORY_SPACE) or (member[0] is codes.LITERAL and _is_separator(member))
            for member in value
        )
    return False


def _parts(code: Any, value: Any) -> list[Any]:
    if code is codes.SUBPATTERN:
        return [value[-1]]
    if code is codes.BRANCH:
        return list(value[1])
    if code in (codes.ASSERT, codes.ASSERT_NOT):
        return [value[1]]
    return []
